"""Links to other nodes: ops and their acknowledgements over one wire, in both directions.

Each link sends what its peer may hold and does not have yet, in the order of our own store, and
goes on from what the peer says it has: after every cut the two vectors are compared anew.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from manyends.protocol.codec import MAX_TEXT_FRAME
from manyends.protocol.errors import RETRY, ErrorCode, ProtocolError
from manyends.protocol.io.websockets import LinkLostError, Wire
from manyends.protocol.messages import Ack, Bye, Error, Message, Ops, Ping, Pong, Vectors
from manyends.protocol.ops import MAX_BATCH, Fit, Op, OpId, Vector, include, lacks, merge
from manyends.protocol.roster import RosterEntry

from .core import Core
from .failpoint import failpoint
from .replica import Transaction, forget_passed_on, op_at, places_after, vector_for

log = logging.getLogger(__name__)

PING_SECONDS = 20.0
SILENCE_SECONDS = 10.0
"""A peer that answers no ping for so long is taken to be gone."""

FORGET_SECONDS = 0.2
_SCAN = 500
_ROOM = MAX_TEXT_FRAME - 20_000
"""Bytes of ops in one frame."""

Passing = Callable[["Link", Message], Awaitable[None]]
"""Handles a message that is not about ops."""


class Link:
    """One open link. `run` lives as long as it does."""

    def __init__(self, core: Core, wire: Wire, passing: Passing) -> None:
        assert wire.session.peer is not None
        self.core = core
        self.wire = wire
        self.peer: RosterEntry = wire.session.peer
        self._passing = passing
        self._theirs: Vector = {}
        self._sent: Vector = {}
        self._cursor = 0
        self._told_vector = False
        self._dirty = asyncio.Event()
        self._heard = asyncio.Event()
        self._acked = asyncio.Event()

    @property
    def name(self) -> str:
        """How both sides call this link in their counters."""
        return self.wire.session.link

    def poke(self) -> None:
        """There may be something new to send."""
        self._dirty.set()

    @property
    def unsent(self) -> int:
        """How many streams the peer may hold of which it has not acknowledged all."""
        if not self._told_vector:
            return 1
        behind = 0
        rows = self.core.store.reader.execute("SELECT feed, origin, seq FROM vectors")
        for feed, origin, seq in rows:
            if origin != self.peer.id and self.core.roster.may_hold(self.peer.id, feed):
                behind += seq > self._theirs.get(feed, {}).get(origin, 0)
        return behind

    async def run(self) -> None:
        """Exchange until the link ends; raises `LinkLostError` or `ProtocolError` then."""
        self.core.committed.append(self.poke)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(), name=f"send to {self.peer.name}")
                group.create_task(self._ping(), name=f"ping {self.peer.name}")
                group.create_task(self._forget(), name=f"forget what {self.peer.name} has")
                await self._receive()
        except BaseExceptionGroup as several:
            me = asyncio.current_task()
            if me is not None and me.cancelling():
                # A group that fails in the moment of our own end would hide the end.
                raise asyncio.CancelledError from None
            raise several.exceptions[0] from None
        finally:
            self.core.committed.remove(self.poke)
            await self.wire.close()

    async def send(self, message: Message) -> None:
        """Send a passing message; if the link is gone, so is the message."""
        with contextlib.suppress(LinkLostError):
            await self.wire.send(message)

    async def _receive(self) -> None:
        await self.wire.send(
            Vectors(feeds=vector_for(self.core.store.reader, self.core.roster, self.peer.id))
        )
        while True:
            message = await self.wire.receive()
            self._heard.set()
            match message:
                case Vectors():
                    self._resume(message.feeds)
                case Ops():
                    await self._take(message.ops)
                case Ack():
                    self._acknowledged(message.feeds)
                case Ping():
                    await self.wire.send(Pong(id=message.id))
                case Bye():
                    raise LinkLostError(message.reason or "the peer said goodbye")
                case Pong():
                    pass
                case Error():
                    await self._error(message)
                case _:
                    await self._passing(self, message)

    async def _error(self, error: Error) -> None:
        log.warning("%s says %s: %s", self.peer.name, error.code, error.reason)
        if error.code is ErrorCode.GAP:
            # It will say what it has; start again from there.
            self._told_vector = False
        elif error.code is not ErrorCode.UNSUPPORTED:
            raise ProtocolError(error.code, error.reason)

    def _resume(self, theirs: Vector) -> None:
        self._theirs = theirs
        self._sent = {feed: dict(stream) for feed, stream in theirs.items()}
        self._cursor = 0
        self._told_vector = True
        self._acked.set()
        self.poke()

    async def _send(self) -> None:
        """Send what the peer lacks, whenever there is something new."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            while self._told_vector and (batch := self._next_batch()):
                more = self._cursor < self._last_number()
                await self.wire.send(Ops(ops=batch, more=more))

    def _last_number(self) -> int:
        row = self.core.store.reader.execute("SELECT max(n) FROM ops").fetchone()
        return int(row[0] or 0)

    def _next_batch(self) -> list[Op]:
        """Collect the next ops for this peer, and move the cursor behind them."""
        batch: list[Op] = []
        size = 0
        while places := places_after(self.core.store.reader, self._cursor, _SCAN):
            for number, place in places:
                if self._wanted(place):
                    op = op_at(self.core.store.reader, number)
                    size += len(op.model_dump_json(exclude_none=True).encode())
                    if batch and (size > _ROOM or len(batch) == MAX_BATCH):
                        return batch
                    batch.append(op)
                    include(self._sent, place)
                self._cursor = number
        return batch

    def _wanted(self, place: OpId) -> bool:
        return lacks(self._sent, place) and self.core.roster.may_hold(self.peer.id, place.feed)

    async def _take(self, ops: list[Op]) -> None:
        """Apply what came in one transaction, then acknowledge it."""

        def apply(tx: Transaction) -> tuple[Vector, bool]:
            taken: Vector = {}
            # On disk, not acknowledged, and nothing that follows from it has begun.
            tx.after(lambda: _before_ack(ops))
            # What came from there is there, and need not go back; noted before we look for new.
            tx.after(lambda: merge(self._theirs, taken))
            tx.after(lambda: merge(self._sent, taken))
            for op in ops:
                if tx.apply(op) is Fit.GAP:
                    return taken, True
                include(taken, op.id)
            return taken, False

        try:
            taken, gap = await self.core.write(apply)
        except ProtocolError as refusal:
            await self.wire.fail(refusal)
            raise
        if taken:
            await self.wire.send(Ack(feeds=taken))
        if gap:
            await self.wire.send(
                Error(
                    code=ErrorCode.GAP,
                    reason="an op is missing before this one",
                    retry=RETRY[ErrorCode.GAP],
                )
            )
            await self.wire.send(
                Vectors(feeds=vector_for(self.core.store.reader, self.core.roster, self.peer.id))
            )

    def _acknowledged(self, feeds: Vector) -> None:
        """Note what the peer has on disk."""
        merge(self._theirs, feeds)
        self._acked.set()

    async def _forget(self) -> None:
        """Erase what we wrote for others and may not hold, once the peer has it.

        A moment later, so that it is in nobody's way; a restart finds the rest to erase by the
        peer's vector.
        """
        roster, me = self.core.roster, self.core.me.id
        erased: dict[str, int] = {}
        while True:
            await self._acked.wait()
            await asyncio.sleep(FORGET_SECONDS)
            self._acked.clear()
            passed_on = [
                (feed, stream[me])
                for feed, stream in self._theirs.items()
                if stream.get(me, 0) > erased.get(feed, 0) and not roster.may_hold(me, feed)
            ]
            if not passed_on:
                continue
            if await self.core.write(partial(forget_passed_on, streams=passed_on)):
                erased.update(passed_on)

    async def _ping(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(PING_SECONDS)
            number += 1
            self._heard.clear()
            await self.wire.send(Ping(id=number))
            try:
                await self.core.clock.within(SILENCE_SECONDS, self._heard.wait())
            except TimeoutError:
                raise LinkLostError(f"{self.peer.name} is silent") from None


def _before_ack(ops: list[Op]) -> None:
    for op in ops:
        failpoint(f"ack:{op.kind}")
