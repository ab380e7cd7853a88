"""Hybrid logical clocks: an order of changes that survives clocks which disagree.

Source: Kulkarni et al., "Logical Physical Clocks", 2014. A stamp is twelve hexadecimal digits
of milliseconds since 1970, a dash, and four of a counter, so that stamps sort as text.
"""

from typing import Annotated, NamedTuple

from pydantic import StringConstraints

MAX_AHEAD_MS = 60_000
"""A remote stamp counts as at most this far ahead of our own wall clock."""

Stamp = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}-[0-9a-f]{4}$")]


class Hlc(NamedTuple):
    """A point of a hybrid logical clock: wall milliseconds and a counter within them."""

    ms: int
    counter: int

    def __str__(self) -> str:
        return f"{self.ms:012x}-{self.counter:04x}"

    @classmethod
    def parse(cls, stamp: Stamp) -> "Hlc":
        """Read a stamp back; `ValueError` if it is none."""
        ms, counter = stamp.split("-")
        return cls(int(ms, 16), int(counter, 16))


ZERO = Hlc(0, 0)


def tick(last: Hlc, wall_ms: int) -> Hlc:
    """Return the stamp of a new local change, later than `last` whatever the wall clock says."""
    if wall_ms > last.ms:
        return Hlc(wall_ms, 0)
    return Hlc(last.ms, last.counter + 1) if last.counter < 0xFFFF else Hlc(last.ms + 1, 0)


def receive(last: Hlc, remote: Hlc, wall_ms: int) -> Hlc:
    """Return the clock after a remote stamp was seen, which moves it by `MAX_AHEAD_MS` at most."""
    return max(last, min(remote, Hlc(wall_ms + MAX_AHEAD_MS, 0)))
