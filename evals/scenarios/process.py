"""One process of a scenario: started, watched and ended, always with its whole process group."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import Event, LinesClient

from .product import Part
from .settle import Counters

_POLL = 0.01
_ORDERLY = (0, -signal.SIGTERM, 128 + signal.SIGTERM)
_TAIL = 12
_LAST_WORDS = 0.2

Seen = Callable[[str, Event], None]
"""Hears each observation of a process, with the process's name."""


class TroubleError(Exception):
    """A process is not as it should be; the text says which and why."""


class Process:
    """A node's program and the sockets by which it is spoken to."""

    def __init__(
        self,
        name: str,
        part: Part,
        state: Path,
        command: list[str],
        room: Path,
        seen: Seen,
        leash: int,
    ) -> None:
        """Take what it is; `room` is a path without suffix for its sockets, logs and pages.

        `leash` is a pipe that it gets as standard input; a program may stop when that ends.
        """
        self._leash = leash
        self.name = name
        self.part = part
        self.folder = StateFolder(state)
        self.pages = room.with_suffix(".pages")
        self.log = room.with_suffix(".log")
        self._command = command
        self._control_path = room.with_suffix(".ctl")
        self._seen = seen
        self._process: asyncio.subprocess.Process | None = None
        self._gone: asyncio.Task[int] | None = None
        self._control: LinesClient | None = None
        self._observing: asyncio.Task[None] | None = None
        self._received = 0
        self._before = 0
        self._arrived = asyncio.Event()
        self._ending = False
        self._ready = False
        self._deaf: str | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def ready(self) -> bool:
        """Whether it lives, answers, and is not about to end."""
        return self.running and self._ready and not self._ending

    @property
    def answers(self) -> bool:
        """Whether its connections stand; those of a dying process end before it does."""
        return self._deaf is None

    @property
    def died(self) -> str | None:
        """Say that it ended although nobody ended it, with the end of its log; else None."""
        if self._process is None or self._process.returncode is None or self._ending:
            return None
        return self._obituary()

    async def start(self, ahead_ms: int) -> None:
        """Run it, its clock `ahead_ms` ahead, until both of its sockets answer.

        Raises `TroubleError` if it runs already or ends meanwhile.
        """
        if self.running:
            raise TroubleError(f"{self.name} runs already")
        await self._let_go()
        self._control_path.unlink(missing_ok=True)
        self._ending = self._ready = False
        environment = {
            **os.environ,
            "MANYENDS_CONTROL": str(self._control_path),
            "MANYENDS_CLOCK_AHEAD_MS": str(ahead_ms),
            "MANYENDS_OPENER_FILE": str(self.pages),
            "MANYENDS_STARTER": "pipe",
        }
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=environment,
                stdin=self._leash,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._gone = asyncio.create_task(self._process.wait(), name=f"the end of {self.name}")
        self._control = await self._connect(self._control_path)
        await self._observe(self._control)
        await (await self._connect(self.folder.socket)).close()
        self._ready = True

    async def stop(self) -> None:
        """Ask it to end and wait until it did; `TroubleError` if it did so with an error."""
        await self._end(signal.SIGTERM)
        if self._process is not None and self._process.returncode not in _ORDERLY:
            raise TroubleError(self._obituary("was stopped and ended"))

    async def kill(self) -> None:
        """End it by SIGKILL."""
        await self._end(signal.SIGKILL)

    async def clear(self) -> None:
        """Leave nothing of it, however it stands."""
        self._ending = True
        self._signal_group(signal.SIGKILL)
        if self._gone is not None:
            await self._gone
        await self._let_go()

    def kill_at_once(self) -> None:
        """End its whole group without waiting."""
        self._ending = True
        self._signal_group(signal.SIGKILL)

    async def counters(self) -> Counters:
        """Return its counters; all that it told before them was heard when this returns.

        Raises `TroubleError` if it does not answer as it should.
        """
        answer = await self.control("counters")
        try:
            counters = Counters.read(answer)
        except ValueError as error:
            raise TroubleError(f"{self.name}'s counters are wrong: {error}") from None
        while self._before + self._received < counters.told and self._deaf is None:
            self._arrived.clear()
            await self._arrived.wait()
        if self._deaf is not None:
            raise TroubleError(self._deaf)
        return counters

    async def control(self, do: str, **arguments: Any) -> Event:
        """Ask something of its control socket; `TroubleError` if that can't be."""
        if self._control is None or not self.running:
            raise TroubleError(f"{self.name} does not run")
        try:
            return await self._or_end(self._control.ask(do, **arguments))
        except (ProtocolError, OSError) as error:
            raise TroubleError(f"{self.name} did not answer `{do}`: {error}") from None

    async def ask(self, do: str, **arguments: Any) -> Event:
        """Ask something of its user's socket, as the command line does.

        Raises `TroubleError` if nobody is there, and the `ProtocolError` of a refusal.
        """
        if not self.running:
            raise TroubleError(f"{self.name} does not run")
        try:
            client = await LinesClient.connect(self.folder.socket)
        except OSError as error:
            raise TroubleError(f"{self.name}'s socket does not answer: {error}") from None
        try:
            return await self._or_end(client.ask(do, **arguments))
        finally:
            await client.close()

    async def _or_end(self, asking: Coroutine[Any, Any, Event]) -> Event:
        """Return an answer; `TroubleError` if the process ends instead of giving one."""
        assert self._gone is not None
        answer = asyncio.ensure_future(asking)
        try:
            await asyncio.wait((answer, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():  # its last words may still be on their way
                await asyncio.wait((answer,), timeout=_LAST_WORDS)
            if answer.done():
                return answer.result()
            raise TroubleError(f"{self.name} ended instead of answering")
        finally:
            answer.cancel()

    async def _connect(self, path: Path) -> LinesClient:
        while True:
            with contextlib.suppress(OSError):
                return await LinesClient.connect(path)
            if not self.running:
                raise TroubleError(self._obituary())
            await asyncio.sleep(_POLL)

    async def _observe(self, control: LinesClient) -> None:
        watching = asyncio.Event()
        self._received = 0
        told, before = 0, -1
        self._deaf = None
        stream = control.stream("observe")
        self._observing = asyncio.ensure_future(self._follow(stream, watching))
        waiting = asyncio.ensure_future(watching.wait())
        await asyncio.wait((self._observing, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        while before != self._received:  # ask in a moment in which it tells nothing
            before = self._received
            told = int((await self.control("counters"))["told"])
        self._before = told - self._received  # told before we watched, and lost to us

    async def _follow(
        self, stream: AsyncIterator[tuple[str, Event]], watching: asyncio.Event
    ) -> None:
        try:
            async for _, observation in stream:
                if observation.get("observation") == "watching":
                    watching.set()
                else:
                    self._received += 1
                    self._seen(self.name, observation)
                    self._arrived.set()
            self._deaf = f"{self.name} does not let itself be watched"
        except (ProtocolError, OSError) as error:
            self._deaf = f"{self.name} can't be watched any more: {error}"
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._deaf = f"{self.name} told something that makes no sense: {error!r}"
        finally:
            watching.set()
            self._arrived.set()

    async def _end(self, how: signal.Signals) -> None:
        if not self.running or self._process is None or self._gone is None:
            raise TroubleError(f"{self.name} does not run")
        self._ending = True
        if how is signal.SIGKILL:
            self._signal_group(how)
        else:
            self._process.send_signal(how)
        await asyncio.shield(self._gone)
        self._signal_group(signal.SIGKILL)
        await self._let_go()

    def _signal_group(self, how: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, how)

    async def _let_go(self) -> None:
        """Close the connections; what the process said last is still heard."""
        if self._observing is not None:
            if self._process is None or self._process.returncode is None:
                self._observing.cancel()
            _done, late = await asyncio.wait((self._observing,), timeout=1)
            for each in late:
                each.cancel()
            if late:
                await asyncio.wait(late)
            self._observing = None
        if self._control is not None:
            await self._control.close()
            self._control = None

    def _obituary(self, how: str = "ended by itself") -> str:
        code = None if self._process is None else self._process.returncode
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-_TAIL:]
        except OSError:
            lines = []
        tail = "\n".join(["", *(f"    {line}" for line in lines)]) if lines else " (no log)"
        return f"{self.name} {how} with code {code}; its log ends so:{tail}"
