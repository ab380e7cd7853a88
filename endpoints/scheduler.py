"""What happens at a time: timers that ring, tasks whose deadline has passed."""

import asyncio
import logging
import sqlite3
from dataclasses import dataclass, field

from manyends.protocol.errors import ProtocolError
from manyends.protocol.payloads import RecordPut
from manyends.protocol.task import State
from manyends.skills.builtin import timers
from manyends.skills.sdk import Record

from .contexts import own_records
from .core import Core
from .keeper import Keeper
from .replica import Transaction

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


@dataclass
class Scheduler:
    """Waits for the next wall time at which this node has something to do."""

    core: Core
    keeper: Keeper
    _look: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run for ever; what was due while this node was off happens at once."""
        self.core.committed.append(self._look.set)
        for timer in self._timers():
            if timer.data.get("ringing"):
                self._ring(timer)
        while True:
            moment = self._next()
            if moment is None or moment > self.core.clock.wall_ms():
                await self.core.clock.until(moment, self._look)
                continue
            try:
                await self._do_due()
            except ProtocolError as refusal:
                # A full disk, most likely. Timers that can't be written down yet ring later.
                log.error("what is due could not be done: %s", refusal)
                await asyncio.sleep(RETRY_SECONDS)

    def _next(self) -> int | None:
        deadline = self.core.store.reader.execute(
            "SELECT min(deadline) FROM tasks WHERE keeper = ? AND state IN (?, ?, ?)",
            (self.core.me.id, State.OFFERED, State.ACCEPTED, State.ASKING),
        ).fetchone()[0]
        moments = (timers.next_due(self._timers()), deadline)
        return min((each for each in moments if each is not None), default=None)

    async def _do_due(self) -> None:
        now = self.core.clock.wall_ms()

        def do(tx: Transaction) -> list[Record]:
            due = timers.due(self._timers(tx.connection), now)
            for timer in due:
                data = timers.ringing(timer, now)
                tx.append(
                    timer.feed, RecordPut(collection=timers.COLLECTION, id=timer.id, data=data)
                )
            self.keeper.expire(tx, now)
            return due

        for timer in await self.core.write(do):
            self._ring(timer)

    def _ring(self, timer: Record) -> None:
        self.core.tell("ring", id=timer.id, label=timers.ring_text(timer))

    def _timers(self, connection: sqlite3.Connection | None = None) -> list[Record]:
        reader = connection or self.core.store.reader
        return own_records(reader, self.core.me.id, timers.COLLECTION)
