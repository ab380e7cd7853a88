"""A node's link to the home: it comes back by itself, and says when the home can't be reached."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.messages import HomeCommand, HomeState, Message
from manyends.skills.home import client
from manyends.skills.home.model import Device, HomeAwayError, HomeView, Kind
from manyends.skills.home.virtual import VirtualHome

if TYPE_CHECKING:
    from tests.skills.conftest import House

LIGHT = "light.kitchen"
OLD = HomeView(areas=("attic",), devices=(Device(id="x", name="x", kind=Kind.SWITCH),))


async def test_a_home_that_is_away_is_known_from_before(
    house: "House", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.05)
    async with house.running():
        pass
    async with house.following(view=OLD) as ana:
        assert ana.link.view() == OLD and not ana.link.reachable
        with pytest.raises(HomeAwayError) as away:
            await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        assert (away.value.code, away.value.reason) == (
            ErrorCode.TIMEOUT,
            "the home does not answer",
        )
        with pytest.raises(ProtocolError):
            await ana.link.carried_out("k1")


async def test_a_link_comes_back_and_keeps_the_snapshot(house: "House") -> None:
    async with house.running():
        pass
    async with house.following(view=OLD) as ana:
        async with house.running():
            await ana.reachable()
            assert ana.link.view().areas == ("kitchen", "hall", "bedroom")
            await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        await ana.reachable(False)
        assert ana.link.wire is None
        light = ana.saved[-1].device(LIGHT)
        assert len(ana.saved) == 2 and light and light.state["power"] == "on"
        async with house.running():
            await ana.reachable()
            assert (await ana.link.command(LIGHT, "light.turn_off", {}, "k2")).ok


async def test_a_command_waits_for_a_home_that_is_just_starting(house: "House") -> None:
    async with house.running():
        pass
    async with house.following() as ana:
        waiting = asyncio.create_task(ana.link.command(LIGHT, "light.turn_on", {}, "k1"))
        async with house.running():
            assert (await waiting).ok


async def test_a_command_whose_link_is_lost_goes_again_under_its_key(
    house: "House", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home does it, and the link breaks before it can say so."""
    answer = VirtualHome._answer
    left = [1]

    def break_once(self: VirtualHome, link: Any, message: Message) -> None:
        if isinstance(message, HomeCommand) and left:
            left.clear()
            self._store.command(message, 0)
            link.wire._socket.transport.abort()
        else:
            answer(self, link, message)

    monkeypatch.setattr(VirtualHome, "_answer", break_once)
    async with house.running(), house.following() as ana, house.user() as user:
        await ana.reachable()
        assert (await ana.link.command(LIGHT, "light.turn_on", {}, "k1")).ok
        assert await user.ask("counts") == {"effects": {"light.turn_on": 1}, "repeats": 1}


async def test_no_answer_leaves_it_open_whether_it_was_done(
    house: "House", monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.running(), house.following() as ana:
        await ana.reachable()
        monkeypatch.setattr(VirtualHome, "_answer", lambda *args: None)
        monkeypatch.setattr(client, "ANSWER_SECONDS", 0.05)
        with pytest.raises(ProtocolError) as silent:
            await ana.link.command(LIGHT, "light.turn_on", {}, "k1")
        assert silent.value.code is ErrorCode.TIMEOUT
        assert not isinstance(silent.value, HomeAwayError)


async def test_a_home_that_stops_answering_pings_is_gone(
    house: "House", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PING_SECONDS", 0.01)
    async with house.running(), house.following() as ana:
        await ana.reachable()
        monkeypatch.setattr(VirtualHome, "_answer", lambda *args: None)
        monkeypatch.setattr(client, "SILENCE_SECONDS", 0.01)
        await ana.reachable(False)


async def test_a_home_of_nonsense_is_refused_and_tried_again(
    house: "House", monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = VirtualHome._answer
    left = [1]

    def nonsense_once(self: VirtualHome, link: Any, message: Message) -> None:
        if left:
            left.clear()
            link.put(HomeState(id="1", devices=[{"id": 3}], complete=True))
        else:
            answer(self, link, message)

    monkeypatch.setattr(VirtualHome, "_answer", nonsense_once)
    async with house.running(), house.following() as ana:
        await ana.reachable()
    assert "the home has a wrong device" in caplog.text


async def test_a_stranger_is_never_let_in(
    house: "House", monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.3)
    async with house.running(), house.following("stranger") as stranger:
        with pytest.raises(HomeAwayError):
            await stranger.link.command(LIGHT, "light.turn_on", {}, "k1")
    assert "not of the household" in caplog.text
