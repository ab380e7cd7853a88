"""The rows of `effects`: how far this device has come with each task that it runs."""

import json
import sqlite3
from typing import NamedTuple

from manyends.protocol.payloads import TaskUpdate
from manyends.protocol.task import Event, Result, Task

from .replica import Transaction


class Work(NamedTuple):
    """One row; `worker.py` says what the stages mean."""

    stage: str
    task: Task
    result: Result | None = None
    asked: tuple[str, ...] = ()
    """People whose yes is waited for."""


def put_work(connection: sqlite3.Connection, work: Work) -> None:
    """Write the row of this task's key."""
    connection.execute(
        "INSERT OR REPLACE INTO effects VALUES (?, ?, ?, ?, ?, ?)",
        (
            work.task.key,
            work.task.id,
            work.stage,
            work.task.model_dump_json(exclude_none=True),
            json.dumps(work.asked),
            work.result.model_dump_json(exclude_none=True) if work.result else None,
        ),
    )


def work_of(connection: sqlite3.Connection, key: str) -> Work | None:
    """Return the row of an idempotency key."""
    return _read(connection.execute("SELECT * FROM effects WHERE key = ?", (key,)).fetchone())


def work_by_task(connection: sqlite3.Connection, task: str) -> Work | None:
    """Return the row of a task."""
    return _read(connection.execute("SELECT * FROM effects WHERE task = ?", (task,)).fetchone())


def ending(result: Result | None) -> list[Event]:
    """Return the event that ends a run with this result."""
    return [Event.FAIL if result is not None and result.error else Event.SUCCEED]


def report(tx: Transaction, task: Task, events: list[Event], result: Result | None) -> None:
    """Tell the keeper what happened, under the lease it happened under."""
    update = TaskUpdate(
        task=task.id, custody=task.custody, lease=task.lease, events=events, result=result
    )
    tx.mail(task.keeper, update)


def _read(row: sqlite3.Row | None) -> Work | None:
    if row is None:
        return None
    return Work(
        row["stage"],
        Task.model_validate_json(row["body"]),
        Result.model_validate_json(row["result"]) if row["result"] else None,
        tuple(json.loads(row["asked"])),
    )
