"""What the benchmarks share: percentiles, a household to measure, a table."""

import asyncio
import socket
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from manyends.brain.household import found
from manyends.cli.sample import sample
from manyends.cli.starter import Nodes, started


def spread(milliseconds: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the 99th percentile and the least."""
    cuts = statistics.quantiles(milliseconds, n=100)
    return statistics.median(milliseconds), cuts[98], min(milliseconds)


async def timed(work: Callable[[], Awaitable[object]], times: int, warm_up: int) -> list[float]:
    """Return the milliseconds that each of so many runs took, after some that don't count."""
    for _ in range(warm_up):
        await work()
    found_times = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        found_times.append((time.perf_counter() - began) * 1000)
    return found_times


@asynccontextmanager
async def household() -> AsyncIterator[tuple[dict[str, Path], Nodes]]:
    """Run the sample household in a new folder; yield its state folders and sockets."""
    with tempfile.TemporaryDirectory(prefix="me-", ignore_cleanup_errors=True) as folder:
        folders = found(Path(folder), sample("none", free_port()))
        async with started(folders) as nodes:
            yield folders, nodes


def free_port() -> int:
    """Return a port that is free, as is most likely the next one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def commits(times: int) -> list[float]:
    """Return the milliseconds of one-row commits that wait for the disk."""
    with tempfile.TemporaryDirectory(prefix="me-") as folder:
        connection = sqlite3.connect(Path(folder) / "fsync.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE rows (text TEXT)")

        async def commit() -> None:
            connection.execute("INSERT INTO rows VALUES (?)", ("x" * 400,))
            await asyncio.sleep(0)

        return await timed(commit, times, 20)


def row(name: str, milliseconds: Sequence[float], note: str = "") -> str:
    """Return a line of a Markdown table."""
    middle, late, least = spread(milliseconds)
    return f"| {name} | {middle:.2f} | {late:.2f} | {least:.2f} | {note} |"
