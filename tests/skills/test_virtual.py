"""The virtual home as a server: links, pushes, hands, counts, and what it refuses."""

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.identity import Identity
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import ConfigError
from manyends.protocol.io.lines import LinesClient
from manyends.protocol.io.websockets import LinkLostError, Wire, dial
from manyends.protocol.messages import Bye, Error, HomeRead, HomeState, Message, Ping, Pong, Vectors
from manyends.protocol.session import Session, Side
from manyends.skills.home import store, virtual

if TYPE_CHECKING:
    from tests.skills.conftest import House

LIGHT = "light.kitchen"


async def wire_of(house: "House", name: str = "phone") -> Wire:
    """Dial the home by hand."""
    session = lambda tls_key: Session(  # noqa: E731
        Side.CLIENT,
        house.entries[name],
        Identity(house.keys[name]),
        house.roster.device,
        tls_key,
        lambda count: b"n" * count,
    )
    return await dial("127.0.0.1", house.port, Clock(), session, 5)


async def test_a_command_changes_the_state_and_everybody_linked_hears(house: "House") -> None:
    async with house.running(), house.following() as ana, house.following("hub") as hub:
        await ana.reachable()
        await hub.reachable()
        outcome = await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        assert outcome.ok and outcome.before["power"] == "off"
        assert outcome.device and outcome.device.state["power"] == "on"
        await hub.link.carried_out("anything")  # an answer comes after the push
        for each in (ana, hub):
            seen = each.link.view().device(LIGHT)
            assert seen and seen.state["power"] == "on" and seen.changes == 1


async def test_one_key_is_one_effect(house: "House") -> None:
    async with house.running(), house.following() as ana, house.user() as user:
        await ana.reachable()
        first = await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        await ana.link.command(LIGHT, "light.turn_off", {}, "k2")
        again = await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        assert again == first
        counts = await user.ask("counts")
        assert counts == {"effects": {"light.turn_on": 1, "light.turn_off": 1}, "repeats": 1}
        state = await user.ask("state")
        assert state["devices"][0]["state"]["power"] == "off"
        assert state["areas"] == ["kitchen", "hall", "bedroom"]


async def test_reading_back_tells_what_a_key_came_to(house: "House") -> None:
    async with house.running(), house.following() as ana:
        await ana.reachable()
        done = await ana.link.command("lock.front", "lock.unlock", {}, "k1")
        assert await ana.link.carried_out("k1") == done
        assert await ana.link.carried_out("k2") is None


async def test_a_hand_is_pushed_but_is_no_effect(house: "House") -> None:
    async with house.running(), house.following() as ana, house.user() as user:
        await ana.reachable()
        answer = await user.ask("set", device=LIGHT, state={"power": "on", "brightness": 40})
        assert answer["device"]["changes"] == 1
        await ana.link.carried_out("anything")
        seen = ana.link.view().device(LIGHT)
        assert seen and seen.state["brightness"] == 40
        assert (await user.ask("counts"))["effects"] == {}


@pytest.mark.parametrize(
    ("device", "state", "code"),
    [
        ("light.garage", {"power": "on"}, ErrorCode.NOT_FOUND),
        (LIGHT, {"brightness": 101}, ErrorCode.BAD_MESSAGE),
        (LIGHT, {"speed": 1}, ErrorCode.BAD_MESSAGE),
    ],
)
async def test_a_hand_can_only_do_what_is_possible(
    house: "House", device: str, state: dict[str, Any], code: ErrorCode
) -> None:
    async with house.running(), house.user() as user:
        with pytest.raises(ProtocolError) as refused:
            await user.ask("set", device=device, state=state)
        assert refused.value.code is code


async def test_unchanged_refuses_what_somebody_has_touched(house: "House") -> None:
    async with house.running(), house.following() as ana, house.user() as user:
        await ana.reachable()
        await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        await user.ask("set", device=LIGHT, state={"brightness": 3})
        outcome = await ana.link.command(LIGHT, "light.turn_off", {}, "k2", unchanged=1)
        assert not outcome.ok and "changed the kitchen light since" in outcome.error
        assert (await ana.link.command(LIGHT, "light.turn_off", {}, "k3", unchanged=2)).ok
        assert (await user.ask("counts"))["effects"] == {"light.turn_on": 1, "light.turn_off": 1}


async def test_a_watcher_sees_states_and_effects(house: "House") -> None:
    async with house.running(), house.following() as ana, house.user() as user:
        await ana.reachable()
        stream = user.stream("watch")
        assert await anext(stream) == ("event", {"observation": "watching"})
        await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        _, seen = await anext(stream)
        assert (seen["observation"], seen["device"], seen["by"]) == ("state", LIGHT, "command")
        assert seen["state"] == {"power": "on", "brightness": 100, "color": "white"}
        _, effect = await anext(stream)
        assert effect == {
            "observation": "effect",
            "action": "light.turn_on",
            "device": LIGHT,
            "count": 1,
        }
        await ana.link.command(LIGHT, "light.turn_on", {}, "k2")  # on already: carried out anyway
        assert (await anext(stream))[1]["count"] == 2
        await user.ask("set", device=LIGHT, state={"power": "off"})
        assert (await anext(stream))[1]["by"] == "hand"


async def test_everything_is_there_after_a_restart(house: "House") -> None:
    async with house.running(), house.following() as ana:
        await ana.reachable()
        done = await ana.link.command(LIGHT, "light.set_brightness", {"brightness": 30}, "k1")
    async with house.running(), house.following() as ana, house.user() as user:
        await ana.reachable()
        assert (
            await ana.link.command(LIGHT, "light.set_brightness", {"brightness": 30}, "k1") == done
        )
        seen = ana.link.view().device(LIGHT)
        assert seen and seen.state["brightness"] == 30 and seen.changes == 1
        counts = await user.ask("counts")
        assert counts == {"effects": {"light.set_brightness": 1}, "repeats": 1}


async def test_a_stranger_is_refused(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    async with house.running():
        with pytest.raises((ProtocolError, LinkLostError)):
            await wire_of(house, "stranger")
    assert "not of the household" in caplog.text


async def test_a_ping_is_answered_and_other_messages_are_unsupported(house: "House") -> None:
    async with house.running():
        wire = await wire_of(house)
        await wire.send(Ping(id=7))
        assert await wire.receive() == Pong(id=7)
        await wire.send(Vectors(feeds={}))
        answer = await wire.receive()
        assert isinstance(answer, Error) and answer.code is ErrorCode.UNSUPPORTED
        await wire.close()


async def test_a_big_home_comes_in_several_frames(
    house: "House", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual, "_DEVICES_A_FRAME", 2)
    async with house.running():
        wire = await wire_of(house)
        await wire.send(HomeRead(id="r"))
        states = [await wire.receive() for _ in range(3)]
        assert all(isinstance(each, HomeState) and each.id == "r" for each in states)
        assert [each.complete for each in states if isinstance(each, HomeState)] == [
            False,
            False,
            True,
        ]
        await wire.close()
        async with house.following() as ana:
            await ana.reachable()
            assert len(ana.link.view().devices) == 5


async def test_a_stopping_home_says_goodbye(house: "House") -> None:
    async with house.running():
        wire = await wire_of(house)
    assert isinstance(await wire.receive(), Bye)


async def test_a_silent_link_is_shut(house: "House", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "SILENCE_SECONDS", 0.01)
    async with house.running():
        wire = await wire_of(house)
        assert isinstance(await wire.receive(), Bye)
        with pytest.raises((LinkLostError, ProtocolError)):
            await wire.receive()


async def test_who_takes_no_messages_is_shut_out(
    house: "House", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual, "_QUEUE", 1)
    async with house.running(), house.following() as ana, house.user() as user:
        await ana.reachable()
        wire = await wire_of(house)
        for power in ("on", "off") * 3:  # faster than the home's loop comes to sending
            user._writer.write(
                b'{"id":0,"do":"set","device":"%s","state":{"power":"%s"}}\n'
                % (LIGHT.encode(), power.encode())
            )
        await user.ask("counts")
        messages: list[Message] = []
        with pytest.raises(LinkLostError):
            while not messages or not isinstance(messages[-1], Bye):
                messages.append(await wire.receive())
            raise LinkLostError


async def test_the_control_socket_counts_frames(house: "House", tmp_path: Path) -> None:
    control = tmp_path / "control"
    async with house.running(control), house.following() as ana:
        await ana.reachable()
        await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        client = await LinesClient.connect(control)
        counters = await client.ask("counters")
        await client.close()
        wire = ana.link.wire
        assert wire is not None
        assert counters["links"] == {
            wire.session.link: {
                "peer": house.entries["phone"].id,
                "out": wire.frames_in,
                "in": wire.frames_out,
            }
        }
        assert counters["changes"] == 1 and counters["serving"] and counters["unsent"] == 0
        assert counters["name"] == "home"


async def test_a_full_disk_refuses_and_changes_nothing(house: "House") -> None:
    async with house.running() as home, house.following() as ana, house.user() as user:
        await ana.reachable()
        await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        database = home._store._db
        database.execute("PRAGMA max_page_count = 1").fetchall()
        key = "k" * 80
        for number in range(100):  # until the pages that are there are full
            outcome = await ana.link.command(
                "media.hall", "media.play", {"item": f"{number:03}" * 90}, f"{number:03}{key}"[:80]
            )
            if not outcome.ok:
                break
        assert not outcome.ok and "could not write it down" in outcome.error
        assert (await user.ask("counts"))["effects"]["media.play"] == number
        seen = home._store.view().device("media.hall")
        assert seen and seen.changes == number
        database.execute("PRAGMA max_page_count = 100000").fetchall()
        again = await ana.link.command("media.hall", "media.pause", {}, "k3")
        assert again.ok


async def test_a_repeat_is_answered_on_a_full_disk(house: "House") -> None:
    async with house.running() as home, house.following() as ana:
        await ana.reachable()
        first = await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        home._store._db.execute("PRAGMA query_only = 1").fetchall()
        assert await ana.link.command(LIGHT, "light.turn_on", {}, "k1") == first
        assert not (await ana.link.command(LIGHT, "light.turn_off", {}, "k2")).ok


async def test_a_taken_port_is_said(house: "House") -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        house.folder.configure(house.config.model_copy(update={"listen": listen}))
        with pytest.raises(ConfigError, match="can't listen on"):
            await virtual.VirtualHome(house.folder, Clock()).run(asyncio.Event())


async def test_a_home_runs_once(house: "House") -> None:
    async with house.running():
        with pytest.raises(ConfigError, match="runs already"):
            await virtual.VirtualHome(house.folder, Clock()).run(asyncio.Event())


async def test_a_damaged_database_is_said(house: "House") -> None:
    house.folder.database.write_bytes(b"this is no database, whatever it is called" * 100)
    with pytest.raises(ConfigError, match="damaged"):
        await virtual.VirtualHome(house.folder, Clock()).run(asyncio.Event())


@pytest.mark.parametrize(
    ("change", "said"),
    [({"profile": "hub"}, "not a home"), ({"listen": None}, "listen: a home has to listen")],
)
async def test_a_folder_that_is_no_home_is_refused(
    house: "House", change: dict[str, Any], said: str
) -> None:
    config = house.config.model_dump() | change
    house.folder.configure(type(house.config).model_validate(config))
    with pytest.raises(ConfigError, match=said):
        await virtual.VirtualHome(house.folder, Clock()).run(asyncio.Event())


def test_old_outcomes_are_forgotten_in_the_end() -> None:
    assert store.KEPT_MS > 7 * 24 * 3600 * 1000
