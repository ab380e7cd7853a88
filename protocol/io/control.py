"""The control socket by which a test runner moves a process's clock and watches it.

It exists only where `MANYENDS_CONTROL` names its path. Requests: `pause`, `advance` with `ms`,
`resume`; `counters`; and `observe`, which streams every observation until the caller hangs up.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from .clock import Clock
from .lines import Emit, Event, Handler, LinesServer


class Observers:
    """Those who watch this process. Each observation goes to all of them, in order.

    With `keep`, what is told before anybody watches waits for the first who does.
    """

    def __init__(self, keep: bool = False) -> None:
        self._emits: list[Emit] = []
        self._kept: list[Event] | None = [] if keep else None
        self.told = 0
        """How many observations there were."""

    def tell(self, observation: Event) -> None:
        """Pass an observation on."""
        self.told += 1
        if self._kept is not None:
            self._kept.append(observation)
        for emit in self._emits:
            emit(observation)

    async def stream(self, request: Event, emit: Emit) -> Event:
        """Answer an `observe` or `watch` request: stream until the caller hangs up."""
        self._emits.append(emit)
        emit({"observation": "watching"})
        for observation in self._kept or ():
            emit(observation)
        self._kept = None
        try:
            forever: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
            return await forever
        finally:
            self._emits.remove(emit)


def control_server(
    path: Path,
    clock: Clock,
    observers: Observers,
    counters: Callable[[], Event],
    more: Mapping[str, Handler] | None = None,
) -> LinesServer:
    """Return the server of the control socket; `more` are requests of this kind of process."""

    async def pause(request: Event, emit: Emit) -> Event:
        clock.pause()
        return {"wall_ms": clock.wall_ms()}

    async def advance(request: Event, emit: Emit) -> Event:
        clock.advance(int(request["ms"]))
        return {"wall_ms": clock.wall_ms()}

    async def resume(request: Event, emit: Emit) -> Event:
        clock.resume()
        return {"wall_ms": clock.wall_ms()}

    async def count(request: Event, emit: Emit) -> Event:
        return {**counters(), "told": observers.told}

    handlers: dict[str, Handler] = {
        "pause": pause,
        "advance": advance,
        "resume": resume,
        "counters": count,
        "observe": observers.stream,
        **(more or {}),
    }
    return LinesServer(path, handlers)
