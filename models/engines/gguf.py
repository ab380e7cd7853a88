"""The engine for GGUF files: llama.cpp inside this process, through xllamacpp.

All of a model's work is done by one thread of its own, in the order it was asked for. The library
holds Python's lock while it loads (0.2 to 0.4 s for the embedded default), not while it
generates.
"""

import asyncio
import logging
import os
import secrets
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..catalogue import Entry
from ..engine import DEFAULT_MAX_TOKENS, Delta, Finished, Message, Piece
from ..errors import EngineFailed, EngineMissing, ModelError, PromptTooLong
from ..fetch import check

log = logging.getLogger(__name__)

BATCH = 128
"""Prompt tokens between two looks at whether somebody cancelled: under a second on one old core."""

LOG_NOTHING = -1

STATM = Path("/proc/self/statm")

CLOSED = "The model was closed."


class GgufEngine:
    """An `Engine` for a GGUF file; see there for the contract."""

    def __init__(self, entry: Entry, folder: Path, threads: int | None = None) -> None:
        """Without `threads`, all cores but one compute.

        The library's threads spin while they wait for each other, so one thread for each core is
        twice as fast on an idle machine, but 5 to 30 times slower while others use it too.
        """
        self._entry = entry
        self._folder = folder
        self._threads = threads or max(1, (os.cpu_count() or 1) - 1)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"model-{entry.name}")
        self._runs: set[_Run] = set()
        self._closed = False
        self._server: Any = None
        self._memory_bytes = 0

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self._entry.name

    @property
    def context(self) -> int:
        """How many tokens prompt and answer may have together."""
        return self._entry.context

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._server is not None

    @property
    def memory_bytes(self) -> int:
        """What loading added to the resident memory; the file's size where that isn't shown."""
        return self._memory_bytes

    async def load(self) -> None:
        """Load the weights now instead of at the first question."""
        self._refuse_if_closed()
        await asyncio.wrap_future(self._worker.submit(self._load))

    async def stream(
        self, messages: Sequence[Message], max_tokens: int = DEFAULT_MAX_TOKENS
    ) -> AsyncGenerator[Piece, None]:
        """Answer: some `Delta`s, then one `Finished`."""
        self._refuse_if_closed()
        run = _Run(_request(messages, max_tokens))
        self._runs.add(run)
        waiting = self._worker.submit(self._answer, run)
        try:
            while True:
                piece = await run.pieces.get()
                if isinstance(piece, ModelError):
                    raise piece
                yield piece
                if isinstance(piece, Finished):
                    return
        finally:
            run.cancelled.set()
            waiting.cancel()
            self._runs.discard(run)

    async def close(self) -> None:
        """Stop all questions with `EngineFailed` and free the memory, for good."""
        if self._closed:
            return
        self._closed = True
        for run in self._runs:
            run.cancelled.set()
        await asyncio.wrap_future(self._worker.submit(self._unload))
        self._worker.shutdown(wait=False)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EngineFailed(CLOSED)

    def _load(self) -> None:
        """In the worker: bring the weights into memory, unless they are."""
        if self._server is not None:
            return
        before = _resident_bytes()
        try:
            path = check(self._entry, self._folder)
            _read_ahead(path)
        except OSError as error:
            raise EngineFailed(f"The model's file can't be read: {error}.") from error
        self._server = _start(path, self._entry.context, self._threads)
        self._memory_bytes = _resident_bytes() - before if before else path.stat().st_size

    def _answer(self, run: "_Run") -> None:
        """In the worker: load where needed, then generate until the end or a cancel."""
        try:
            if not run.cancelled.is_set():
                self._load()
                run.began = time.monotonic()
                self._server.handle_chat_completions(run.request, run.take)
            run.put(EngineFailed(CLOSED if self._closed else "The model stopped in the middle."))
        except ModelError as error:
            run.put(error)
        except Exception as error:  # the worker's edge: whoever waits must hear of it
            log.exception("The model %s failed", self.name)
            run.put(EngineFailed(f"The model failed: {error!r}"))

    def _unload(self) -> None:
        """In the worker: let go of the library's object, which frees the weights."""
        self._server = None
        self._memory_bytes = 0


class _Run:
    """One question on its way: filled by the worker, read on the loop that asked it."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.pieces: asyncio.Queue[Piece | ModelError] = asyncio.Queue()
        self.cancelled = threading.Event()
        self.began = 0.0
        self._loop = asyncio.get_running_loop()
        self._text: list[str] = []
        self._cut = False

    def put(self, piece: Piece | ModelError) -> None:
        """Hand a piece to the reader, from the worker; one whose loop is over gets nothing."""
        try:
            self._loop.call_soon_threadsafe(self.pieces.put_nowait, piece)
        except RuntimeError:
            self.cancelled.set()

    def take(self, chunk: dict[str, Any]) -> bool:
        """Take a chunk of the library's stream; True makes the library stop."""
        if "error" in chunk:
            self.put(_failure(chunk["error"]))
        for choice in chunk.get("choices", ()):
            self._cut = choice["finish_reason"] == "length"
            if text := choice["delta"].get("content"):
                self._text.append(text)
                self.put(Delta(text))
        if usage := chunk.get("usage"):
            self.put(
                Finished(
                    text="".join(self._text),
                    prompt_tokens=usage["prompt_tokens"],
                    output_tokens=usage["completion_tokens"],
                    cached_tokens=usage["prompt_tokens_details"]["cached_tokens"],
                    cut=self._cut,
                    seconds=time.monotonic() - self.began,
                )
            )
        return self.cancelled.is_set()


def _request(messages: Sequence[Message], max_tokens: int) -> dict[str, Any]:
    return {
        "messages": [{"role": each.role.value, "content": each.text} for each in messages],
        "max_tokens": max_tokens,
        "temperature": 0.0,  # a small model that samples makes up more
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # so that a cancel is seen between batches of the prompt
    }


def _failure(error: dict[str, Any]) -> ModelError:
    if error.get("type") == "exceed_context_size_error":
        return PromptTooLong(error["n_prompt_tokens"], error["n_ctx"])
    return EngineFailed(f"The model could not answer: {error.get('message', error)}")


def _start(path: Path, context: int, threads: int) -> Any:
    """Load a file into a `Server` of the library.

    The library always opens an HTTP server too. Ours listens on a Unix socket in a private folder
    that is removed as soon as the model is loaded, so nobody can reach it, and no port is open.
    """
    try:
        import xllamacpp
    except ImportError as error:
        raise EngineMissing("xllamacpp", str(error)) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = context
    params.n_batch = params.n_ubatch = BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0  # only the last prompt is kept, not a store of them
    params.verbosity = LOG_NOTHING
    params.ui = False
    params.n_threads_http = 1
    params.api_keys = [secrets.token_hex(32)]
    with tempfile.TemporaryDirectory(prefix="me-") as private:
        params.hostnames = [str(Path(private) / "s.sock")]
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise EngineFailed(f"The model in {path} could not be loaded: {error}") from error


def _read_ahead(path: Path) -> None:
    """Read a file once, so that the load, which holds Python's lock, needn't wait for the disk."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


def _resident_bytes() -> int:
    """Return this process's resident memory; 0 where the system has no `/proc`."""
    try:
        pages = int(STATM.read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
