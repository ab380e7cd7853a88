"""Parts that are gone for a while: honest answers meanwhile, and all comes together afterwards."""

import asyncio
import time

import pytest

from manyends.evals.scenarios.process import TroubleError
from manyends.protocol.errors import ProtocolError

from .household import ENDS, HUB, Household, household, until


async def light(house: Household) -> str:
    """Return whether the kitchen light is on."""
    devices = (await house.ask("home", "state"))["devices"]
    return str(next(each for each in devices if each["id"] == "light.kitchen")["state"]["power"])


async def notices(house: Household, name: str) -> list[str]:
    """Return what an end has still to show."""
    return [each["text"] for each in (await house.ask(name, "notices"))["notices"]]


async def test_a_home_that_is_gone_is_said_within_seconds_and_comes_back() -> None:
    async with household() as house:
        await house.start("brain", "watch", "home")
        await house.linked()
        await house.say("watch", "turn on the kitchen light")
        assert await light(house) == "on"
        await house.processes["home"].kill()
        began = time.monotonic()
        answer = await house.ask("watch", "say", text="turn off the kitchen light")
        assert time.monotonic() - began < 8
        assert answer["error"], answer
        assert "home" in answer["reply"]
        assert "off" not in answer["reply"].split()
        await house.start("home")
        await house.linked()
        assert await light(house) == "on"
        answer = await house.ask("watch", "say", text="turn off the kitchen light")
        assert answer["error"] is None
        assert await light(house) == "off"
        counts = (await house.ask("home", "counts"))["effects"]
        assert counts["light.turn_off"] <= 2
        await house.whole()


async def test_a_home_killed_in_the_middle_of_commands_counts_none_twice() -> None:
    async with household() as house:
        await house.start("brain", "watch", "home")
        await house.linked()
        commands = [
            asyncio.create_task(house.ask("watch", "say", text=f"turn {word} the kitchen light"))
            for word in ("on", "off") * 5
        ]

        async def some_done() -> bool:
            return sum(each.done() for each in commands) >= 2

        await until(some_done, "the home has done some")
        await house.processes["home"].kill()
        await house.start("home")
        answers = await asyncio.gather(*commands)
        await house.settled()
        counts = (await house.ask("home", "counts"))["effects"]
        done = [each for each in answers if each["error"] is None]
        assert len(done) <= sum(counts.values()) <= len(commands)
        # Whatever was said to be done was; a command that ended in an error says so.
        tasks = (await house.ask("watch", "tasks"))["tasks"]
        assert len([each for each in tasks if each["state"] == "succeeded"]) == len(done)


async def test_a_brain_that_goes_away_in_the_middle_loses_nothing() -> None:
    async with household([*ENDS, HUB]) as house:
        await house.start()
        await house.linked()
        assert "laptop" in await house.say("watch", "open example.org on the laptop")
        await house.processes["brain"].kill()

        async def noticed() -> bool:
            return (await house.ask("watch", "status"))["serving"] is None

        await until(noticed, "the watch knows")
        # What an end can do by itself it does.
        assert "milk" in await house.say("watch", "add milk to the shopping list")
        assert "on" in (await house.say("hub", "turn on the kitchen light")).lower()
        assert await light(house) == "on"
        # What goes through the brain waits, and is said to.
        waits = await house.say("watch", "open example.com on the laptop")
        assert "away" in waits
        assert "done when it is back" in waits
        unknown = await house.ask("watch", "say", text="why is the sky blue")
        assert unknown["route"] == "local"
        assert "brain is away" in unknown["reply"]
        assert house.pages("laptop") == 1
        await house.start("brain")

        async def told() -> bool:
            texts = " ".join(await notices(house, "watch"))
            return "example.com" in texts and "language model" in texts

        await until(told, "the watch has both as notices")
        await house.linked()
        await house.settled()
        assert house.pages("laptop") == 2
        await house.whole()
        assert "milk" in await house.say("hub", "what is on the shopping list")


async def test_a_brain_killed_while_it_is_asked_answers_afterwards() -> None:
    async with household() as house:
        await house.start("watch")
        await house.start("brain", environment={"MANYENDS_FAILPOINT": "ack:turn.asked"})
        await house.linked()
        asking = asyncio.create_task(house.ask("watch", "say", text="why is the sky blue"))

        async def gone() -> bool:
            return not house.processes["brain"].running

        await until(gone, "the brain died with the question on its disk")
        await house.start("brain")
        answer = await asking
        assert answer["route"] == "brain"
        assert "no language model" in answer["reply"]


async def test_an_end_killed_while_it_waits_tells_the_result_when_it_is_back() -> None:
    async with household() as house:
        await house.start("brain", "home")
        await house.start("watch", environment={"MANYENDS_FAILPOINT": "asker.before_result"})
        await house.linked()
        call = {"action": "light.turn_on", "args": {"target": "kitchen light"}, "on": "brain"}
        with pytest.raises((TroubleError, ProtocolError)):
            await house.ask("watch", "call", **call)
        await house.start("watch")
        await house.linked()

        async def noticed() -> bool:
            return "kitchen light" in " ".join(await notices(house, "watch"))

        await until(noticed, "the watch tells what became of it")
        assert await light(house) == "on"
        await house.whole()
