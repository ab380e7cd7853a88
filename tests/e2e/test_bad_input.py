"""What a node can't start with, or run on: a clear message with the way out, exit code 2."""

import os
import sqlite3
from pathlib import Path

import pytest

from manyends.evals.scenarios.process import TroubleError

from .household import Household, household, manyends, until


async def refused(house: Household, name: str) -> str:
    """Start a node that can't start; return its words."""
    part = name if name in ("brain", "home") else "end"
    code, out, err = await manyends(house, part, "--state", str(house.nodes[name]))
    assert code == 2, err
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("manyends: "), err
    assert "Traceback" not in err
    return last


@pytest.mark.parametrize("name", ["brain", "home"])
async def test_a_port_in_use(name: str) -> None:
    async with household() as house, household() as other:
        await other.start(name)
        config = house.nodes[name] / "node.toml"
        taken, free = other.addresses[name], house.addresses[name]
        config.write_text(config.read_text().replace(f'"{free}"', f'"{taken}"'))
        words = await refused(house, name)
        assert taken in words
        assert "running" in words
        assert "change `listen` in node.toml" in words
        config.write_text(config.read_text().replace(f'"{taken}"', f'"{free}"'))
        await house.start(name)


@pytest.mark.parametrize("name", ["brain", "laptop", "home"])
async def test_a_second_process_of_the_same_node(name: str) -> None:
    async with household() as house:
        await house.start(name)
        if name == "brain":
            # Its own port would refuse it too; it must not come so far.
            config = house.nodes[name] / "node.toml"
            config.write_text(config.read_text().replace(house.addresses[name], "127.0.0.1:19999"))
        assert "runs already" in await refused(house, name)
        if name != "home":
            assert (await house.ask(name, "status"))["name"] == name
        else:
            assert (await house.ask(name, "counts"))["effects"] == {}


async def test_an_unknown_key_in_the_configuration() -> None:
    async with household() as house:
        config = house.nodes["laptop"] / "node.toml"
        text = config.read_text()
        config.write_text('colour = "red"\n' + text)
        words = await refused(house, "laptop")
        assert str(config) in words
        assert "'colour' is not known" in words
        assert "listen" in words  # the known ones are named
        config.write_text(text)
        await house.start("laptop")


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("node.toml", "name =", "is not TOML"),
        ("node.toml", None, "is not there"),
        ("identity.key", "not a key", "can't be used"),
        ("identity.key", None, "can't be used"),
        ("genesis.json", "{}", "can't be used"),
        ("tls.pem", "nonsense", "can't be used"),
    ],
)
async def test_a_file_that_is_wrong(file: str, content: str | None, says: str) -> None:
    async with household() as house:
        path = house.nodes["brain"] / file
        if content is None:
            path.unlink()
        else:
            path.write_text(content)
        words = await refused(house, "brain")
        assert str(path) in words
        assert says in words


async def test_a_key_that_others_may_read() -> None:
    async with household() as house:
        key = house.nodes["brain"] / "identity.key"
        key.chmod(0o644)
        words = await refused(house, "brain")
        assert f"chmod 600 {key}" in words
        key.chmod(0o600)
        await house.start("brain")


async def test_a_folder_of_another_part() -> None:
    async with household() as house:
        code, _, err = await manyends(house, "end", "--state", str(house.nodes["brain"]))
        assert code == 2
        assert "run: manyends brain" in err


async def test_a_damaged_database_is_left_as_it_is() -> None:
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        await house.say("watch", "add milk to the shopping list")
        await house.settled()
        await house.processes["watch"].stop()
        database = house.database("watch")
        whole = database.read_bytes()
        damaged = b"\x00" * 200 + whole[200:]
        database.write_bytes(damaged)
        words = await refused(house, "watch")
        assert str(database) in words
        assert "left as it is" in words
        assert "copy" in words
        assert database.read_bytes() == damaged
        database.write_bytes(whole)
        await house.start("watch")
        await house.whole()
        assert "milk" in await house.say("watch", "what is on the shopping list")


async def test_a_damaged_page_is_found_and_told() -> None:
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        for number in range(30):
            await house.say("watch", f"add thing{number} to the shopping list")
        await house.settled()
        await house.processes["watch"].stop()
        database = house.database("watch")
        with sqlite3.connect(database) as connection:
            root, size = connection.execute(
                "SELECT rootpage, (SELECT page_size FROM pragma_page_size)"
                " FROM sqlite_master WHERE name = 'records'"
            ).fetchone()
        connection.close()
        whole = database.read_bytes()
        start = (root - 1) * size
        database.write_bytes(whole[:start] + os.urandom(size) + whole[start + size :])
        assert "can't be used" in await refused(house, "watch")
        database.write_bytes(whole)
        await house.start("watch")
        assert "thing29" in await house.say("watch", "what is on the shopping list")


async def test_commands_to_what_does_not_run() -> None:
    async with household() as house:
        code, out, err = await manyends(house, "ask", "--on", "watch", "hello")
        assert (code, out) == (2, "")
        assert "manyends up" in err
        code, _, err = await manyends(house, "ask", "--on", "toaster", "hello")
        assert code == 2
        assert "laptop" in err
        code, _, err = await manyends(house, "ends", "--household", str(Path("/nowhere")))
        assert code == 2
        assert "manyends up" in err


async def test_requests_that_make_no_sense() -> None:
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        for arguments, code, says in (
            (["ask", "--on", "watch", " "], 1, "Say something"),
            (["ask", "--on", "watch", "--as", "Nobody", "hello"], 1, "nobody called Nobody"),
            (["tasks", "cancel", "tsk_aaaaaaaaaaaaaaaa", "--on", "watch"], 1, "No unfinished task"),
            (["tasks", "done", "--on", "watch"], 2, "say which task"),
            (["tasks", "done", "tsk_aaaaaaaaaaaaaaaa", "--on", "watch"], 1, "not in doubt"),
            (["why", "--on", "watch"], 1, "Nothing was said here yet"),
            (["audit", "verify", "--on", "watch"], 1, "is not one of"),
            (["fly"], 2, "invalid choice"),
        ):
            got, out, err = await manyends(house, *arguments)
            assert (got, out) == (code, ""), (arguments, err)
            assert says in err
            assert "Traceback" not in err


async def test_lines_that_are_no_requests_are_answered() -> None:
    import asyncio
    import json

    async with household() as house:
        await house.start("watch")
        socket = str(house.processes["watch"].folder.socket)
        reader, writer = await asyncio.open_unix_connection(socket)
        for line, code in (
            (b"{", "bad_message"),
            (b"[]", "bad_message"),
            (b"7", "bad_message"),
            (b"\xff\xfe", "bad_message"),
            (b'{"id": 1}', "unsupported"),
            (b'{"id": 1, "do": "say"}', "bad_message"),
            (b'{"id": 1, "do": "call", "action": "light.turn_on", "args": 3}', "bad_message"),
            (b'{"id": 1, "do": "call", "action": "no.such"}', "not_found"),
            (b'{"id": 1, "do": "call", "action": "notes.add", "on": "mars"}', "not_found"),
            (b'{"id": 1, "do": "tasks", "limit": "x"}', "bad_message"),
        ):
            writer.write(line + b"\n")
            answer = json.loads(await asyncio.wait_for(reader.readline(), 5))
            assert answer["error"]["code"] == code, (line, answer)
        writer.close()
        await writer.wait_closed()
        assert (await house.ask("watch", "status"))["name"] == "watch"


async def test_a_process_that_dies_while_it_is_asked_is_no_success() -> None:
    import asyncio

    async with household() as house:
        await house.start("watch", environment={"MANYENDS_FAILPOINT": "asker.before_intent"})
        asking = asyncio.create_task(
            manyends(house, "ask", "--on", "watch", "add milk to the shopping list")
        )

        async def gone() -> bool:
            return not house.processes["watch"].running

        await until(gone, "the watch died")
        code, _, err = await asking
        assert code == 1
        assert "went away" in err
        with pytest.raises(TroubleError):
            await house.ask("watch", "status")
