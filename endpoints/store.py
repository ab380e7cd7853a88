"""A node's SQLite file: one named thread writes, in groups that share one fsync.

A write is a function that gets the connection; when `write` returns, what it did is on disk
(`synchronous=FULL`). Functions that arrive while a commit is under way share the next one. Reads
go through a second connection, on the caller's thread, and see what was committed.
"""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlite_utils import Database

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.folder import ConfigError

from .migrations import STEPS

log = logging.getLogger(__name__)

T = TypeVar("T")

_QUICK_BYTES = 64 * 1024 * 1024
"""A file up to this size is read through at the start, which takes less than 0.1 s."""


class _Job(Generic[T]):
    def __init__(
        self, function: Callable[[sqlite3.Connection], T], after: Callable[[], None]
    ) -> None:
        self.function = function
        self.after = after
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.result: T | None = None
        self.error: BaseException | None = None

    def resolve(self) -> None:
        """Follow up what is on disk, also if the caller went away meanwhile; then tell it."""
        if self.error is None:
            try:
                self.after()
            except Exception:
                log.exception("what follows a change went wrong")
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


class Store:
    """The database of one node."""

    def __init__(self, path: Path) -> None:
        """Open or create it, and bring it to today's shape; `ConfigError` if it can't be used."""
        self.path = path
        try:
            self._writer = self._open()
            STEPS.apply(Database(self._writer))
            self._check()
            self.reader = self._open()
            self.reader.execute("PRAGMA query_only = ON")
        except sqlite3.DatabaseError as error:
            raise ConfigError(
                f"the database {path} can't be used: {error}. It was left as it is. Put a copy "
                f"back, or make room if the disk is full, and start again."
            ) from None
        self._jobs: deque[_Job[Any]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)
        self._thread.start()

    async def write(
        self,
        function: Callable[[sqlite3.Connection], T],
        after: Callable[[], None] = lambda: None,
    ) -> T:
        """Run `function` in a transaction and return its result once it is on disk.

        What it raises is raised here, and what it wrote is undone. `ProtocolError` `storage` if
        the disk refuses. `after` is called on the event loop between the commit and the return,
        even if the caller was cancelled.
        """
        job = _Job(function, after)
        with self._wake:
            if self._closing:
                raise ProtocolError(ErrorCode.STORAGE, "the store is closed")
            self._jobs.append(job)
            self._wake.notify()
        return await job.future

    def close(self) -> None:
        """Finish what was handed in, and close the file."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self.reader.close()
        self._writer.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        return connection

    def _check(self) -> None:
        """Raise `DatabaseError` if a page is damaged; a large file is left to `doctor`."""
        if self.path.stat().st_size <= _QUICK_BYTES:
            wrong = self._writer.execute("PRAGMA quick_check(1)").fetchone()[0]
            if wrong != "ok":
                raise sqlite3.DatabaseError(wrong.splitlines()[-1])

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._jobs or self._closing)
                if not self._jobs:
                    return
                group = list(self._jobs)
                self._jobs.clear()
            self._commit(group)
            group[0].loop.call_soon_threadsafe(_resolve, group)

    def _commit(self, group: list[_Job[Any]]) -> None:
        """Run the group in one transaction; a failing member loses only its own writes."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for job in group:
                self._writer.execute("SAVEPOINT job")
                try:
                    job.result = job.function(self._writer)
                except Exception as error:
                    if isinstance(error, sqlite3.Error) and _disk_refused(error):
                        raise
                    self._writer.execute("ROLLBACK TO job")
                    job.error = error
                self._writer.execute("RELEASE job")
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            log.error("the database %s refused a write: %s", self.path, error)
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for job in group:
                job.error = ProtocolError(
                    ErrorCode.STORAGE, f"it could not be written down: {error}"
                )


_DISK = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
    }
)


def _disk_refused(error: sqlite3.Error) -> bool:
    """Say whether the file or the disk is at fault, rather than the statement."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK


def _resolve(group: list[_Job[Any]]) -> None:
    for job in group:
        job.resolve()
