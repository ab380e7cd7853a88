"""Open questions with a model: its words are passed on, its claims and calls are not."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

import pytest

from manyends.models.engine import DEFAULT_MAX_TOKENS, Delta, Finished, Message, Piece
from manyends.models.errors import ModelError
from manyends.protocol.messages import TurnDelta

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net


class Parrot:
    """An engine that says what it is told to."""

    name = "parrot"
    context = 1000
    loaded = True
    memory_bytes = 7

    def __init__(self, *pieces: str, breaks: bool = False) -> None:
        self._pieces = pieces
        self._breaks = breaks
        self.asked: list[list[Message]] = []
        self.given = 0
        self.closed = False

    async def load(self) -> None:
        """Do nothing."""

    async def stream(
        self, messages: Sequence[Message], max_tokens: int = DEFAULT_MAX_TOKENS
    ) -> AsyncGenerator[Piece, None]:
        """Say the pieces."""
        self.asked.append(list(messages))
        for each in self._pieces:
            self.given += 1
            yield Delta(each)
        if self._breaks:
            raise ModelError("the weights are gone")
        yield Finished("".join(self._pieces), 1, 1, 0, False, 0.1)

    async def close(self) -> None:
        """Note it."""
        self.closed = True


async def ask(net: "Net", engine: Parrot, text: str = "why is the sky blue") -> str:
    """Ask the watch an open question while the brain has this engine; return the answer."""
    net.brain.answers.engine = engine
    watch = net.nodes["watch"]
    watch.requests.online = lambda device: True

    async def send(device: str, message: TurnDelta) -> None:
        assert device == watch.core.me.id
        watch.conversation.on_delta(message)

    net.nodes["brain"].network.send = send  # type: ignore[method-assign, assignment]
    asking = asyncio.ensure_future(net.request("watch", "say", text=text))
    while not asking.done():
        await asyncio.wait([asking], timeout=0.01)
        await net.deliver("watch", "brain")
    return str((await asking)["reply"])


def deltas(net: "Net") -> list[str]:
    """Return the pieces that the watch let be seen."""
    return [
        seen["text"] for who, seen in net.told if (who, seen["observation"]) == ("watch", "delta")
    ]


async def test_the_models_words_are_shown_as_they_come(net: "Net") -> None:
    async with net.running():
        engine = Parrot("Because blue ", "light scatters more.")
        assert await ask(net, engine) == "Because blue light scatters more."
        assert deltas(net) == ["Because blue ", "light scatters more."]
        why = await net.request("watch", "why")
        assert why["route"] == "brain"
        assert "parrot" in why["text"]


async def test_a_question_brings_what_was_said_before(net: "Net") -> None:
    async with net.running():
        await ask(net, Parrot("It scatters."))
        engine = Parrot("At sunset it has a longer way.")
        await ask(net, engine, "and why is it red in the evening")
        texts = [each.text for each in engine.asked[0]]
        assert texts[-3:] == [
            "why is the sky blue",
            "It scatters.",
            "and why is it red in the evening",
        ]


@pytest.mark.parametrize(
    "text", ['{"name": "light.turn_on"', "I've turned on the light.", "<tool_call>x"]
)
async def test_what_looks_like_a_deed_is_never_said(net: "Net", text: str) -> None:
    async with net.running():
        assert await ask(net, Parrot(text)) == "I can't do that."
        assert net.home.tried == 0


async def test_a_call_stops_the_stream_at_once(net: "Net") -> None:
    async with net.running():
        engine = Parrot('{"name":', *["more"] * 50)
        await ask(net, engine)
        assert engine.given == 1
        assert deltas(net) == []


async def test_silence_is_an_honest_answer(net: "Net") -> None:
    async with net.running():
        assert await ask(net, Parrot("  ")) == "I don't know."


async def test_a_model_that_breaks_is_said(net: "Net") -> None:
    async with net.running():
        reply = await ask(net, Parrot("Well", breaks=True))
        assert reply == "I can't think about that now: the weights are gone"


async def test_the_brain_itself_can_be_asked(net: "Net") -> None:
    async with net.running():
        net.brain.answers.engine = Parrot("Because.")
        answer = await net.request("brain", "say", text="why is the sky blue")
        assert answer["reply"] == "Because."
        assert any((who, seen["observation"]) == ("brain", "delta") for who, seen in net.told)


async def test_the_brain_says_which_model_it_has(net: "Net") -> None:
    async with net.running():
        assert (await net.request("brain", "model"))["name"] == "none"
        net.brain.engine = Parrot()
        model = await net.request("brain", "model")
        assert (model["name"], model["loaded"], model["memory_bytes"]) == ("parrot", True, 7)
