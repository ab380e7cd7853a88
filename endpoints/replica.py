"""Ops inside a transaction: writing one's own, applying others', and mail between devices.

A `Transaction` is what the keeper, the worker and the conversation work with. All that one
changes is committed together, what is to follow is registered with `after`.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.hlc import ZERO, Hlc, receive, tick
from manyends.protocol.identity import Identity
from manyends.protocol.ids import DeviceId, Entropy, FeedName, device_feed
from manyends.protocol.ops import Fit, Op, OpId, Vector, check, fit, write
from manyends.protocol.payloads import KINDS, PAYLOADS, Payload
from manyends.protocol.roster import Roster, RosterEntry
from manyends.protocol.task import TERMINAL

from .migrations import DERIVED
from .projections import project

log = logging.getLogger(__name__)

MAX_PAYLOAD = 150_000
"""Characters of a payload: a batch of one op has to fit into a frame."""

Reaction = Callable[["Transaction", DeviceId, Any], None]
"""Acts on a payload from a device, inside the transaction that applies its op."""

Witness = Callable[["Transaction", Op, Payload, int], None]
"""Sees every op that is applied, with its number in the store."""


@dataclass
class Replica:
    """This node's part of the household's ops."""

    me: RosterEntry
    identity: Identity
    roster: Roster
    wall_ms: Callable[[], int]
    entropy: Entropy
    reactions: Mapping[str, Reaction] = field(default_factory=dict)
    witnesses: list[Witness] = field(default_factory=list)
    _clock: Hlc = ZERO

    def begin(self, connection: sqlite3.Connection) -> "Transaction":
        """Return a transaction on this connection."""
        if self._clock == ZERO:
            latest = connection.execute("SELECT max(hlc) FROM ops").fetchone()[0]
            if latest:
                self.see(latest)
        return Transaction(connection, self)

    def tick(self) -> str:
        """Return the stamp of a local change."""
        self._clock = tick(self._clock, self.wall_ms())
        return str(self._clock)

    def see(self, stamp: str) -> None:
        """Move the clock over a remote stamp."""
        self._clock = receive(self._clock, Hlc.parse(stamp), self.wall_ms())


@dataclass
class Transaction:
    """One change of the node's state, atomic and on disk when it is over."""

    connection: sqlite3.Connection
    replica: Replica
    follow_ups: list[Callable[[], None]] = field(default_factory=list)
    _last: dict[str, Callable[[], None]] = field(default_factory=dict)

    @property
    def me(self) -> RosterEntry:
        """This device."""
        return self.replica.me

    @property
    def roster(self) -> Roster:
        """The household."""
        return self.replica.roster

    def after(self, function: Callable[[], None]) -> None:
        """Call `function` on the event loop once all this is on disk."""
        self.follow_ups.append(function)

    def at_end(self, name: str, function: Callable[[], None]) -> None:
        """Call `function` before the commit; a later one of the same name takes its place."""
        self._last[name] = function

    def finish(self) -> None:
        """Do what was left for the end."""
        while self._last:
            name = next(iter(self._last))
            self._last.pop(name)()

    def append(self, feed: FeedName, payload: Payload) -> Op:
        """Write an op of our own into a feed.

        Raises `ProtocolError` `too_big` for a payload that no frame could carry.
        """
        body = payload.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        text = json.dumps(body, ensure_ascii=False)
        if len(text.encode()) > MAX_PAYLOAD:
            raise ProtocolError(ErrorCode.TOO_BIG, "that is too long to be kept")
        place = OpId(self.me.id, feed, self._last_seq(feed, self.me.id) + 1)
        salt = self.replica.entropy(8).hex()
        kind = KINDS[type(payload)]
        op = write(place, self.replica.tick(), kind, body, salt, self.replica.identity)
        self._insert(op, text, payload)
        return op

    def mail(self, device: DeviceId, payload: Payload) -> None:
        """Put a payload into a device's mailbox; mail to ourselves is acted on at once."""
        if device != self.me.id:
            self.append(device_feed(device), payload)
            return
        reaction = self.replica.reactions.get(KINDS[type(payload)])
        if reaction is not None:
            reaction(self, self.me.id, payload)

    def apply(self, op: Op) -> Fit:
        """Apply an op of somebody else's, once.

        Returns how it fitted; only a `NEXT` changed anything. Raises `ProtocolError`: `forbidden`
        if it isn't signed by a device of the household or this node may not hold it,
        `bad_message` if its payload is not what its kind says.
        """
        entry = self.roster.device(op.origin)
        if entry is None:
            raise ProtocolError(ErrorCode.FORBIDDEN, f"{op.origin} is not of the household")
        if not self.roster.may_hold(self.me.id, op.feed) and op.origin != self.me.id:
            raise ProtocolError(ErrorCode.FORBIDDEN, f"{self.me.name} may not hold {op.feed}")
        fitting = fit({op.feed: {op.origin: self._last_seq(op.feed, op.origin)}}, op.id)
        if fitting is not Fit.NEXT:
            return fitting
        check(op, entry.device_key)
        payload = read_payload(op)
        self.replica.see(op.hlc)
        text = None if op.payload is None else json.dumps(op.payload, ensure_ascii=False)
        self._insert(op, text, payload)
        reaction = self.replica.reactions.get(op.kind)
        if payload is not None and reaction is not None:
            self._react(reaction, op, payload)
        return fitting

    def _react(self, reaction: Reaction, op: Op, payload: Payload) -> None:
        """Let a reaction see an op; one that is refused leaves no trace but the op."""
        try:
            with self.attempt():
                reaction(self, op.origin, payload)
        except ProtocolError as refusal:
            log.warning("%s from %s was refused: %s", op.kind, op.origin, refusal.reason)
        except sqlite3.Error:
            raise
        except Exception:
            # The op would come again and again; it is kept, and what it asked for is not done.
            log.exception("%s from %s could not be acted on", op.kind, op.origin)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo all that is written and registered inside, if it raises."""
        followed, last = len(self.follow_ups), dict(self._last)
        self.connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO attempt")
            del self.follow_ups[followed:]
            self._last = last
            raise
        finally:
            self.connection.execute("RELEASE attempt")

    def _insert(self, op: Op, text: str | None, payload: Payload | None) -> None:
        extra = op.model_extra or {}
        number = self.connection.execute(
            "INSERT INTO ops (feed, origin, seq, hlc, kind, digest, signature, salt, extra)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                op.feed,
                op.origin,
                op.seq,
                op.hlc,
                op.kind,
                op.digest,
                op.signature,
                op.salt,
                json.dumps(extra) if extra else None,
            ),
        ).lastrowid
        assert number is not None
        if text is not None:
            self.connection.execute("INSERT INTO payloads VALUES (?, ?)", (number, text))
        self.connection.execute(
            "INSERT INTO vectors VALUES (?, ?, ?)"
            " ON CONFLICT (feed, origin) DO UPDATE SET seq = excluded.seq",
            (op.feed, op.origin, op.seq),
        )
        if payload is not None:
            project(self.connection, op, payload)
            for witness in self.replica.witnesses:
                witness(self, op, payload, number)

    def _last_seq(self, feed: FeedName, origin: DeviceId) -> int:
        row = self.connection.execute(
            "SELECT seq FROM vectors WHERE feed = ? AND origin = ?", (feed, origin)
        ).fetchone()
        return row[0] if row else 0


def read_payload(op: Op) -> Payload | None:
    """Return the op's payload in its type; None if it is erased or of an unknown kind.

    Raises `ProtocolError` `bad_message` if it isn't what its kind says.
    """
    model = PAYLOADS.get(op.kind)
    if model is None or op.payload is None:
        return None
    try:
        return model.model_validate(op.payload)
    except ValidationError as error:
        raise ProtocolError(
            ErrorCode.BAD_MESSAGE, f"op {op.id} is no {op.kind}: {error.error_count()} mistakes"
        ) from None


def vector_for(connection: sqlite3.Connection, roster: Roster, peer: DeviceId) -> Vector:
    """Return how much this node has of what the peer might send: the feeds that the peer holds,
    and of all others what the peer itself wrote."""
    vector: Vector = {}
    for feed, origin, seq in connection.execute("SELECT feed, origin, seq FROM vectors"):
        if origin == peer or roster.may_hold(peer, feed):
            vector.setdefault(feed, {})[origin] = seq
    return vector


def places_after(connection: sqlite3.Connection, number: int, limit: int) -> list[tuple[int, OpId]]:
    """Return where the next ops behind a number of this store stand, oldest first."""
    rows = connection.execute(
        "SELECT n, origin, feed, seq FROM ops WHERE n > ? ORDER BY n LIMIT ?", (number, limit)
    )
    return [(row[0], OpId(row[1], row[2], row[3])) for row in rows]


def op_at(connection: sqlite3.Connection, number: int) -> Op:
    """Return the op with this number in the store."""
    return _op(
        connection.execute(
            "SELECT ops.*, body FROM ops LEFT JOIN payloads ON op = n WHERE n = ?", (number,)
        ).fetchone()
    )


def rebuild(connection: sqlite3.Connection) -> None:
    """Empty the derived tables and fill them again from the ops."""
    for table in DERIVED:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
    number = 0
    while places := places_after(connection, number, 500):
        for number, _place in places:
            op = op_at(connection, number)
            payload = read_payload(op)
            if payload is not None:
                project(connection, op, payload)


def forget_passed_on(tx: Transaction, streams: Iterable[tuple[FeedName, int]]) -> bool:
    """Erase what this device wrote for others and may not hold, now that a holder has it.

    While a task is unfinished here its states stay: a restart goes by them. Says whether it was
    done.
    """
    unfinished = tx.connection.execute(
        "SELECT 1 FROM tasks WHERE keeper = ? AND state NOT IN (?, ?, ?, ?)", (tx.me.id, *TERMINAL)
    ).fetchone()
    if unfinished:
        return False
    for feed, seq in streams:
        passed = (feed, tx.me.id, seq)
        tx.connection.execute(
            "DELETE FROM payloads WHERE op IN"
            " (SELECT n FROM ops WHERE feed = ? AND origin = ? AND seq <= ?)",
            passed,
        )
        # Without its salt, a digest can't be tried against guesses.
        tx.connection.execute(
            "UPDATE ops SET salt = NULL"
            " WHERE feed = ? AND origin = ? AND seq <= ? AND salt IS NOT NULL",
            passed,
        )
    if tx.me.shared:
        for table, over in (("turns", "closed IS NOT NULL"), ("tasks", "1")):
            tx.connection.execute(
                f"DELETE FROM {table} WHERE person IS NOT NULL AND {over}"  # noqa: S608 - ours
            )
    return True


def _op(row: sqlite3.Row) -> Op:
    extra = json.loads(row["extra"]) if row["extra"] else {}
    return Op(
        origin=row["origin"],
        feed=row["feed"],
        seq=row["seq"],
        hlc=row["hlc"],
        kind=row["kind"],
        digest=row["digest"],
        signature=row["signature"],
        salt=row["salt"] if row["body"] else None,
        payload=json.loads(row["body"]) if row["body"] else None,
        **extra,
    )
