"""From ops to tables that can be asked: what each kind of op means for the derived state.

Pure in the sense that counts: the tables depend on nothing but the ops and their order within
each stream, so that they can be dropped and built again.
"""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from manyends.protocol.ops import Op
from manyends.protocol.payloads import (
    AskClosed,
    AskOpen,
    Payload,
    RecordDrop,
    RecordPut,
    TaskLease,
    TaskOffer,
    TaskReport,
    TaskState,
    TurnClosed,
    TurnOpened,
)
from manyends.protocol.task import Task


def project(connection: sqlite3.Connection, op: Op, payload: Payload) -> None:
    """Bring the derived tables up to date with one op."""
    projection = _PROJECTIONS.get(type(payload))
    if projection is not None:
        projection(connection, op, payload)


def task_of(connection: sqlite3.Connection, task_id: str) -> Task | None:
    """Return the newest copy of a task that this node has."""
    row = connection.execute("SELECT body FROM tasks WHERE id = ?", (task_id,)).fetchone()
    return Task.model_validate_json(row[0]) if row else None


def keep_task(connection: sqlite3.Connection, task: Task) -> None:
    """Write a copy of a task if it is newer than the one here; rows stay in order of arrival."""
    known = task_of(connection, task.id)
    if known is not None and not task.newer_than(known):
        return
    connection.execute(
        "INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " state = excluded.state, keeper = excluded.keeper, target = excluded.target,"
        " deadline = excluded.deadline, body = excluded.body",
        (
            task.id,
            task.state,
            task.keeper,
            task.target,
            task.asker,
            task.for_person,
            task.deadline,
            task.model_dump_json(exclude_none=True),
        ),
    )


def _task(
    connection: sqlite3.Connection, op: Op, payload: TaskOffer | TaskLease | TaskState | TaskReport
) -> None:
    keep_task(connection, payload.task)


def _turn_opened(connection: sqlite3.Connection, op: Op, payload: TurnOpened) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO turns VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
        (
            payload.turn,
            payload.conversation,
            payload.device,
            payload.person,
            payload.at,
            payload.utterance,
        ),
    )


def _turn_closed(connection: sqlite3.Connection, op: Op, payload: TurnClosed) -> None:
    connection.execute(
        "UPDATE turns SET closed = ?, body = ? WHERE id = ?",
        (payload.at, payload.model_dump_json(exclude_none=True), payload.turn),
    )


def _record_put(connection: sqlite3.Connection, op: Op, payload: RecordPut) -> None:
    _record(connection, op, payload.collection, payload.id, json.dumps(payload.data), 0)


def _record_drop(connection: sqlite3.Connection, op: Op, payload: RecordDrop) -> None:
    _record(connection, op, payload.collection, payload.id, None, 1)


def _record(
    connection: sqlite3.Connection,
    op: Op,
    collection: str,
    record: str,
    data: str | None,
    dropped: int,
) -> None:
    """Write a record unless a later change of it is there; the stamp, then the writer, decides."""
    connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (collection, id) DO UPDATE SET"
        " feed = excluded.feed, data = excluded.data, put_at = excluded.put_at,"
        " dropped = excluded.dropped WHERE excluded.put_at > records.put_at",
        (collection, record, op.feed, data, f"{op.hlc}-{op.origin}", dropped),
    )


def _ask_open(connection: sqlite3.Connection, op: Op, payload: AskOpen) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO asks VALUES (?, ?, ?, ?, ?, 1)",
        (
            payload.task.id,
            op.feed,
            payload.task.model_dump_json(exclude_none=True),
            payload.text,
            payload.expires,
        ),
    )


def _ask_closed(connection: sqlite3.Connection, op: Op, payload: AskClosed) -> None:
    connection.execute(
        "INSERT INTO asks (task, feed, open) VALUES (?, ?, 0)"
        " ON CONFLICT (task, feed) DO UPDATE SET open = 0",
        (payload.task, op.feed),
    )


_PROJECTIONS: dict[type[Payload], Callable[[sqlite3.Connection, Op, Any], None]] = {
    TaskOffer: _task,
    TaskLease: _task,
    TaskState: _task,
    TaskReport: _task,
    TurnOpened: _turn_opened,
    TurnClosed: _turn_closed,
    RecordPut: _record_put,
    RecordDrop: _record_drop,
    AskOpen: _ask_open,
    AskClosed: _ask_closed,
}
