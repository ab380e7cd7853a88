"""What happens at a time: timers that ring, tasks whose deadline has passed."""

import asyncio
import logging
from dataclasses import dataclass, field

from manyends.protocol.ids import device_feed
from manyends.protocol.payloads import RecordPut
from manyends.protocol.task import State
from manyends.skills.builtin import timers
from manyends.skills.sdk import Record

from .contexts import records
from .core import Core
from .keeper import Keeper
from .replica import Transaction

log = logging.getLogger(__name__)


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
            await self._do_due()
            await self.core.clock.until(self._next(), self._look)

    def _next(self) -> int | None:
        deadline = self.core.store.reader.execute(
            "SELECT min(deadline) FROM tasks WHERE keeper = ? AND state IN (?, ?, ?)",
            (self.core.me.id, State.OFFERED, State.ACCEPTED, State.ASKING),
        ).fetchone()[0]
        moments = (timers.next_due(self._timers()), deadline)
        return min((each for each in moments if each is not None), default=None)

    async def _do_due(self) -> None:
        now = self.core.clock.wall_ms()
        next_moment = self._next()
        if next_moment is None or next_moment > now:
            return
        due = timers.due(self._timers(), now)

        def do(tx: Transaction) -> None:
            for timer in due:
                data = timers.ringing(timer, now)
                tx.append(
                    timer.feed, RecordPut(collection=timers.COLLECTION, id=timer.id, data=data)
                )
            self.keeper.expire(tx, now)

        await self.core.write(do)
        for timer in due:
            self._ring(timer)

    def _ring(self, timer: Record) -> None:
        self.core.tell("ring", id=timer.id, label=timers.ring_text(timer))

    def _timers(self) -> list[Record]:
        mine = device_feed(self.core.me.id)
        found = records(self.core.store.reader, timers.COLLECTION)
        return [each for each in found if each.feed == mine]
