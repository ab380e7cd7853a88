"""The command line against a household that runs, and processes that stop, start and are left."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

from .household import ENDS, HUB, Household, free_port, household, manyends, until

MINUTE = 60_000


async def output(house: Household, *arguments: str) -> Any:
    """Run a command that must work, and return its JSON."""
    code, out, err = await manyends(house, *arguments, "--json")
    assert (code, err) == (0, ""), err
    return json.loads(out)


async def test_commands_about_a_household() -> None:
    async with household([*ENDS, HUB]) as house:
        await house.start()
        await house.linked()
        code, out, _ = await manyends(house, "ask", "--on", "watch", "turn", "on", "kitchen light")
        assert code == 0
        assert "on" in out
        answer = await output(house, "ask", "--on", "hub", "--as", "Ana", "is the kitchen light on")
        assert answer["route"] == "reflex"
        assert answer["reply"].startswith("Yes")
        code, out, _ = await manyends(house, "ask", "--on", "hub", "turn on the sauna")
        assert "sauna" in out
        ends = {each["name"]: each for each in await output(house, "ends")}
        assert set(ends) == {"brain", "home", "laptop", "watch", "hub"}
        assert all(each["online"] for each in ends.values())
        assert (ends["watch"]["person"], ends["hub"]["area"]) == ("Ana", "kitchen")
        code, out, _ = await manyends(house, "ends")
        assert code == 0
        assert "online" in out
        tasks = await output(house, "tasks", "--on", "watch")
        assert [(each["action"], each["state"]) for each in tasks] == [
            ("light.turn_on", "succeeded")
        ]
        why = await output(house, "why", "--on", "watch")
        assert why["utterance"] == "turn on kitchen light"
        assert why["calls"][0]["state"] == "succeeded"
        code, out, _ = await manyends(house, "why", why["turn"], "--on", "brain")
        assert code == 0
        assert "turn on kitchen light" in out
        verdict = await output(house, "audit", "verify")
        assert verdict["ok"]
        entries = await output(house, "audit", "show", "--limit", "2")
        assert [each["n"] for each in entries] == [verdict["entries"] - 1, verdict["entries"]]


async def test_a_yes_and_a_no_from_the_command_line() -> None:
    async with household() as house:
        await house.start()
        await house.linked()
        for verb, locked in (("deny", True), ("approve", False)):
            code, out, _ = await manyends(house, "ask", "--on", "watch", "unlock the front door")
            assert code == 0
            assert "asked" in out.lower()
            code, _, _ = await manyends(house, "tasks", verb, "--on", "laptop")
            assert code == 0

            async def over() -> bool:
                tasks = (await house.ask("brain", "tasks"))["tasks"]
                states = {each["state"] for each in tasks if each["action"] == "lock.unlock"}
                return bool(states) and states <= {"succeeded", "cancelled"}

            await until(over, "the task is over")
            devices = (await house.ask("home", "state"))["devices"]
            door = next(each for each in devices if each["id"] == "lock.front")
            assert door["state"]["locked"] is locked
        code, _, err = await manyends(house, "tasks", "approve", "--on", "laptop")
        assert code == 1
        assert "Nothing waits" in err


async def test_a_task_in_doubt_is_settled_from_the_command_line() -> None:
    async with household() as house:
        await house.start("brain", "watch", "home")
        await house.start("laptop", environment={"MANYENDS_FAILPOINT": "worker.after_effect"})
        await house.linked()
        asking = asyncio.create_task(house.say("watch", "open example.org on the laptop"))

        async def gone() -> bool:
            return not house.processes["laptop"].running

        await until(gone, "the laptop died")
        await house.start("laptop")
        assert "don't know" in await asking
        (task,) = await output(house, "tasks", "--on", "watch")
        assert task["state"] == "in_doubt"
        code, _, _ = await manyends(house, "tasks", "done", task["id"], "--on", "watch")
        assert code == 0

        async def settled() -> bool:
            (seen,) = (await house.ask("watch", "tasks"))["tasks"]
            return bool(seen["state"] == "succeeded")

        await until(settled, "the person's word counts")
        assert house.pages("laptop") == 1


async def test_a_changed_record_is_found_and_the_place_is_named() -> None:
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        for item in ("milk", "bread", "jam"):
            await house.say("watch", f"add {item} to the shopping list")
        await house.settled()
        count = (await output(house, "audit", "verify"))["entries"]
        assert count >= 6
        content = house.rows("brain", "SELECT * FROM audit WHERE n = 3")[0]
        body = house.rows("brain", "SELECT body FROM payloads WHERE op = ?", content[4])[0][0]
        marks = ", ".join("?" for _ in content)
        whole = ("REPLACE INTO audit VALUES (" + marks + ")", content)
        for change, mend, says in (
            (("UPDATE audit SET digest = 'x' WHERE n = 3", ()), whole, "entry 3 was changed"),
            (("UPDATE audit SET at = at + 1 WHERE n = 3", ()), whole, "entry 3 was changed"),
            (("UPDATE audit SET kind = 'denied' WHERE n = 3", ()), whole, "entry 3 was changed"),
            (("DELETE FROM audit WHERE n = 3", ()), whole, "entry 3 is missing"),
            (
                (
                    "UPDATE payloads SET body = json_set(body, '$.at', 7) WHERE op = ?",
                    (content[4],),
                ),
                ("UPDATE payloads SET body = ? WHERE op = ?", (body, content[4])),
                "what entry 3 is about was changed",
            ),
        ):
            _change(house, *change)
            code, out, _ = await manyends(house, "audit", "verify")
            assert code == 1, change
            assert says in out, change
            _change(house, *mend)
            code, out, _ = await manyends(house, "audit", "verify")
            assert code == 0, out
        # What is forgotten leaves the chain whole.
        _change(house, "DELETE FROM payloads WHERE op = ?", (content[4],))
        assert (await output(house, "audit", "verify"))["ok"]


def _change(house: Household, statement: str, values: tuple[object, ...] = ()) -> None:
    database = sqlite3.connect(house.database("brain"), timeout=5)
    with contextlib.closing(database), database:
        assert database.execute(statement, values).rowcount == 1


def rings(house: Household) -> int:
    """Count how often the watch has begun to ring."""
    return sum(seen["observation"] == "ring" for who, seen in house.heard if who == "watch")


async def test_a_timer_rings_after_a_restart_until_it_is_stopped() -> None:
    async with household() as house:
        await house.start("watch")
        await house.say("watch", "set a timer for 10 minutes")
        await house.processes["watch"].control("advance", ms=5 * MINUTE)
        await house.processes["watch"].kill()
        await house.start("watch", ahead_ms=5 * MINUTE)
        assert "minutes" in await house.say("watch", "how long is left on my timer")
        assert rings(house) == 0
        await house.processes["watch"].control("advance", ms=6 * MINUTE)
        await until(lambda: _is(rings(house) == 1), "it rings")
        await house.processes["watch"].kill()
        await house.start("watch", ahead_ms=11 * MINUTE)
        await until(lambda: _is(rings(house) == 2), "it rings on after a kill")
        await house.say("watch", "stop")
        await house.processes["watch"].kill()
        await house.start("watch", ahead_ms=12 * MINUTE)
        assert "No timer" in await house.say("watch", "how long is left on my timer")
        assert rings(house) == 2


async def test_a_timer_that_was_due_while_the_end_was_off_rings_at_once() -> None:
    async with household() as house:
        await house.start("watch")
        await house.say("watch", "set a timer for 10 minutes")
        await house.processes["watch"].kill()
        await house.start("watch", ahead_ms=60 * MINUTE)
        await until(lambda: _is(rings(house) == 1), "it rings")


async def test_notices_are_kept_until_they_are_shown() -> None:
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        assert "away" in await house.say("watch", "open example.org on the laptop")
        await house.processes["watch"].kill()
        await house.start("laptop")

        async def opened() -> bool:
            return house.pages("laptop") == 1

        await until(opened, "the laptop did what waited for it")
        await house.start("watch")

        async def noticed() -> list[dict[str, Any]]:
            return list((await house.ask("watch", "notices"))["notices"])

        (notice,) = await until(noticed, "the watch has a notice")
        assert "example.org" in notice["text"]
        await house.processes["watch"].kill()
        await house.start("watch")
        assert await noticed() == [notice]
        await house.ask("watch", "shown", notice=notice["id"])
        await house.processes["watch"].kill()
        await house.start("watch")
        assert await noticed() == []


async def test_a_task_that_waits_too_long_expires_and_is_never_done() -> None:
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        await house.say("watch", "open example.org on the laptop")
        await house.settled()
        for name in ("brain", "watch"):
            await house.processes[name].control("advance", ms=25 * 60 * MINUTE)

        async def expired() -> bool:
            (task,) = (await house.ask("watch", "tasks"))["tasks"]
            return bool(task["state"] == "expired")

        await until(expired, "the watch knows that it is too late")
        await house.start("laptop", ahead_ms=25 * 60 * MINUTE)
        await house.whole()
        assert house.pages("laptop") == 0


async def test_a_cancelled_task_is_never_done() -> None:
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        await house.say("watch", "open example.org on the laptop")
        await house.settled()
        code, out, _ = await manyends(house, "tasks", "cancel", "--on", "watch")
        assert code == 0
        assert "cancelled" in out
        await house.settled()
        await house.start("laptop")
        await house.whole()
        assert house.pages("laptop") == 0
        assert [each["state"] for each in await output(house, "tasks")] in ([], ["cancelled"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_told_stop_is_orderly(how: signal.Signals) -> None:
    async with household() as house:
        await house.start("brain", "watch", "home")
        await house.linked()
        watching = asyncio.create_task(house.ask("watch", "watch"))
        for name in ("watch", "home", "brain"):
            process = house.processes[name]._process
            assert process is not None
            process.send_signal(how)
            async with asyncio.timeout(10):
                assert await process.wait() == 0, house.processes[name].log.read_text()
            assert not house.processes[name].folder.socket.exists()
            log = house.processes[name].log.read_text()
            assert "Traceback" not in log, log.replace("\\n", "\n")
        await asyncio.wait([watching])
        assert watching.exception() is not None


async def test_a_starter_that_is_killed_leaves_no_process() -> None:
    with tempfile.TemporaryDirectory(prefix="me-", dir="/tmp") as folder:
        command = ["up", "--household", folder, "--port", str(free_port()), "--model", "none"]
        up = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "manyends.cli.main",
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert up.stderr is not None
        async with asyncio.timeout(30):
            while b"Ready" not in (line := await up.stderr.readline()):
                assert line, "it ended before it was ready"
        nodes = psutil.Process(up.pid).children(recursive=True)
        assert len(nodes) >= 3
        os.kill(up.pid, signal.SIGKILL)
        try:
            assert await up.wait() == -signal.SIGKILL
            await until(lambda: _is(not any(_lives(each) for each in nodes)), "all are gone")
        finally:
            for each in nodes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        assert list(Path(folder).glob("**/node.sock")) == []


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


async def _is(value: bool) -> bool:
    return value
