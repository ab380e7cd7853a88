"""`manyends up` at a terminal: a prompt, answers, Ctrl-C, and /quit."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import DEADLINE, environment, gone, two_ports

# Opened by the program itself, as a session's leader, the terminal is the one that it is
# controlled by: what is typed there, Ctrl-C too, goes to it.
PROGRAM = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from manyends.cli.main import main
sys.exit(main())
"""


class Terminal:
    """What a person sees and types."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master = master
        self._process = process
        self.seen = ""

    def type(self, text: str) -> None:
        """Type some keys."""
        os.write(self._master, text.encode())

    def until(self, text: str) -> str:
        """Read on until a text appears; return what came before it since the last call."""
        end = time.monotonic() + DEADLINE
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self._master], [], [], 0.1)[0]:
                self._read()
        before, _, self.seen = self.seen.partition(text)
        return before

    def ended(self) -> int:
        """Return the exit code; what is still printed is seen."""
        end = time.monotonic() + DEADLINE
        while self._process.poll() is None or select.select([self._master], [], [], 0)[0]:
            assert time.monotonic() < end, self.seen
            if select.select([self._master], [], [], 0.1)[0] and not self._read():
                break
        return self._process.wait(timeout=DEADLINE)

    def _read(self) -> bool:
        try:
            self.seen += os.read(self._master, 65536).decode(errors="replace")
        except OSError:  # nobody has the other side open any more
            return False
        return True


@contextmanager
def terminal(folder: Path, *arguments: str) -> Iterator[Terminal]:
    """A terminal with `manyends up` in it."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "up", "--port", str(two_ports()), *arguments],
        env=environment(folder),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
        assert gone(folder)


@pytest.mark.timeout(180)
def test_a_person_asks_and_quits(folder: Path) -> None:
    with terminal(folder) as seat:
        seat.until("Type as an end:")
        seat.until("watch> ")
        seat.type("what is 6 times 7\n")
        seat.until("42.  [reflex, ")
        seat.until("watch> ")
        seat.type("hub> turn on the kitchen light\n")
        seat.until("I turned on the kitchen light.  [reflex, ")
        seat.until("kitchen hub> ")
        seat.type("/quit\n")
        assert seat.ended() == 0, seat.seen
        assert "Traceback" not in seat.seen


@pytest.mark.timeout(180)
def test_the_end_of_what_is_typed_is_a_quit(folder: Path) -> None:
    with terminal(folder) as seat:
        seat.until("watch> ")
        seat.type("\x04")
        assert seat.ended() == 0, seat.seen


@pytest.mark.timeout(180)
@pytest.mark.parametrize("typed", ["", "turn on the kit"])
def test_ctrl_c_ends_it_at_once_and_leaves_no_process(folder: Path, typed: str) -> None:
    with terminal(folder, "--model", "none") as seat:
        seat.until("watch> ")
        seat.type(f"{typed}\x03")
        assert seat.ended() == 130, seat.seen
        assert "Traceback" not in seat.seen
        assert "Fatal" not in seat.seen
        assert gone(folder)
