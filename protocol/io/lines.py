"""JSON lines over a Unix socket: how the command line talks to a process of this machine.

A request is `{"id": N, "do": NAME, …}`. Answers carry the same id: any number of `event`s, then
one `result` or one `error` with `code` and `reason`. Only the user who started the process can
reach the socket, which lies in a folder of mode 0700.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from manyends.protocol.errors import ErrorCode, ProtocolError

log = logging.getLogger(__name__)

Event = dict[str, Any]
Emit = Callable[[Event], None]
Handler = Callable[[Event, Emit], Awaitable[Event]]

_LIMIT = 16 * 1024 * 1024
_HANG_UP_SECONDS = 1.0


class LinesServer:
    """Serves named requests on a Unix socket."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        """Take the socket's path and, for each `do`, who answers it."""
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._callers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> None:
        """Listen. A socket file left over by a killed process is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, path=str(self._path), limit=_LIMIT
        )
        self._path.chmod(0o600)

    async def stop(self) -> None:
        """Close the socket, end what is being answered, and hang up on all callers."""
        if self._server is not None:
            self._server.close()
        for each in list(self._running):
            each.cancel()
        if self._running:
            await asyncio.wait(self._running)
        for writer in self._callers.values():
            writer.close()
        if self._callers:
            await asyncio.wait(list(self._callers), timeout=_HANG_UP_SECONDS)
        for writer in self._callers.values():  # who reads nothing, keeps it from closing
            writer.transport.abort()
        if self._callers:
            await asyncio.wait(list(self._callers))
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering: set[asyncio.Task[None]] = set()
        me = asyncio.current_task()
        assert me is not None
        self._callers[me] = writer
        try:
            while line := await reader.readline():
                each = asyncio.ensure_future(self._answer(line, writer))
                for group in (answering, self._running):
                    group.add(each)
                    each.add_done_callback(group.discard)
        except (ConnectionError, ValueError) as error:
            log.debug("a caller went away: %s", error)
        finally:
            del self._callers[me]
            for each in list(answering):
                each.cancel()
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        number: Any = None

        def write(content: Event) -> None:
            if not writer.is_closing():
                writer.write(json.dumps({"id": number, **content}).encode() + b"\n")

        try:
            request = json.loads(line)
            number = request.get("id")
            handler = self._handlers.get(request.get("do"))
            if handler is None:
                known = ", ".join(sorted(self._handlers))
                raise ProtocolError(
                    ErrorCode.UNSUPPORTED, f"{request.get('do')!r} is not one of: {known}"
                )
            write({"result": await handler(request, lambda event: write({"event": event}))})
        except ProtocolError as error:
            write({"error": {"code": error.code, "reason": error.reason}})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = f"the request is not understood: {type(error).__name__}: {error}"
            write({"error": {"code": ErrorCode.BAD_MESSAGE, "reason": reason}})
        except Exception as error:
            # The outermost edge: whoever asked must not wait for an answer that never comes.
            log.exception("a request broke")
            reason = f"that broke: {type(error).__name__}: {error}; the log says more"
            write({"error": {"code": ErrorCode.INTERNAL, "reason": reason}})
        with contextlib.suppress(ConnectionError):
            await writer.drain()


class LinesClient:
    """A connection to such a socket; any number of requests at the same time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next = 0
        self._waiting: dict[int, asyncio.Queue[Event | None]] = {}
        self._pump = asyncio.ensure_future(self._read())

    @classmethod
    async def connect(cls, path: Path) -> "LinesClient":
        """Connect; `OSError` if nobody listens there."""
        return cls(*await asyncio.open_unix_connection(str(path), limit=_LIMIT))

    async def ask(self, do: str, **arguments: Any) -> Event:
        """Ask and return the result; the `ProtocolError` of the other side is raised here."""
        result: Event = {}
        async for kind, content in self.stream(do, **arguments):
            if kind == "result":
                result = content
        return result

    async def stream(self, do: str, **arguments: Any) -> AsyncIterator[tuple[str, Event]]:
        """Ask, and yield each `("event", …)` and at last `("result", …)`.

        Raises `ProtocolError` as `ask` does, `internal` if the process goes away meanwhile.
        """
        if self._pump.done():
            raise ProtocolError(ErrorCode.INTERNAL, "the process went away")
        self._next += 1
        number = self._next
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._waiting[number] = queue
        try:
            request = {**arguments, "id": number, "do": do}
            self._writer.write(json.dumps(request).encode() + b"\n")
            while True:
                line = await queue.get()
                if line is None:
                    raise ProtocolError(ErrorCode.INTERNAL, "the process went away")
                if "error" in line:
                    error = line["error"]
                    raise ProtocolError(ErrorCode(error["code"]), error["reason"])
                if "result" in line:
                    yield "result", line["result"]
                    return
                yield "event", line["event"]
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        self._pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pump

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                content = json.loads(line)
                queue = self._waiting.get(content["id"])
                if queue is not None:
                    queue.put_nowait(content)
        except (ConnectionError, ValueError) as error:
            log.debug("the connection can't be used any more: %s", error)
        finally:
            for queue in self._waiting.values():
                queue.put_nowait(None)
