"""The one clock that all waiting goes through, with a wall time that a test may move."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Two times: `wall`, which people mean and a runner may advance, and `elapsed`, never moved.

    Timers, deadlines and expiry wait for wall time; pings, back-off and connection time-outs wait
    for elapsed time. While paused, wall time stands still.
    """

    def __init__(self, ahead_ms: int = 0) -> None:
        """Start `ahead_ms` ahead of the system's clock."""
        self._ahead_ms = ahead_ms
        self._paused_at: int | None = None
        self._moved = asyncio.Event()

    def wall_ms(self) -> int:
        """Return wall milliseconds since 1970."""
        if self._paused_at is not None:
            return self._paused_at
        return time.time_ns() // 1_000_000 + self._ahead_ms

    @staticmethod
    def elapsed() -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()

    def pause(self) -> None:
        """Let wall time stand still."""
        self._paused_at = self.wall_ms()

    def advance(self, milliseconds: int) -> None:
        """Move wall time forward and wake all who wait for it."""
        self._ahead_ms += milliseconds
        if self._paused_at is not None:
            self._paused_at += milliseconds
        self._wake()

    def resume(self) -> None:
        """Let wall time run on from where it stands."""
        if self._paused_at is not None:
            self._ahead_ms += self._paused_at - (time.time_ns() // 1_000_000 + self._ahead_ms)
            self._paused_at = None
        self._wake()

    async def until(self, wall_ms: int | None, woken: asyncio.Event) -> None:
        """Wait until wall time reaches `wall_ms` (None: never) or `woken` is set; then clear it."""
        while not woken.is_set() and (wall_ms is None or self.wall_ms() < wall_ms):
            left = None if wall_ms is None else (wall_ms - self.wall_ms()) / 1000
            if self._paused_at is not None:
                left = None
            moved = self._moved
            waits = [asyncio.ensure_future(each.wait()) for each in (woken, moved)]
            try:
                await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()
        woken.clear()

    async def within(self, seconds: float, doing: Awaitable[T]) -> T:
        """Await `doing` for at most so many elapsed seconds; `TimeoutError` after that."""
        async with asyncio.timeout(seconds):
            return await doing

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


Tell = Callable[[dict[str, object]], None]
"""Receives an observation: what somebody who watches this process would notice."""
