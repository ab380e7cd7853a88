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
    word = RECORDED.get(op.kind)
    if word is None:
        return
    if isinstance(payload, TaskState):
        if payload.task.state not in RESTING - {State.OFFERED, State.ASKING}:
            return
        word = payload.task.state
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
    """Check the whole chain, and every payload that is still there against its digest."""
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
        if row["body"] and digest(row["salt"] or "", json.loads(row["body"])) != row["digest"]:
            return Verdict(False, count, f"what entry {count} is about was changed")
        previous = row["hash"]
    return Verdict(True, count)


def entries(connection: sqlite3.Connection, limit: int) -> list[dict[str, object]]:
    """Return the newest entries, oldest first."""
    rows = connection.execute(
        "SELECT n, at, kind, subject, digest, hash FROM audit ORDER BY n DESC LIMIT ?", (limit,)
    ).fetchall()
    return [dict(row) for row in reversed(rows)]


def _hash(content: tuple[object, ...]) -> str:
    return b64(hashlib.sha256(canonical(list(content))).digest())
