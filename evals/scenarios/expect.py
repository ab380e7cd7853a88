"""Verdicts: what the recorded moments of a step say about one expectation; pure.

Positive expectations are `NOT_YET` until they are true. What is negative, or was already so when
the step began, is `BROKEN` for good by the first moment that contradicts it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from .format import Expect, Shown, TaskSeen, Words
from .moments import (
    EffectsAre,
    Erred,
    Evidence,
    RingingIs,
    Routed,
    Said,
    StateIs,
    TaskIs,
    TaskRow,
)


class Standing(Enum):
    """How an expectation stands."""

    HOLDS = "holds"
    NOT_YET = "not yet"
    BROKEN = "broken"


class Verdict(NamedTuple):
    """How it stands, and if it does not hold, why, in words."""

    standing: Standing
    reason: str = ""


HOLDS = Verdict(Standing.HOLDS)


def judge(expect: Expect, evidence: Evidence) -> Verdict:
    """Return the verdict on an expectation: the worst of its parts."""
    worst = HOLDS
    for kind in expect.kinds():
        for verdict in _JUDGES[kind](getattr(expect, kind), evidence):
            if verdict.standing is Standing.BROKEN:
                return verdict
            if verdict.standing is Standing.NOT_YET and worst is HOLDS:
                worst = verdict
    return worst


def unchanged_or_becomes(values: Iterable[bool], reason: str, what: str) -> Verdict:
    """Judge the truth of something at the step's start and at each moment after it.

    True at the start: it must hold throughout. Else it must become true and stay.
    """
    series = list(values)
    was_true = False
    for true in series:
        if was_true and not true:
            how = "did not stay so" if series[0] else "became so and did not stay"
            return Verdict(Standing.BROKEN, f"{what} {how}: {reason}")
        was_true = was_true or true
    return HOLDS if was_true else Verdict(Standing.NOT_YET, reason)


def same(expected: Any, actual: Any) -> bool:
    """Compare values; true is not 1, but 30 is 30.0."""
    return isinstance(expected, bool) == isinstance(actual, bool) and expected == actual


def _state(states: dict[str, dict[str, Any]], evidence: Evidence) -> Iterator[Verdict]:
    for device, wanted in states.items():
        series = [evidence.baseline.states.get(device, {})]
        series += [
            each.state
            for each in evidence.moments
            if isinstance(each, StateIs) and each.device == device
        ]
        for key, value in wanted.items():
            seen = _path(each.get(key) for each in series)
            yield unchanged_or_becomes(
                [same(value, each.get(key)) for each in series],
                f"{device} {key} was {seen}, not {value!r}",
                f"{device} {key} {value!r}",
            )


def _effects(counts: dict[str, int], evidence: Evidence) -> Iterator[Verdict]:
    for action, count in counts.items():
        series = [evidence.baseline.effects.get(action, 0)]
        series += [
            each.count
            for each in evidence.moments
            if isinstance(each, EffectsAre) and each.action == action
        ]
        yield unchanged_or_becomes(
            [each == count for each in series],
            f"{action} was carried out {_path(series)} times, not {count}",
            f"{action} {count} times",
        )


def _path(values: Iterable[Any]) -> str:
    """Write a series without its repetitions: `'on' → 'off' → 'on'`."""
    parts: list[str] = []
    for value in values:
        if not parts or parts[-1] != repr(value):
            parts.append(repr(value))
    return " → ".join(parts)


def _words_at(end: str, evidence: Evidence) -> list[Said]:
    return [each for each in evidence.moments if isinstance(each, Said) and each.end == end]


def _complete(words: list[Said]) -> list[Said]:
    """Leave out the pieces of answers that went on."""
    last = {each.turn: each for each in words if each.kind == "delta"}
    return [each for each in words if each.kind != "delta" or last[each.turn] is each]


def _reply(wanted: Words, evidence: Evidence) -> Iterator[Verdict]:
    words = _words_at(wanted.on, evidence)
    for each in words:
        if wanted.lacks is not None and re.search(wanted.lacks, each.text):
            yield Verdict(
                Standing.BROKEN, f"{wanted.on} said {each.text!r}, which has {wanted.lacks!r}"
            )
    if wanted.matches is not None or wanted.lacks is None:
        yield _positive(wanted.on, wanted.matches, _complete(words), "said")


def _positive(end: str, pattern: str | None, words: list[Said], verb: str) -> Verdict:
    if any(pattern is None or re.search(pattern, each.text) for each in words):
        return HOLDS
    heard = ", ".join(repr(each.text) for each in words) or "nothing"
    wanted = "" if pattern is None else f", and nothing that matches {pattern!r}"
    return Verdict(Standing.NOT_YET, f"{end} {verb} {heard}{wanted}")


def _silent(ends: list[str], evidence: Evidence) -> Iterator[Verdict]:
    for end in ends:
        for each in _words_at(end, evidence):
            yield Verdict(Standing.BROKEN, f"{end} was not silent: {each.kind} {each.text!r}")


def _asked(wanted: Shown, evidence: Evidence) -> Iterator[Verdict]:
    words = [each for each in _words_at(wanted.on, evidence) if each.kind == "asked"]
    yield _positive(wanted.on, wanted.matches, words, "asked")


def _notified(wanted: Shown, evidence: Evidence) -> Iterator[Verdict]:
    words = [each for each in _words_at(wanted.on, evidence) if each.kind == "notice"]
    yield _positive(wanted.on, wanted.matches, words, "notified")


def _ringing(ends: list[str], evidence: Evidence) -> Iterator[Verdict]:
    wanted = frozenset(ends)
    series = [evidence.baseline.ringing]
    series += [each.ends for each in evidence.moments if isinstance(each, RingingIs)]
    if not wanted:
        rang = sorted(frozenset().union(*series))
        reason = f"there rang {', '.join(rang)}"
        yield unchanged_or_becomes([not each for each in series], reason, "silence")
    elif series[-1] != wanted:
        rings = ", ".join(sorted(series[-1])) or "nobody"
        yield Verdict(Standing.NOT_YET, f"{rings} rings, not {', '.join(sorted(wanted))}")


def _task(wanted: TaskSeen, evidence: Evidence) -> Iterator[Verdict]:
    def fits(each: TaskRow | TaskIs) -> bool:
        return (
            each.action == wanted.action
            and wanted.on in (None, each.on)
            and wanted.state in (None, each.state)
        )

    what = " ".join(
        part
        for part in (wanted.action, wanted.on and f"on {wanted.on}", wanted.state or "")
        if part
    )
    found = [each for each in evidence.tasks if fits(each)]
    if wanted.count == 0:
        told = [each for each in evidence.moments if isinstance(each, TaskIs) and fits(each)]
        if found or told:
            yield Verdict(Standing.BROKEN, f"there was a task {what}")
    elif not found if wanted.count is None else len(found) != wanted.count:
        there = ", ".join(f"{each.action} on {each.on} {each.state}" for each in evidence.tasks)
        count = "at least 1" if wanted.count is None else wanted.count
        yield Verdict(
            Standing.NOT_YET,
            f"there are {len(found)} tasks {what}, not {count}; there is {there or 'none'}",
        )


def _route(wanted: str, evidence: Evidence) -> Iterator[Verdict]:
    if not evidence.turns:
        yield Verdict(Standing.NOT_YET, f"nothing was said whose route could be {wanted}")
    for turn in evidence.turns:
        told = [
            each.route
            for each in evidence.moments
            if isinstance(each, Routed)
            and each.end == turn.end
            and (not turn.turn or each.turn == turn.turn)
        ]
        route = turn.route or (told[-1] if told else None)
        if route != wanted:
            yield Verdict(Standing.NOT_YET, f"the route at {turn.end} was {route}, not {wanted}")


def _error(wanted: str, evidence: Evidence) -> Iterator[Verdict]:
    codes = {each.code for each in evidence.moments if isinstance(each, Erred)}
    codes |= evidence.codes | {each.error for each in evidence.turns if each.error}
    if wanted not in codes:
        came = ", ".join(sorted(codes)) or "none"
        yield Verdict(Standing.NOT_YET, f"the error {wanted} did not come; there was {came}")


def _why(wanted: str, evidence: Evidence) -> Iterator[Verdict]:
    if evidence.why is None or not re.search(wanted, evidence.why):
        yield Verdict(Standing.NOT_YET, f"why says {evidence.why!r}, which lacks {wanted!r}")


def _audit(wanted: str, evidence: Evidence) -> Iterator[Verdict]:
    audit = evidence.audit
    if audit is None:
        yield Verdict(Standing.NOT_YET, "the audit could not be checked")
    elif wanted == "ok" and not audit.entries:
        yield Verdict(Standing.NOT_YET, "the audit has no entry")
    elif (wanted == "ok") != audit.ok:
        state = "ok" if audit.ok else f"broken ({audit.reason})"
        yield Verdict(Standing.NOT_YET, f"the audit is {state}")


def _nothing_lost(wanted: bool, evidence: Evidence) -> Iterator[Verdict]:
    if evidence.lost is not None:
        yield Verdict(Standing.NOT_YET, evidence.lost)


_JUDGES: dict[str, Callable[[Any, Evidence], Iterator[Verdict]]] = {
    "state": _state,
    "reply": _reply,
    "silent": _silent,
    "route": _route,
    "task": _task,
    "effects": _effects,
    "asked": _asked,
    "notified": _notified,
    "ringing": _ringing,
    "error": _error,
    "why": _why,
    "audit": _audit,
    "nothing_lost": _nothing_lost,
}

JUDGED = frozenset(_JUDGES)
"""The expectations that can be judged now."""
