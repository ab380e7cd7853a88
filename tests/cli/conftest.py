"""Households for the command line: one that runs as long as the tests, others only lie there."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from manyends.brain.household import found
from manyends.cli.places import write_index
from manyends.cli.ports import hindrance
from manyends.cli.sample import sample

from ..e2e.household import free_port
from ..models.conftest import model_folder

__all__ = ["model_folder"]

UP = [sys.executable, "-m", "manyends.cli.main", "up"]
DEADLINE = 40.0


def two_ports() -> int:
    """Return a free port whose next one is free too."""
    while True:
        port = free_port()
        if hindrance(f"127.0.0.1:{port + 1}") is None:
            return port


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need it."""
    path = Path(tempfile.mkdtemp(prefix="me-", dir="/tmp"))
    yield path
    left = processes(path)
    shutil.rmtree(path, ignore_errors=True)
    assert left == []


def processes(mark: Path) -> list[str]:
    """Return the command lines of the processes that have this path in theirs."""
    found_ = []
    for each in psutil.process_iter(["cmdline", "status"]):
        words = each.info["cmdline"] or []
        if any(str(mark) in word for word in words) and each.info["status"] != "zombie":
            found_.append(" ".join(words))
    return found_


def gone(mark: Path) -> bool:
    """Wait until no process of this folder is left; whether that came about."""
    until = time.monotonic() + DEADLINE
    while processes(mark) and time.monotonic() < until:
        time.sleep(0.02)
    return processes(mark) == []


@pytest.fixture
def still(folder: Path) -> Path:
    """A household of which nothing runs."""
    household = folder / "h"
    household.mkdir(mode=0o700)
    write_index(household, found(household, sample("none", two_ports())))
    return household


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment in which pages go to a file, and no model is found."""
    return {
        **os.environ,
        "MANYENDS_HOUSEHOLD": str(folder / "h"),
        "MANYENDS_OPENER_FILE": str(folder / "opened"),
        "MANYENDS_MODELS": str(folder / "models"),
        **more,
    }


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Run `manyends up` until it is ready; its input is a pipe."""
    process = subprocess.Popen(
        [*UP, "--port", str(two_ports()), *arguments],
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("Ready"):
            return process
    process.communicate(timeout=DEADLINE)
    raise AssertionError("".join(said))


def script(folder: Path, lines: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pipe lines into `manyends up`, and return how it ended."""
    if "--port" not in arguments:
        arguments = ("--port", str(two_ports()), *arguments)
    return subprocess.run(
        [*UP, *arguments],
        env=environment(folder),
        input=lines,
        text=True,
        capture_output=True,
        timeout=DEADLINE,
    )


@pytest.fixture(scope="session")
def running() -> Iterator[Path]:
    """A household that runs until all tests are over; they use things of their own in it."""
    folder = Path(tempfile.mkdtemp(prefix="me-", dir="/tmp"))
    process = start(folder)
    yield folder / "h"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE)
    shutil.rmtree(folder, ignore_errors=True)
