"""What the brain answers to ends: open questions and undo, with real links, disks and a model."""

import asyncio
from pathlib import Path

import pytest

from manyends.brain.answers import NO_DEED, NO_MODEL, ONLY_UNDONE
from manyends.endpoints.requests import Speaker
from manyends.models import catalogue
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.payloads import TurnAsked

from ..e2e.household import household, until
from .house import FakeEngine, house, noticed

SKY = "why is the sky blue"
PARIS = "What is the capital of France?"
ADD = "add {} to the shopping list"
LIST = "what is on the shopping list"


async def test_without_a_model_an_open_question_gets_an_honest_answer(folder: Path) -> None:
    async with house(folder) as home:
        pieces, answer = await home.hear("watch", SKY)
        assert (answer["reply"], answer["route"], answer["tasks"]) == (NO_MODEL, "brain", [])
        assert pieces == []
        why = (await home.ask("watch", "why"))["text"]
        assert "No sentence that I know fits" in why
        assert (await home.ask("brain", "model"))["name"] == "none"


async def test_the_models_words_reach_the_end_as_they_are_written(folder: Path) -> None:
    engine = FakeEngine("Blue ", "light scatters", " more, and I", " will not", " say why.")
    async with house(folder, engine) as home:
        pieces, answer = await home.hear("watch", SKY)
        assert answer["reply"] == "Blue light scatters more, and I will not say why."
        assert answer["route"] == "brain"
        assert "".join(pieces) == answer["reply"]
        assert pieces[:2] == ["Blue ", "light scatters"]
        assert "fake" in (await home.ask("watch", "why"))["text"]
        assert await home.tasks() == []
    assert engine.closed


CALL = ['{"name": "lock.unlock",', ' "arguments": {"target": "lock.front"}}']


@pytest.mark.parametrize(
    ("pieces", "heard"),
    [
        (CALL, ""),
        (["Sure: ", *CALL], "Sure: "),
        (["<tool_call>", *CALL, "</tool_call>"], ""),
        (["lock.unlock(", 'target="front door", ', "quick=True)"], ""),
        (["I'll", " unlock", " the front door."], ""),
        (["Of course. ", "I", " have", " unlocked", " it."], "Of course. "),
        (["Done", "."], ""),
        (["All ", "set", "!"], ""),
    ],
)
async def test_a_call_or_a_claimed_deed_is_neither_spoken_nor_run(
    folder: Path, pieces: list[str], heard: str
) -> None:
    async with house(folder, FakeEngine(*pieces)) as home:
        spoken, answer = await home.hear("watch", "let my friend in please")
        assert answer["reply"] == NO_DEED
        assert "".join(spoken) == heard
        assert (answer["error"], answer["tasks"]) == (None, [])
        assert await home.tasks() == []
        assert (
            await home.say("watch", "is the front door locked") == "Yes, the front door is locked."
        )


async def test_a_model_that_breaks_leaves_an_honest_answer(folder: Path) -> None:
    async with house(folder, FakeEngine("Because the light ", breaks=True)) as home:
        _, answer = await home.hear("watch", SKY)
        assert answer["reply"] == "I can't think about that now: The model broke."


async def test_a_model_that_says_nothing_knows_nothing(folder: Path) -> None:
    async with house(folder, FakeEngine(" ", "\n")) as home:
        pieces, answer = await home.hear("watch", SKY)
        assert (pieces, answer["reply"]) == ([], "I don't know.")


async def test_a_question_that_comes_while_the_brain_starts_is_answered_once(folder: Path) -> None:
    """It arrives over a link while those of before the restart are looked for."""
    gate = asyncio.Event()
    engine = FakeEngine("Because.", gate=gate)
    async with house(folder, engine) as home:
        asking = asyncio.create_task(home.say("watch", SKY))

        async def asked() -> bool:
            return bool(engine.asked)

        await until(asked, "the model is asked")
        home.brain.answers.recover()
        gate.set()
        assert await asking == "Because."
        await home.passed_on()
        assert engine.asked == [SKY]
        assert await noticed(home.ask("watch", "notices")) == []


async def test_what_an_end_says_of_others_is_refused(folder: Path) -> None:
    """An end that asks in another person's name, or as another device, gets no answer."""
    async with house(folder, FakeEngine("Secret.")) as home:
        watch, phone = (home.nodes[name] for name in ("watch", "phone"))
        turn = watch.conversation._open(SKY, Speaker(watch.core.me.person)).opened

        def refused(origin: str, asked: TurnAsked) -> ErrorCode:
            tx = home.brain.node.core.replica.begin(home.brain.node.core.store.reader)
            with pytest.raises(ProtocolError) as refusal:
                home.brain.answers.on_asked(tx, origin, asked)
            return refusal.value.code

        stolen = turn.model_copy(update={"device": phone.core.me.id})
        for each in (turn, stolen):
            code = refused(phone.core.me.id, TurnAsked(turn=each, history=[]))
            assert code is ErrorCode.FORBIDDEN


@pytest.mark.timeout(180)
async def test_the_embedded_model_streams_an_answer_and_starts_nothing(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANYENDS_MODELS", str(model_folder))
    async with household(model=catalogue.DEFAULT) as home:
        await home.start("brain", "watch")
        await home.linked()
        answer = await home.ask("watch", "say", text=PARIS)
        assert answer["route"] == "brain"
        assert "Paris" in answer["reply"]
        deltas = [seen["text"] for who, seen in home.heard if seen["observation"] == "delta"]
        assert len(deltas) > 1
        assert "".join(deltas).strip() == answer["reply"]
        assert (await home.ask("brain", "model"))["memory_bytes"] > 0
        assert (await home.ask("brain", "tasks"))["tasks"] == []


@pytest.mark.timeout(180)
async def test_a_brain_killed_while_it_thinks_answers_with_a_notice_to_an_end_that_left(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANYENDS_MODELS", str(model_folder))
    async with household(model=catalogue.DEFAULT) as home:
        await home.start("watch", "brain")
        await home.linked()
        asking = asyncio.create_task(home.ask("watch", "say", text=PARIS))

        async def asked() -> bool:
            return bool(home.rows("brain", "SELECT 1 FROM ops WHERE kind = 'turn.asked'"))

        await until(asked, "the question is on the brain's disk")
        await home.processes["brain"].kill()
        await home.processes["watch"].kill()
        await asyncio.wait([asking])
        assert asking.exception() is not None
        await home.start("watch", "brain")

        async def told() -> bool:
            return "Paris" in " ".join(await noticed(home.ask("watch", "notices")))

        await until(told, "the watch shows the answer")


class TestUndo:
    """ "Undo that": the latest thing of this person, wherever it was said and done."""

    async def test_said_to_another_device(self, folder: Path) -> None:
        async with house(folder) as home:
            await home.say("watch", "turn on the kitchen light")
            await home.passed_on()
            assert await home.say("laptop", "undo that") == "I turned off the kitchen light."
            assert (await home.ask("laptop", "why"))["route"] == "reflex"
            assert await home.say("watch", "is the kitchen light on") == (
                "No, the kitchen light is off."
            )

    async def test_twice_takes_back_two_things_and_then_there_is_nothing(
        self, folder: Path
    ) -> None:
        async with house(folder) as home:
            assert await home.say("watch", "undo that") == "There is nothing to undo."
            for item in ("milk", "bread"):
                await home.say("watch", ADD.format(item))
                await home.passed_on()
            for item in ("bread", "milk"):
                assert item in await home.say("watch", "undo that")
                await home.passed_on()
            assert await home.say("watch", LIST) == "The shopping list is empty."
            assert await home.say("watch", "undo that") == "There is nothing to undo."

    async def test_takes_back_ones_own_only(self, folder: Path) -> None:
        async with house(folder) as home:
            await home.say("watch", ADD.format("milk"))
            await home.passed_on()
            assert await home.say("phone", "undo that") == "There is nothing to undo."
            assert "milk" in await home.say("watch", LIST)

    async def test_a_timer_is_taken_back_where_it_runs(self, folder: Path) -> None:
        async with house(folder) as home:
            await home.say("watch", "set a pasta timer for 12 minutes")
            await home.passed_on()
            assert await home.say("laptop", "undo that") == "I cancelled the pasta timer."
            assert await home.say("watch", "how long is left on the pasta timer") == (
                "There is no pasta timer."
            )
            assert ("timer.cancel", "succeeded", "watch") in await home.tasks()

    async def test_what_somebody_touched_since_stays(self, folder: Path) -> None:
        async with house(folder) as home:
            await home.say("watch", "turn on the kitchen light")
            await home.passed_on()
            for power in ("off", "on"):
                await home.ask("home", "set", device="light.kitchen", state={"power": power})
            assert "changed" in await home.say("watch", "undo that")
            assert (await home.say("watch", "is the kitchen light on")).startswith("Yes")

    async def test_what_was_said_besides_is_not_forgotten_silently(self, folder: Path) -> None:
        async with house(folder) as home:
            await home.say("watch", "turn on the kitchen light")
            await home.passed_on()
            reply = await home.say("watch", "undo that and add milk to the shopping list")
            assert reply == f"I turned off the kitchen light. {ONLY_UNDONE}"
            assert await home.say("watch", LIST) == "The shopping list is empty."

    async def test_a_brain_killed_in_the_middle_of_it_does_not_take_back_more(self) -> None:
        async with household() as home:
            await home.start("watch", "home")
            await home.start("brain", environment={"MANYENDS_FAILPOINT": "asker.after_intent"})
            await home.linked()
            for item in ("milk", "bread"):
                await home.say("watch", ADD.format(item))
            await home.settled()
            asking = asyncio.create_task(home.say("watch", "undo that"))

            async def gone() -> bool:
                return not home.processes["brain"].running

            await until(gone, "the brain died with the inverse on its disk")
            await home.start("brain")
            assert await asking == "I took bread off the shopping list."
            await home.whole()
            assert await home.say("watch", LIST) == "On the shopping list: milk."
            tasks = (await home.ask("brain", "tasks"))["tasks"]
            assert sum(each["action"] == "list.remove" for each in tasks) == 1


async def test_the_brain_itself_streams_to_who_asks_it(folder: Path) -> None:
    async with house(folder, FakeEngine("Because ", "it is.")) as home:
        pieces, answer = await home.hear("brain", SKY)
        assert (pieces, answer["reply"]) == (["Because ", "it is."], "Because it is.")
