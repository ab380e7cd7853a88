"""The store: writes that come together share a commit, and each failure is its own."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from manyends.endpoints.store import Store
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.folder import ConfigError


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    """A store in a file."""
    store = Store(folder / "node.db")
    try:
        yield store
    finally:
        store.close()


def put(connection: sqlite3.Connection, key: str) -> str:
    """Write one row."""
    connection.execute("INSERT INTO meta VALUES (?, 'x')", (key,))
    return key


def count(store: Store) -> int:
    """Count the rows that are committed."""
    return int(store.reader.execute("SELECT count(*) FROM meta").fetchone()[0])


async def test_writes_that_come_together_share_a_commit(folder: Path) -> None:
    commits: list[str] = []
    async with opened(folder) as store:
        store._writer.set_trace_callback(
            lambda statement: commits.append(statement) if statement == "COMMIT" else None
        )
        keys = [f"k{number}" for number in range(200)]
        done = await asyncio.gather(*(store.write(partial(put, key=key)) for key in keys))
        assert list(done) == keys
        assert count(store) == 200
        assert len(commits) < 20


async def test_a_write_that_fails_loses_only_its_own(folder: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        put(connection, "half")
        raise RuntimeError("no")

    async with opened(folder) as store:
        results = await asyncio.gather(
            store.write(lambda connection: put(connection, "one")),
            store.write(half),
            store.write(lambda connection: put(connection, "one")),
            store.write(lambda connection: connection.execute("no such statement")),
            store.write(lambda connection: put(connection, "two")),
            return_exceptions=True,
        )
        assert results[0] == "one"
        assert isinstance(results[1], RuntimeError)
        assert isinstance(results[2], sqlite3.IntegrityError)
        assert isinstance(results[3], sqlite3.OperationalError)
        assert results[4] == "two"
        keys = store.reader.execute("SELECT key FROM meta ORDER BY key").fetchall()
        assert [row[0] for row in keys] == ["one", "two"]


async def test_what_was_written_is_there_after_a_restart(folder: Path) -> None:
    async with opened(folder) as store:
        await store.write(lambda connection: put(connection, "kept"))
    async with opened(folder) as store:
        assert count(store) == 1


async def test_a_disk_that_refuses_is_said_and_the_store_goes_on(folder: Path) -> None:
    async with opened(folder) as store:
        await store.write(lambda connection: put(connection, "before"))
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages}")

        def large(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO meta VALUES ('large', ?)", ("x" * 200_000,))

        results = await asyncio.gather(
            store.write(lambda connection: put(connection, "beside")),
            store.write(large),
            return_exceptions=True,
        )
        refusals = [each for each in results if isinstance(each, ProtocolError)]
        assert refusals
        assert {each.code for each in refusals} == {ErrorCode.STORAGE}
        assert isinstance(results[1], ProtocolError)
        store._writer.execute("PRAGMA max_page_count = 1000000")
        await store.write(lambda connection: put(connection, "after"))
        keys = {row[0] for row in store.reader.execute("SELECT key FROM meta")}
        # Who was told of a failure has nothing written, who was not has.
        told = set() if isinstance(results[0], ProtocolError) else {"beside"}
        assert keys == {"before", "after"} | told


async def test_a_closed_store_takes_nothing(folder: Path) -> None:
    async with opened(folder) as store:
        pass
    with pytest.raises(ProtocolError) as caught:
        await store.write(lambda connection: put(connection, "late"))
    assert caught.value.code is ErrorCode.STORAGE


async def test_a_caller_that_gives_up_disturbs_nobody(folder: Path) -> None:
    async with opened(folder) as store:
        first = asyncio.ensure_future(store.write(lambda connection: put(connection, "one")))
        await asyncio.sleep(0)
        first.cancel()
        await store.write(lambda connection: put(connection, "two"))
        with contextlib.suppress(asyncio.CancelledError):
            await first
        assert count(store) == 2


async def test_the_reader_can_not_write(folder: Path) -> None:
    async with opened(folder) as store:
        with pytest.raises(sqlite3.OperationalError):
            put(store.reader, "no")


@pytest.mark.parametrize(
    "content", [b"this is no database, but long enough to be read as one" * 30]
)
def test_a_file_that_is_no_database_is_refused_with_the_way_out(
    folder: Path, content: bytes
) -> None:
    path = folder / "node.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="Put a copy back"):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="can't be used"):
        Store(folder / "nowhere" / "node.db")
