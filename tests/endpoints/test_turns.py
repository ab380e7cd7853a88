"""Turns: several commands in one sentence, words about tasks, undo, and why it was done."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.payloads import Route, TurnAnswered, TurnAsked, TurnOpened

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net


async def say(net: "Net", name: str, text: str, claim: str | None = None) -> str:
    """Say something to an end, let ops go round while it is done, and return the answer."""
    asking = asyncio.ensure_future(net.request(name, "say", text=text, **{"as": claim}))
    while not asking.done():
        await asyncio.wait([asking], timeout=0.01)
        await net.deliver()
    await net.deliver()
    return str((await asking)["reply"])


async def notices(net: "Net") -> list[dict[str, Any]]:
    """Return what the watch has still to show."""
    return list((await net.request("watch", "notices"))["notices"])


def online(net: "Net") -> None:
    """Let every node take the others to be there."""
    for each in net.nodes.values():
        each.requests.online = each.network.online = lambda device: True  # type: ignore[method-assign]
        each.keeper._online = lambda device: True


async def test_several_commands_in_one_sentence_are_all_done_and_told(net: "Net") -> None:
    async with net.running():
        online(net)
        reply = await say(
            net, "watch", "turn on the kitchen light and add milk to my shopping list"
        )
        assert "kitchen light" in reply
        assert "milk" in reply
        tasks = (await net.request("watch", "tasks"))["tasks"]
        assert [each["action"] for each in tasks] == ["light.turn_on", "list.add"]
        why = await net.request("watch", "why")
        assert [each["state"] for each in why["calls"]] == ["succeeded", "succeeded"]
        assert why["route"] == "reflex"


async def test_a_part_that_can_not_be_done_stops_no_other(net: "Net") -> None:
    async with net.running():
        online(net)
        reply = await say(net, "tablet", "turn on the kitchen light and unlock the front door")
        assert "guest" in reply
        assert net.home.devices["light.kitchen"].state["power"] == "on"
        assert net.home.devices["lock.front"].state["locked"] is True


async def test_what_was_said_is_on_disk_before_it_is_done(net: "Net") -> None:
    async with net.running():
        net.home.gate.clear()
        asking = asyncio.ensure_future(
            net.request("watch", "say", text="turn on the kitchen light")
        )
        while not net.home.tried:
            await asyncio.wait([asking], timeout=0.01)
        assert net.rows("watch", "SELECT utterance, closed FROM turns") == [
            ("turn on the kitchen light", None)
        ]
        net.home.gate.set()
        await asking
        ((closed,),) = net.rows("watch", "SELECT closed FROM turns")
        assert closed


async def test_a_turn_that_a_restart_cut_off_is_closed(net: "Net") -> None:
    async with net.running():
        watch = net.nodes["watch"]
        turn = watch.conversation._open(
            "turn on the kitchen light", watch.conversation.speaker(None)
        )
        await watch.core.write(lambda tx: watch.conversation._put_opened(tx, turn))
        await net.start("watch")
        why = await net.request("watch", "why")
        assert why["utterance"] == "turn on the kitchen light"
        assert "restarted" in why["text"]


async def test_undo_takes_back_the_latest_and_only_once(net: "Net") -> None:
    async with net.running():
        online(net)
        assert "nothing to undo" in await say(net, "watch", "undo that")
        await say(net, "watch", "add milk to the shopping list")
        await say(net, "watch", "turn on the kitchen light")
        await say(net, "watch", "undo that")
        assert net.home.devices["light.kitchen"].state["power"] == "off"
        await say(net, "watch", "undo that")
        assert "empty" in await say(net, "watch", "what is on the shopping list")
        assert "nothing to undo" in await say(net, "watch", "undo that")
        assert net.home.devices["light.kitchen"].state["power"] == "off"


async def test_undo_from_another_device_of_the_same_person(net: "Net") -> None:
    async with net.running():
        online(net)
        await say(net, "watch", "turn on the kitchen light")
        assert "nothing to undo" in await say(net, "phone", "undo that")
        await say(net, "laptop", "undo that")
        assert net.home.devices["light.kitchen"].state["power"] == "off"


async def test_undo_leaves_alone_what_a_hand_touched_since(net: "Net") -> None:
    async with net.running():
        online(net)
        await say(net, "watch", "turn on the kitchen light")
        net.home.touch("light.kitchen")
        reply = await say(net, "watch", "undo that")
        assert "changed it since" in reply
        assert net.home.devices["light.kitchen"].state["power"] == "on"


async def test_what_runs_and_what_is_cancelled(net: "Net") -> None:
    async with net.running():
        assert await say(net, "watch", "what is running") == "Nothing is running."
        assert "nothing to cancel" in await say(net, "watch", "cancel that")
        reply = await say(net, "watch", "set a timer for 5 minutes")
        assert "5 minutes" in reply
        await net.ask("watch", "lock.unlock", on="laptop", target="front door")
        await net.deliver()
        running = await say(net, "watch", "what is running")
        assert "on the laptop is asking" in running
        assert "one timer runs" in running
        assert "I cancelled" in await say(net, "watch", "cancel that")
        with pytest.raises(ProtocolError) as caught:
            await net.request("watch", "cancel", task="tsk_" + "a" * 16)
        assert caught.value.code is ErrorCode.NOT_FOUND


async def test_yes_and_no_in_words(net: "Net") -> None:
    async with net.running():
        online(net)
        assert "shared" in await say(net, "hub", "yes")
        assert "Nothing waits" in await say(net, "watch", "yes")
        await say(net, "watch", "unlock the front door")
        assert "allow" in await say(net, "watch", "yes")
        assert net.home.devices["lock.front"].state["locked"] is False


async def test_a_timer_rings_at_its_time_and_stop_ends_it(net: "Net") -> None:
    async with net.running():
        await say(net, "hub", "set a timer for 5 minutes")
        hub = net.nodes["hub"]
        await hub.scheduler._do_due()
        assert [e for _, e in net.told if e["observation"] == "ring"] == []
        net.clock.advance(300_000)
        await hub.scheduler._do_due()
        assert len([e for _, e in net.told if e["observation"] == "ring"]) == 1
        assert await say(net, "watch", "stop") == "OK."
        assert len([e for _, e in net.told if e["observation"] == "quiet"]) == 0
        await say(net, "hub", "stop")
        assert len([e for _, e in net.told if e["observation"] == "quiet"]) == 1


async def test_two_timers_are_counted_and_a_question_comes_back(net: "Net") -> None:
    async with net.running():
        await say(net, "hub", "set a timer for 5 minutes")
        await say(net, "hub", "set a timer for 7 minutes")
        assert "2 timers run" in await say(net, "hub", "what is running")
        reply = await say(net, "hub", "cancel the timer")
        assert "Which one" in reply


async def test_an_open_question_without_a_model_is_answered_honestly(net: "Net") -> None:
    async with net.running():
        online(net)
        reply = await say(net, "watch", "why is the sky blue")
        assert "no language model" in reply
        assert (await net.request("watch", "why"))["route"] == "brain"


async def test_an_open_question_while_the_brain_is_away_comes_as_a_notice(net: "Net") -> None:
    async with net.running():
        answer = await net.request("watch", "say", text="why is the sky blue")
        assert answer["route"] == "local"
        assert "away" in answer["reply"]
        (notice,) = await net.until(lambda: notices(net))
        assert "no language model" in notice["text"]
        await net.request("watch", "shown", notice=notice["id"])
        assert (await net.request("watch", "notices"))["notices"] == []


async def test_a_question_that_the_brain_had_not_answered_is_answered_after_its_restart(
    net: "Net",
) -> None:
    async with net.running():
        await net.request("watch", "say", text="why is the sky blue")
        brain = net.nodes["brain"]
        brain.reactions["turn.asked"] = lambda tx, origin, payload: None
        await net.deliver("watch", "brain")
        assert (await net.request("watch", "notices"))["notices"] == []
        await net.start("brain")
        net.brain.answers.recover()
        assert len(await net.until(lambda: notices(net))) == 1
        # What was answered is not answered again.
        await net.start("brain")
        net.brain.answers.recover()
        await net.deliver()
        count = "SELECT count(*) FROM ops WHERE kind = 'turn.answered'"
        assert net.rows("brain", count) == [(1,)]


async def test_a_turn_asked_or_answered_in_anothers_name_is_refused(net: "Net") -> None:
    async with net.running():
        brain, watch = net.nodes["brain"], net.nodes["watch"]
        opened = TurnOpened(
            turn="trn_" + "a" * 16,
            conversation="con_" + "a" * 16,
            device=net.device("watch"),
            person=net.person("Ana"),
            utterance="why",
            at=1,
        )

        async def refused(origin: str, turn: TurnOpened) -> ErrorCode:
            asked = TurnAsked(turn=turn)
            with pytest.raises(ProtocolError) as caught:
                await brain.core.write(lambda tx: net.brain.answers.on_asked(tx, origin, asked))
            return caught.value.code

        assert await refused(net.device("phone"), opened) is ErrorCode.FORBIDDEN
        bens = opened.model_copy(update={"person": net.person("Ben")})
        assert await refused(net.device("watch"), bens) is ErrorCode.FORBIDDEN
        answer = TurnAnswered(turn=opened.turn, route=Route.BRAIN, text="lies")
        with pytest.raises(ProtocolError) as caught:
            await watch.core.write(
                lambda tx: watch.conversation.on_answered(tx, net.device("phone"), answer)
            )
        assert caught.value.code is ErrorCode.FORBIDDEN


async def test_words_that_are_none_and_people_who_are_nobody(net: "Net") -> None:
    async with net.running():
        for text in ("", "   ", "x" * 8001):
            with pytest.raises(ProtocolError) as caught:
                await net.request("watch", "say", text=text)
            assert caught.value.code is ErrorCode.BAD_MESSAGE
        with pytest.raises(ProtocolError) as caught:
            await net.request("watch", "say", text="hello", **{"as": "Zoe"})
        assert caught.value.code is ErrorCode.NOT_FOUND


async def test_why_says_who_approved(net: "Net") -> None:
    async with net.running():
        online(net)
        await say(net, "hub", "unlock the front door", "Ben")
        await net.request("watch", "approve")
        await net.deliver()
        why = await net.request("brain", "why")
        assert why["heard_by"] == "hub"
        (call,) = why["calls"]
        assert (call["verdict"], call["state"]) == ("ask", "succeeded")
        assert "Ana" in why["text"]
        with pytest.raises(ProtocolError) as caught:
            await net.request("brain", "why", turn="trn_" + "z" * 16)
        assert caught.value.code is ErrorCode.NOT_FOUND


async def test_several_things_fit_so_it_asks_which_one(net: "Net") -> None:
    async with net.running():
        online(net)
        light = net.home.devices["light.kitchen"]
        hall = light.model_copy(update={"id": "light.hall", "name": "hall light", "area": "hall"})
        net.home.devices["light.hall"] = hall
        reply = await say(net, "watch", "turn on the light")
        assert "?" in reply
        assert net.home.tried == 0
        assert "hall" in await say(net, "watch", "the hall light")
        assert net.home.devices["light.hall"].state["power"] == "on"
