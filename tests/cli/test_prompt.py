"""The prompt alone, with nodes that are made up: pieces of answers, and what is observed."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from manyends.cli.main import main
from manyends.cli.prompt import Prompt, _describe
from manyends.cli.starter import Nodes
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.lines import Event


class FakeNode:
    """Stands for a node's socket: writes an answer in pieces, and lets some things be seen."""

    def __init__(self, *pieces: str, reply: str, seen: tuple[Event, ...] = ()) -> None:
        self._pieces = pieces
        self._reply = reply
        self._seen = seen
        self.shown: list[str] = []

    async def stream(self, do: str, **arguments: Any) -> AsyncIterator[tuple[str, Event]]:
        """Answer a `say` or a `watch`."""
        if do == "watch":
            for each in self._seen:
                yield "event", each
            await asyncio.Event().wait()
        for piece in self._pieces:
            yield "event", {"piece": piece}
        yield "result", {"reply": self._reply, "route": "brain", "error": None}

    async def ask(self, do: str, **arguments: Any) -> Event:
        """Answer the questions that a prompt has."""
        if do == "shown":
            self.shown.append(arguments["notice"])
            return {}
        if do == "notices":
            return {"notices": [{"id": "n1", "text": "Late."}, {"id": "n2", "text": "Later."}]}
        raise ProtocolError(ErrorCode.NOT_FOUND, "Nothing was said here yet.")

    async def close(self) -> None:
        """Do nothing."""


def printed(node: FakeNode, lines: str, as_json: bool = False) -> str:
    """Return what is printed for these lines."""
    out = io.StringIO()

    async def work() -> None:
        await Prompt(cast(Nodes, {"watch": node}), out, as_json).run(io.StringIO(lines))

    asyncio.run(work())
    return out.getvalue()


def test_an_answer_is_shown_while_it_is_written() -> None:
    node = FakeNode("Blue ", "light.", reply="Blue light.")
    assert "  watch        Blue light.  [brain, " in printed(node, "why\n")


def test_an_answer_that_was_stopped_is_followed_by_what_is_true() -> None:
    out = printed(FakeNode("Sure: ", reply="I can't do that."), "unlock\n")
    assert "  watch        Sure: \n  watch        I can't do that.  [brain, " in out


def test_pieces_are_no_json_lines() -> None:
    out = printed(FakeNode("Blue ", "light.", reply="Blue light."), "why\n", as_json=True)
    assert out.count("Blue") == 1


def test_a_notice_that_is_kept_and_told_is_shown_once() -> None:
    told = {"observation": "notice", "id": "n1", "text": "Late."}
    node = FakeNode(reply="Hello.", seen=(told, told))
    out = printed(node, "hello\n")
    assert (out.count("shows: Late."), out.count("shows: Later.")) == (1, 1)
    assert sorted(node.shown) == ["n1", "n2"]


def test_a_refusal_is_printed_as_it_is() -> None:
    assert "Nothing was said here yet." in printed(FakeNode(reply=""), "/why\n")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"observation": "state", "device": "lamp", "by": "hand"}, "somebody used lamp"),
        ({"observation": "state", "device": "lamp", "by": "watch"}, None),
        ({"observation": "ring", "label": "tea"}, "rings: tea (answer: watch> stop)"),
        ({"observation": "error", "reason": "revoked"}, "error: revoked"),
        ({"observation": "reply", "turn": None, "text": "dinner"}, "says: dinner"),
        ({"observation": "reply", "turn": "trn", "text": "dinner"}, None),
        ({"observation": "asked", "text": "May I?"}, "asks: May I? (answer: watch> yes)"),
        (
            {"observation": "task", "on": "watch", "action": "a.b", "state": "in_doubt"},
            "a.b in doubt",
        ),
        ({"observation": "task", "on": "watch", "action": "a.b", "state": "offered"}, None),
        ({"observation": "task", "on": "laptop", "action": "a.b", "state": "failed"}, None),
    ],
)
def test_what_is_observed_is_said_in_a_few_words(event: Event, text: str | None) -> None:
    assert _describe("watch", event) == text


@pytest.mark.parametrize(
    ("reply", "out"),
    [("Blue light.", "Blue light.\n"), ("I can't do that.", "Blue light.\nI can't do that.\n")],
)
def test_ask_prints_an_answer_while_it_is_written(
    reply: str,
    out: str,
    still: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def connect(path: Path) -> FakeNode:
        return FakeNode("Blue ", "light.", reply=reply)

    monkeypatch.setattr("manyends.cli.client.LinesClient.connect", connect)
    assert main(["ask", "why", "--household", str(still)]) == 0
    assert capsys.readouterr().out == out
