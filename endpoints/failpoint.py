"""Named places where a test may kill this process, to see what a power cut does there."""

import os
import signal

_ARMED = os.environ.get("MANYENDS_FAILPOINT", "")
"""`NAME` or `NAME:N`: die at the N-th passing of this place, the first by default.

A name may have colons of its own, as in `ack:task.offer`; only a number at the end is a count.
"""

_passed: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die here by SIGKILL, without any tidying up, if this place is armed."""
    if not _ARMED:
        return
    armed, _, nth = _ARMED.rpartition(":")
    if not (armed and nth.isdecimal()):
        armed, nth = _ARMED, "1"
    if name == armed:
        _passed[name] = _passed.get(name, 0) + 1
        if _passed[name] == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)
