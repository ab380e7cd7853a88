"""A full disk: what can't be written down is refused, and nothing that was said before is lost."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from manyends.protocol.errors import ErrorCode, ProtocolError

from .household import Household, household, manyends, until

Disk = Callable[[Household, bool], None]
"""Fills the disk (true) or makes room again."""


@contextmanager
def small_disk() -> Iterator[tuple[Path | None, Disk]]:
    """A disk that can be full: a file system in memory, or a limit for each process's files.

    Not everybody may mount one; the limit has the same effect on a write.
    """
    folder = Path(tempfile.mkdtemp(prefix="me-", dir="/tmp"))
    mounted = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    try:
        subprocess.run(mounted, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir()
        yield None, _limit
        return
    try:
        yield folder, _fill(folder / "filler")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def _fill(filler: Path) -> Disk:
    def fill(house: Household, full: bool) -> None:
        if not full:
            filler.unlink()
            return
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for block in (65536, 4096, 256, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\x00" * block)

    return fill


def _limit(house: Household, full: bool) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for each in house.processes.values():
        process = each._process
        if process is not None and each.running:
            soft = 1 if full else hard
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def limited() -> Iterator[tuple[Path | None, Disk]]:
    """The same by a limit alone, which works for everybody."""
    yield None, _limit


DISKS = {"file system": small_disk, "limit": limited}


@pytest.mark.parametrize("disk", DISKS)
async def test_an_end_whose_disk_is_full_says_so_and_goes_on_later(disk: str) -> None:
    with DISKS[disk]() as (folder, set_full):
        async with household(folder=folder) as house:
            await house.start("brain", "watch")
            await house.linked()
            await house.say("watch", "add milk to the shopping list")
            set_full(house, True)
            refusal = await _refused(house, "watch")
            assert refusal.retry == "after"
            assert "could not be written down" in refusal.reason
            code, out, err = await manyends(house, "ask", "--on", "watch", "add tea to my list")
            assert (code, out) == (1, "")
            assert "could not be written down" in err
            assert "storage" in err
            set_full(house, False)
            assert "cheese" in await house.say("watch", "add cheese to the shopping list")
            await house.whole()
            told = await house.say("watch", "what is on the shopping list")
            assert "milk" in told
            assert "cheese" in told


@pytest.mark.parametrize("disk", DISKS)
async def test_a_brain_whose_disk_is_full_gets_everything_later(disk: str) -> None:
    with DISKS[disk]() as (folder, set_full):
        async with household() as house:
            # Only the brain's folder lies on the small disk.
            if folder is not None:
                small = folder / "brain"
                shutil.copytree(house.nodes["brain"], small)
                shutil.rmtree(house.nodes["brain"])
                house.nodes["brain"].symlink_to(small)
            await house.start("brain", "watch")
            await house.linked()
            set_full(house, True)
            if disk == "limit":  # the watch's disk is not full
                _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
                watch = house.processes["watch"]._process
                assert watch is not None
                resource.prlimit(watch.pid, resource.RLIMIT_FSIZE, (hard, hard))
            for item in ("milk", "bread", "jam"):
                assert item in await house.say("watch", f"add {item} to the shopping list")
            await _refused(house, "brain")
            assert house.processes["brain"].running
            set_full(house, False)
            await house.whole()
            assert "jam" in await house.say("brain", "what is on the shopping list")


async def test_a_node_that_finds_no_room_does_not_start_and_says_why() -> None:
    with small_disk() as (folder, set_full):
        if folder is None:
            pytest.skip("no file system can be mounted here")
        async with household(folder=folder) as house:
            set_full(house, True)
            code, _, err = await manyends(house, "end", "--state", str(house.nodes["watch"]))
            assert code == 2
            assert "make room if the disk is full" in err
            set_full(house, False)
            await house.start("watch")


async def _refused(house: Household, name: str) -> ProtocolError:
    """Say things until one can't be written down; return the refusal."""
    refusals: list[ProtocolError] = []

    async def full() -> bool:
        text = "a long note, " * 100
        call = {"action": "notes.add", "args": {"text": text}, "on": name}
        try:
            await house.ask(name, "call", **call)
        except ProtocolError as refusal:
            refusals.append(refusal)
        return bool(refusals)

    await until(full, "the disk is full")
    assert refusals[0].code == ErrorCode.STORAGE, refusals[0]
    return refusals[0]


def test_a_file_limit_is_no_signal_in_a_node() -> None:
    """Python leaves SIGXFSZ alone, so that a write beyond the limit is an error as on a disk."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    assert os.name == "posix"
