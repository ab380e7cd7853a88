"""The audit record: what was asked, allowed and done, as a hash chain over salted digests.

Each entry holds the digest of the op that it is about, never its content, so that forgetting a
payload leaves the chain whole. An entry's hash covers all of it and the hash before it.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass

from manyends.endpoints.replica import Transaction
from manyends.protocol.identity import b64, canonical, digest
from manyends.protocol.ops import Op
from manyends.protocol.payloads import Payload, TaskState
from manyends.protocol.task import RESTING, State

RECORDED = {
    "turn.opened": "asked",
    "turn.closed": "answered",
    "ask.open": "approval asked",
    "grant.given": "approved",
    "grant.refused": "denied",
    "task.state": "done",
}
"""Which ops are recorded, and under which word."""

_FIRST = "manyends"


@dataclass(frozen=True)
class Verdict:
    """Whether the record is whole, how long it is, and what is wrong with it."""

    ok: bool
    entries: int
    reason: str = ""


def record(tx: Transaction, op: Op, payload: Payload, number: int) -> None:
    """Add an entry for an op, in the transaction that applies it. A witness of the brain's."""
    state = payload.task.state if isinstance(payload, TaskState) else None
    word = _word(op.kind, state)
    if word is None:
        return
    last = tx.connection.execute("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1").fetchone()
    n, previous = (last["n"] + 1, last["hash"]) if last else (1, _FIRST)
    at = tx.replica.wall_ms()
    subject = f"{op.origin} {op.feed} {op.seq}"
    row = (n, at, word, subject, op.salt, op.digest, previous)
    tx.connection.execute(
        "INSERT INTO audit (n, at, kind, subject, op, salt, digest, previous, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row[:4], number, *row[4:], _hash(row)),
    )


def verify(connection: sqlite3.Connection) -> Verdict:
    """Check the whole chain, and every payload that is still there against its digest.

    A record that was cut off at its end is found as long as what the lost entries were about is
    still there. Who removes that too, or writes all of it anew, is not found by the brain alone.
    """
    previous, count = _FIRST, 0
    rows = connection.execute(
        "SELECT audit.*, payloads.body FROM audit LEFT JOIN payloads USING (op) ORDER BY audit.n"
    )
    for row in rows:
        count += 1
        content = (
            row["n"],
            row["at"],
            row["kind"],
            row["subject"],
            row["salt"],
            row["digest"],
            row["previous"],
        )
        if row["n"] != count:
            return Verdict(False, count, f"entry {count} is missing")
        if row["previous"] != previous or row["hash"] != _hash(content):
            return Verdict(False, count, f"entry {count} was changed")
        if row["body"] is not None and not _is_of(row["digest"], row["salt"], row["body"]):
            return Verdict(False, count, f"what entry {count} is about was changed")
        previous = row["hash"]
    if _unrecorded(connection):
        return Verdict(False, count, f"what came after entry {count} is missing")
    return Verdict(True, count)


def entries(connection: sqlite3.Connection, limit: int) -> list[dict[str, object]]:
    """Return the newest entries, oldest first."""
    rows = connection.execute(
        "SELECT n, at, kind, subject, digest, hash FROM audit ORDER BY n DESC LIMIT ?", (limit,)
    ).fetchall()
    return [dict(row) for row in reversed(rows)]


def _word(kind: str, state: str | None) -> str | None:
    """Return under which word an op is recorded; None if it isn't."""
    if state is None:
        return RECORDED.get(kind)
    return state if state in RESTING - {State.OFFERED, State.ASKING} else None


def _unrecorded(connection: sqlite3.Connection) -> bool:
    """Say whether an op is here that should have an entry, and has none."""
    rows = connection.execute(
        "SELECT kind, CASE WHEN kind = 'task.state' AND json_valid(body)"
        " THEN coalesce(json_extract(body, '$.task.state'), 'offered') END"
        " FROM ops JOIN payloads ON payloads.op = ops.n"
        " WHERE NOT EXISTS (SELECT 1 FROM audit WHERE audit.op = ops.n)"
    )
    return any(_word(kind, state) is not None for kind, state in rows)


def _is_of(wanted: str, salt: str | None, body: str) -> bool:
    """Say whether a payload is the one of this digest."""
    try:
        return digest(salt or "", json.loads(body)) == wanted
    except ValueError:
        return False


def _hash(content: tuple[object, ...]) -> str:
    return b64(hashlib.sha256(canonical(list(content))).digest())
