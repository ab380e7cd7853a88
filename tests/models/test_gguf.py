"""The engine for GGUF files, with the real model: answers, streams, cancels, waits its turn."""

import asyncio
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest

from manyends.models import catalogue
from manyends.models.catalogue import Entry
from manyends.models.engine import Delta, Engine, Finished, Message, Piece, Role
from manyends.models.engines import gguf
from manyends.models.engines.gguf import GgufEngine
from manyends.models.errors import (
    EngineFailed,
    EngineMissing,
    ModelDamaged,
    ModelMissing,
    PromptTooLong,
)
from manyends.models.fetch import fetch
from manyends.models.open import open_engine
from manyends.models.prompts import claims_deed, open_question

pytestmark = pytest.mark.timeout(600)  # the first test may have to download the model

CAPITAL = open_question("What is the capital of Australia?")
STORY = [Message(Role.USER, "Write a long story about a garden.")]
LONG = [Message(Role.USER, "The cat sat on the mat. " * 220)]


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> Iterator[Engine]:
    """The embedded default; an engine is bound to no loop, so the tests share it."""
    opened = open_engine(catalogue.DEFAULT, model_folder)
    assert opened is not None
    yield opened
    asyncio.run(opened.close())


@pytest.fixture
def own_engine(model_folder: Path) -> GgufEngine:
    """An engine that a test may close."""
    entry = catalogue.find(catalogue.DEFAULT)
    assert entry is not None
    return GgufEngine(entry, model_folder)


async def ask(
    engine: Engine, messages: Sequence[Message] = CAPITAL, max_tokens: int = 32
) -> list[Piece]:
    async with aclosing(engine.stream(messages, max_tokens)) as pieces:
        return [piece async for piece in pieces]


async def answer(engine: Engine, messages: Sequence[Message], max_tokens: int = 32) -> str:
    last = (await ask(engine, messages, max_tokens))[-1]
    assert isinstance(last, Finished)
    return last.text


def test_knows_the_capital_of_australia(engine: Engine) -> None:
    assert "Canberra" in asyncio.run(answer(engine, CAPITAL))


def test_streams_deltas_that_join_to_the_whole_text(engine: Engine) -> None:
    *deltas, finished = asyncio.run(ask(engine))
    assert isinstance(finished, Finished)
    texts = [piece.text for piece in deltas if isinstance(piece, Delta)]
    assert len(texts) == len(deltas) > 1
    assert all(texts)
    assert "".join(texts) == finished.text


def test_counts_tokens_and_says_what_was_known_already(engine: Engine) -> None:
    asyncio.run(ask(engine))
    finished = asyncio.run(ask(engine))[-1]
    assert isinstance(finished, Finished)
    assert 100 < finished.cached_tokens < finished.prompt_tokens < 400
    assert 5 <= finished.output_tokens < 32
    assert not finished.cut
    assert 0 < finished.seconds < 60


def test_an_answer_that_is_too_long_is_cut_and_says_so(engine: Engine) -> None:
    finished = asyncio.run(ask(engine, STORY, max_tokens=6))[-1]
    assert isinstance(finished, Finished)
    assert finished.cut
    assert finished.output_tokens == 6


@pytest.mark.parametrize(
    "question",
    ["Is the garage door open?", "Set a timer for ten minutes.", "What is my wife's name?"],
)
def test_makes_nothing_up_about_the_home(engine: Engine, question: str) -> None:
    text = asyncio.run(answer(engine, open_question(question)))
    assert text.startswith(("I don't", "I can't"))
    assert not claims_deed(text)


def test_follows_the_history(engine: Engine) -> None:
    history = [
        Message(Role.USER, "What is the capital of Australia?"),
        Message(Role.ASSISTANT, "The capital of Australia is Canberra."),
    ]
    text = asyncio.run(answer(engine, open_question("And what is the capital of Italy?", history)))
    assert "Rome" in text


def test_a_prompt_beyond_the_context_is_refused_with_its_size(engine: Engine) -> None:
    with pytest.raises(PromptTooLong) as caught:
        asyncio.run(ask(engine, [Message(Role.USER, "word " * 3000)]))
    assert caught.value.context == engine.context < caught.value.tokens


def test_a_request_that_the_library_refuses_says_why(engine: Engine) -> None:
    with pytest.raises(EngineFailed, match=r"could not answer: .*max_tokens"):
        asyncio.run(ask(engine, max_tokens="many"))  # type: ignore[arg-type]


Taken = dict[str, list[dict[str, Any]]]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """What the library gave, by the last message of the request, as it comes."""
    chunks: Taken = defaultdict(list)
    take = gguf._Run.take

    def spying(run: gguf._Run, chunk: dict[str, Any]) -> bool:
        chunks[run.request["messages"][-1]["content"]].append(chunk)
        return take(run, chunk)

    monkeypatch.setattr(gguf._Run, "take", spying)
    return chunks


def test_closing_the_stream_stops_the_work(engine: Engine, taken: Taken) -> None:
    async def scenario() -> None:
        async with aclosing(engine.stream(STORY, 1500)) as pieces:
            await anext(pieces)
        await ask(engine)

    asyncio.run(scenario())
    assert len(taken[STORY[0].text]) < 300


def test_cancelling_the_reader_stops_the_work_while_the_prompt_is_read(
    engine: Engine, taken: Taken
) -> None:
    async def scenario() -> None:
        reader = asyncio.create_task(ask(engine, LONG, 400))
        while not taken[LONG[0].text]:
            await asyncio.wait([reader], timeout=0.01)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await ask(engine)

    asyncio.run(scenario())
    assert not [chunk for chunk in taken[LONG[0].text] if "prompt_progress" not in chunk]


def test_a_question_cancelled_while_it_waits_is_never_asked(engine: Engine, taken: Taken) -> None:
    async def scenario() -> None:
        async with aclosing(engine.stream(STORY, 40)) as first:
            await anext(first)
            waiting = asyncio.create_task(ask(engine, LONG, 400))
            await anext(first)
            waiting.cancel()
            async for _ in first:
                pass
        await ask(engine)

    asyncio.run(scenario())
    assert not taken[LONG[0].text]


def test_a_reader_whose_loop_is_gone_stops_the_work(engine: Engine, taken: Taken) -> None:
    loop = asyncio.new_event_loop()
    pieces = engine.stream(STORY, 1500)
    loop.run_until_complete(anext(pieces))
    loop.close()
    asyncio.run(ask(engine))
    assert len(taken[STORY[0].text]) < 300


def test_two_questions_are_answered_one_after_the_other(engine: Engine) -> None:
    order: list[str] = []

    async def one(name: str, messages: Sequence[Message]) -> None:
        async with aclosing(engine.stream(messages, 24)) as pieces:
            async for piece in pieces:
                order.append(f"{name} {type(piece).__name__}")  # noqa: PERF401 - as they come

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(one("first", STORY))
            group.create_task(one("second", CAPITAL))

    asyncio.run(scenario())
    assert order == sorted(order)
    assert order.count("first Finished") == order.count("second Finished") == 1


def test_the_loop_runs_while_the_model_works(engine: Engine) -> None:
    async def scenario() -> int:
        await engine.load()
        beats = 0
        reader = asyncio.create_task(ask(engine, STORY, 100))
        while not reader.done():
            await asyncio.wait([reader], timeout=0.01)
            beats += 1
        return beats

    assert asyncio.run(scenario()) > 20


def test_opens_no_port_and_no_reachable_socket(engine: Engine) -> None:
    asyncio.run(engine.load())
    here = psutil.Process()
    assert not [each for each in here.net_connections("inet") if each.status == "LISTEN"]
    addresses = [each.laddr for each in here.net_connections("unix") if each.laddr]
    assert not [each for each in addresses if Path(str(each)).exists()]


def test_shows_its_memory_and_frees_it(own_engine: GgufEngine) -> None:
    asyncio.run(own_engine.load())
    assert own_engine.loaded
    assert 20e6 < own_engine.memory_bytes < 400e6
    assert any(each.name.startswith("model-smollm2-135m") for each in threading.enumerate())
    asyncio.run(own_engine.close())
    assert not own_engine.loaded
    assert own_engine.memory_bytes == 0


def test_memory_is_the_files_size_where_the_system_does_not_show_it(
    own_engine: GgufEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "STATM", Path("/nothing/here"))
    asyncio.run(own_engine.load())
    assert own_engine.memory_bytes == 98_362_432
    asyncio.run(own_engine.close())


def test_is_silent(own_engine: GgufEngine, capfd: pytest.CaptureFixture[str]) -> None:
    asyncio.run(answer(own_engine, CAPITAL))
    asyncio.run(own_engine.close())
    assert capfd.readouterr() == ("", "")


def test_closing_fails_the_running_and_the_waiting_question(own_engine: GgufEngine) -> None:
    async def scenario() -> None:
        running = own_engine.stream(STORY, 1500)
        await anext(running)
        waiting = asyncio.create_task(ask(own_engine))
        await asyncio.wait([waiting], timeout=0)
        await own_engine.close()
        with pytest.raises(EngineFailed, match="closed"):
            [piece async for piece in running]
        with pytest.raises(EngineFailed, match="closed"):
            await waiting

    asyncio.run(scenario())


def test_a_closed_engine_refuses_and_may_be_closed_again(own_engine: GgufEngine) -> None:
    async def scenario() -> None:
        await own_engine.close()
        await own_engine.close()
        with pytest.raises(EngineFailed, match="closed"):
            await own_engine.load()
        with pytest.raises(EngineFailed, match="closed"):
            await ask(own_engine)

    asyncio.run(scenario())


def failing(engine: Engine, error: type[Exception], match: str) -> None:
    """Assert that loading and asking fail alike."""
    with pytest.raises(error, match=match):
        asyncio.run(engine.load())
    with pytest.raises(error, match=match):
        asyncio.run(ask(engine))
    asyncio.run(engine.close())


def test_a_missing_model_is_named(entry: Entry, tmp_path: Path) -> None:
    failing(GgufEngine(entry, tmp_path), ModelMissing, "manyends models fetch tiny")


def test_a_damaged_model_is_never_loaded(entry: Entry, tmp_path: Path) -> None:
    fetch(entry, tmp_path).write_bytes(b"GGUF")
    failing(GgufEngine(entry, tmp_path), ModelDamaged, "tiny.gguf has SHA-256")


def test_a_file_that_is_no_model_fails_to_load(entry: Entry, tmp_path: Path) -> None:
    fetch(entry, tmp_path)
    failing(GgufEngine(entry, tmp_path), EngineFailed, "could not be loaded")


def test_a_file_that_cannot_be_read_fails_to_load(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    fetch(entry, tmp_path)
    monkeypatch.setattr(gguf, "_read_ahead", refuse)
    failing(GgufEngine(entry, tmp_path), EngineFailed, "can't be read")


def test_a_missing_library_says_how_to_install_it(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(entry, tmp_path)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    failing(GgufEngine(entry, tmp_path), EngineMissing, r'pip install "manyends\[brain\]"')


class FakeServer:
    """A library that breaks its own rules."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def handle_chat_completions(self, request: object, take: object) -> None:
        if self._error:
            raise self._error


@pytest.mark.parametrize(
    ("server", "match"),
    [
        (FakeServer(), "stopped in the middle"),
        (FakeServer(ValueError("no good")), "failed: ValueError"),
    ],
)
def test_whatever_the_library_does_the_reader_hears_of_it(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FakeServer, match: str
) -> None:
    fetch(entry, tmp_path)
    monkeypatch.setattr(gguf, "_start", lambda *_: server)
    broken = GgufEngine(entry, tmp_path)
    with pytest.raises(EngineFailed, match=match):
        asyncio.run(ask(broken))
    asyncio.run(broken.close())
