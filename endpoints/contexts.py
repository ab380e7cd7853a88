"""What a running action sees of its node: the SDK's contexts over the store and the home link."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from manyends.protocol.ids import HOUSEHOLD, DeviceId, FeedName, PersonId, device_feed, person_feed
from manyends.protocol.payloads import RecordDrop, RecordPut
from manyends.protocol.roster import RosterEntry
from manyends.protocol.task import Task
from manyends.skills.sdk import HomePort, Record, Scope

from .replica import Transaction

OpenPage = Callable[[str], None]


@dataclass(frozen=True)
class Looking:
    """A `ReadContext`."""

    now_ms: int
    task: Task
    device: RosterEntry
    connection: sqlite3.Connection

    def find(self, collection: str) -> list[Record]:
        """Return what this task's person may see here: the household's, the device's, their own."""
        feeds = {HOUSEHOLD, device_feed(self.device.id), person_feed(_proved(self.task))}
        return [each for each in records(self.connection, collection) if each.feed in feeds]


@dataclass(frozen=True)
class Storing(Looking):
    """A `StoredContext`: a look that may also write, inside the transaction."""

    tx: Transaction

    def put(self, collection: str, record: str, data: dict[str, Any], scope: Scope) -> None:
        """Write a record into the feed of its scope."""
        feed = _feed(self.task, self.device, scope)
        self.tx.append(feed, RecordPut(collection=collection, id=record, data=data))

    def drop(self, record: Record) -> None:
        """Remove a record."""
        self.tx.append(record.feed, RecordDrop(collection=record.collection, id=record.id))


@dataclass(frozen=True)
class Running(Looking):
    """A `RunContext`. What is put is written down together with the result."""

    home: HomePort
    opener: OpenPage
    _puts: list[tuple[FeedName, RecordPut]] = field(default_factory=list)

    def put(self, collection: str, record: str, data: dict[str, Any], scope: Scope) -> None:
        """Have a record written into the feed of its scope, if the action succeeds."""
        feed = _feed(self.task, self.device, scope)
        self._puts.append((feed, RecordPut(collection=collection, id=record, data=data)))

    def forget(self) -> None:
        """Forget what was put: the action is tried again from its start."""
        self._puts.clear()

    def write(self, tx: Transaction) -> None:
        """Write what was put."""
        for feed, put in self._puts:
            tx.append(feed, put)

    def open_page(self, url: str) -> None:
        """Show a page in this device's browser."""
        self.opener(url)


def _feed(task: Task, device: RosterEntry, scope: Scope) -> FeedName:
    return {
        Scope.PERSON: person_feed(_proved(task)),
        Scope.HOUSEHOLD: HOUSEHOLD,
        Scope.DEVICE: device_feed(device.id),
    }[scope]


def records(connection: sqlite3.Connection, collection: str) -> list[Record]:
    """Return the collection's records that this node holds, oldest first."""
    rows = connection.execute(
        "SELECT * FROM records WHERE collection = ? AND dropped = 0 ORDER BY put_at", (collection,)
    )
    return [
        Record(
            collection=row["collection"],
            id=row["id"],
            feed=row["feed"],
            data=json.loads(row["data"]),
            put_at=row["put_at"],
        )
        for row in rows
    ]


def own_records(connection: sqlite3.Connection, device: DeviceId, collection: str) -> list[Record]:
    """Return the collection's records that belong to one device, oldest first."""
    mine = device_feed(device)
    return [each for each in records(connection, collection) if each.feed == mine]


def _proved(task: Task) -> PersonId | None:
    """Return the person whose own things a task may touch: never one who was only claimed."""
    return None if task.claimed else task.for_person
