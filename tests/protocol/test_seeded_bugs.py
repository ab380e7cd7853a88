"""Bugs planted into the core, one at a time: each must be found by what the tests check."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.protocol import properties
from tests.protocol.replicas import random_run

from manyends.endpoints import replica
from manyends.protocol import codec, hlc, identity, ops, roster, session, task
from manyends.protocol.errors import ProtocolError
from manyends.protocol.messages import MESSAGE, Challenge, Message
from manyends.protocol.ops import Fit, Op, OpId, Vector
from manyends.protocol.session import Happening, Phase, Session, Side
from manyends.protocol.task import Epoch, Event, Result, State, Task

Patch = pytest.MonkeyPatch
Check = Callable[[], None]


def check_replication(folder: Path) -> None:
    """Play some random histories."""
    for seed in range(6):
        random_run(folder / str(seed), seed)


PROPERTIES: dict[str, Check] = {
    "clocks": properties.check_clocks,
    "session table": properties.check_session_table,
    "strangers": properties.check_strangers,
    "binding": properties.check_binding,
    "task table": properties.check_task_table,
    "newer": properties.check_newer,
    "reports": properties.check_reports,
    "op integrity": properties.check_op_integrity,
    "fit": properties.check_fit,
    "limits": properties.check_limits,
    "numbers": properties.check_numbers,
    "canonical": properties.check_canonical,
    "held feeds": properties.check_held_feeds,
}


def running_goes_back(patch: Patch) -> None:
    """The task's table lets a running task be offered again."""
    patch.setitem(task.TRANSITIONS, (State.RUNNING, Event.RELEASE), State.OFFERED)


def a_doubt_can_be_run_again(patch: Patch) -> None:
    """The task's table lets a task in doubt begin."""
    patch.setitem(task.TRANSITIONS, (State.IN_DOUBT, Event.BEGIN), State.RUNNING)


def a_gap_is_the_next(patch: Patch) -> None:
    """`fit` takes an op that came too early."""

    def fit(vector: Vector, op: OpId) -> Fit:
        last = vector.get(op.feed, {}).get(op.origin, 0)
        return Fit.KNOWN if op.seq <= last else Fit.NEXT

    patch.setattr(ops, "fit", fit)
    patch.setattr(replica, "fit", fit)


def a_known_op_is_applied_again(patch: Patch) -> None:
    """Applying takes an op that is there already."""
    fit = ops.fit

    def again(vector: Vector, op: OpId) -> Fit:
        return Fit.GAP if fit(vector, op) is Fit.GAP else Fit.NEXT

    patch.setattr(replica, "fit", again)


def a_vector_moves_back(patch: Patch) -> None:
    """`include` writes the op's number whatever was there."""

    def include(vector: Vector, op: OpId) -> None:
        vector.setdefault(op.feed, {})[op.origin] = op.seq

    patch.setattr(ops, "include", include)


def the_last_op_is_sent_again(patch: Patch) -> None:
    """`lacks` is off by one: the last op seems to be missing."""
    patch.setattr(
        ops, "lacks", lambda vector, op: op.seq >= vector.get(op.feed, {}).get(op.origin, 0)
    )


def the_next_op_is_never_sent(patch: Patch) -> None:
    """`lacks` is off by one: the next op seems to be there."""
    patch.setattr(
        ops, "lacks", lambda vector, op: op.seq > vector.get(op.feed, {}).get(op.origin, 0) + 1
    )


def a_payload_is_not_compared(patch: Patch) -> None:
    """`check` verifies the signature alone."""
    check = ops.check

    def signature_only(op: Op, key: str) -> None:
        check(op.model_copy(update={"payload": None}), key)

    patch.setattr(ops, "check", signature_only)


def an_op_is_not_verified(patch: Patch) -> None:
    """`check` compares the payload alone."""
    patch.setattr(ops, "verify", lambda *_: True)


def a_handshake_is_not_verified(patch: Patch) -> None:
    """The session takes any signature."""
    patch.setattr(session, "verify", lambda *_: True)


def the_tls_key_is_not_compared(patch: Patch) -> None:
    """The client takes whatever certificate is shown."""
    greet = Session._greet

    def trusting(self: Session, challenge: Challenge, wall_ms: int) -> None:
        lookup, shown = self.lookup, self.tls_key
        self.lookup = lambda device: (
            None if (e := lookup(device)) is None else e.model_copy(update={"tls_key": shown})
        )
        greet(self, challenge, wall_ms)

    patch.setattr(Session, "_greet", trusting)


def the_tls_key_is_not_signed(patch: Patch) -> None:
    """The signature says nothing of the certificate, so that a hello can be passed on."""
    transcript = Session._transcript

    def unbound(self: Session, signer: Side) -> bytes:
        return transcript(self, signer).replace(self.tls_key.encode(), b"")

    patch.setattr(Session, "_transcript", unbound)


def the_role_is_not_signed(patch: Patch) -> None:
    """Client and server sign the same bytes, so that one's signature does for the other's."""
    transcript = Session._transcript
    patch.setattr(Session, "_transcript", lambda self, signer: transcript(self, Side.CLIENT))


def an_error_closes_an_open_link(patch: Patch) -> None:
    """The session's table closes an open link on any error."""
    patch.setitem(session.TRANSITIONS, (Side.CLIENT, Phase.OPEN, Happening.ERROR), Phase.CLOSED)


def traffic_before_the_handshake(patch: Patch) -> None:
    """The session's table lets a stranger send ops."""
    cell = (Side.SERVER, Phase.CHALLENGED, Happening.TRAFFIC)
    patch.setitem(session.TRANSITIONS, cell, Phase.OPEN)


def a_change_is_not_counted(patch: Patch) -> None:
    """`advance` forgets the version."""
    advance = task.advance

    def uncounted(before: Task, event: Event, result: Result | None = None) -> Task:
        return advance(before, event, result).model_copy(update={"version": before.version})

    patch.setattr(task, "advance", uncounted)


def an_old_lease_may_report(patch: Patch) -> None:
    """`report` ignores the epoch."""
    report = task.report

    def anybody(before: Task, epoch: Epoch, events: list[Event], result: Result | None) -> Task:
        return report(before, before.epoch, events, result)

    patch.setattr(task, "report", anybody)


def older_copies_win(patch: Patch) -> None:
    """`newer_than` is the wrong way round."""
    newer = Task.newer_than
    patch.setattr(Task, "newer_than", lambda self, other: newer(other, self))


def a_clock_is_dragged_along(patch: Patch) -> None:
    """A remote stamp moves the clock as far as it likes."""
    patch.setattr(hlc, "receive", lambda last, remote, wall_ms: max(last, remote))


def a_clock_goes_back(patch: Patch) -> None:
    """A wall clock that was set back takes the stamps with it."""
    patch.setattr(hlc, "tick", lambda last, wall_ms: hlc.Hlc(wall_ms, 0))


def no_limit(patch: Patch) -> None:
    """Frames may be of any length."""
    patch.setattr(codec, "_too_big", lambda text: False)


def a_limit_in_characters(patch: Patch) -> None:
    """Frames are counted in characters."""
    patch.setattr(codec, "_too_big", lambda text: len(text) > codec.MAX_TEXT_FRAME)


def infinity_gets_in(patch: Patch) -> None:
    """Numbers are not looked at."""

    def decode(frame: str) -> Message:
        return MESSAGE.validate_json(frame)

    patch.setattr(codec, "decode", decode)


def keys_as_they_came(patch: Patch) -> None:
    """The bytes to sign are not sorted."""

    def unsorted(value: object) -> bytes:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    patch.setattr(identity, "canonical", unsorted)


def everybody_holds_everything(patch: Patch) -> None:
    """Every device may hold every feed."""
    patch.setattr(roster.Roster, "may_hold", lambda self, device, feed: True)


BUGS: dict[Callable[[Patch], None], str] = {
    running_goes_back: "task table",
    a_doubt_can_be_run_again: "task table",
    a_gap_is_the_next: "fit",
    a_known_op_is_applied_again: "replication",
    a_vector_moves_back: "fit",
    the_last_op_is_sent_again: "fit",
    the_next_op_is_never_sent: "replication",
    a_payload_is_not_compared: "op integrity",
    an_op_is_not_verified: "op integrity",
    a_handshake_is_not_verified: "strangers",
    the_tls_key_is_not_compared: "strangers",
    the_tls_key_is_not_signed: "binding",
    the_role_is_not_signed: "binding",
    an_error_closes_an_open_link: "session table",
    traffic_before_the_handshake: "session table",
    a_change_is_not_counted: "task table",
    an_old_lease_may_report: "reports",
    older_copies_win: "newer",
    a_clock_is_dragged_along: "clocks",
    a_clock_goes_back: "clocks",
    no_limit: "limits",
    a_limit_in_characters: "limits",
    infinity_gets_in: "numbers",
    keys_as_they_came: "canonical",
    everybody_holds_everything: "held feeds",
}
"""Each bug with the property that must find it."""


def fails(check: Check) -> bool:
    """Say whether a check finds anything wrong."""
    try:
        check()
    except (AssertionError, ProtocolError, sqlite3.Error):
        return True
    return False


@pytest.mark.parametrize("name", PROPERTIES)
def test_without_a_bug_each_property_holds(name: str) -> None:
    PROPERTIES[name]()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(
    bug: Callable[[Patch], None], monkeypatch: Patch, tmp_path: Path
) -> None:
    checks = {
        **PROPERTIES,
        "replication": lambda: check_replication(tmp_path),
    }
    bug(monkeypatch)
    assert fails(checks[BUGS[bug]])


@pytest.mark.parametrize("bug", [a_gap_is_the_next, a_known_op_is_applied_again], ids=[1, 2])
def test_random_histories_find_bugs_of_applying(
    bug: Callable[[Patch], None], monkeypatch: Patch, tmp_path: Path
) -> None:
    bug(monkeypatch)
    assert fails(lambda: check_replication(tmp_path))
