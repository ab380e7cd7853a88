"""The verdicts on recorded moments."""

from typing import Any

import pytest

from manyends.evals.scenarios.expect import Standing, judge, same
from manyends.evals.scenarios.format import Expect
from manyends.evals.scenarios.moments import (
    Audit,
    Baseline,
    EffectsAre,
    Erred,
    Evidence,
    Moment,
    RingingIs,
    Routed,
    Said,
    Shown,
    StateIs,
    TaskIs,
    TaskRow,
    Turn,
)

HOLDS, NOT_YET, BROKEN = Standing.HOLDS, Standing.NOT_YET, Standing.BROKEN


def standing(expected: dict[str, Any], evidence: Evidence) -> Standing:
    """Judge an expectation as a file writes it."""
    return judge(Expect.model_validate(expected), evidence).standing


def powers(*values: str) -> Evidence:
    """Return evidence of a light that had the first value and took the others in turn."""
    moments = tuple(StateIs(n, "light.a", {"power": value}) for n, value in enumerate(values[1:]))
    return Evidence(Baseline(states={"light.a": {"power": values[0]}}), moments)


def counts(*values: int) -> Evidence:
    """Return evidence of an action's number at first and after each change."""
    moments = tuple(EffectsAre(n, "light.turn_on", value) for n, value in enumerate(values[1:]))
    return Evidence(Baseline(effects={"light.turn_on": values[0]}), moments)


def said(kind: Shown, *texts: str, end: str = "hub", turn: str = "t") -> Evidence:
    """Return evidence of words at an end."""
    return Evidence(moments=tuple(Said(n, end, kind, text, turn) for n, text in enumerate(texts)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["on"], HOLDS),
        (["off", "on"], HOLDS),
        (["off"], NOT_YET),
        (["off", "dim"], NOT_YET),
        (["on", "off"], BROKEN),
        (["on", "off", "on"], BROKEN),
        (["off", "on", "off"], BROKEN),
        (["off", "on", "off", "on"], BROKEN),
    ],
)
def test_a_state_stays_or_becomes_and_stays(values: list[str], expected: Standing) -> None:
    assert standing({"state": {"light.a": {"power": "on"}}}, powers(*values)) is expected


def test_a_state_that_nobody_told_is_not_there() -> None:
    assert standing({"state": {"light.a": {"brightness": 3}}}, powers("on")) is NOT_YET


@pytest.mark.parametrize(
    ("values", "wanted", "expected"),
    [
        ([0], 0, HOLDS),
        ([0, 1], 0, BROKEN),
        ([0, 1], 1, HOLDS),
        ([0, 1, 2], 1, BROKEN),
        ([0, 2], 1, NOT_YET),
        ([1], 1, HOLDS),
        ([1, 0], 1, BROKEN),
        ([0], 1, NOT_YET),
    ],
)
def test_effects_stay_or_become_and_stay(
    values: list[int], wanted: int, expected: Standing
) -> None:
    assert standing({"effects": {"light.turn_on": wanted}}, counts(*values)) is expected


def test_true_is_not_one_and_whole_numbers_are_numbers() -> None:
    assert same(30, 30.0)
    assert not same(True, 1)
    assert not same(0, False)
    assert same("on", "on")


def test_a_reply_must_match_once_and_never_have_what_it_lacks() -> None:
    wanted = {"reply": {"on": "hub", "matches": "light", "lacks": "secret"}}
    assert standing(wanted, Evidence()) is NOT_YET
    assert standing(wanted, said("reply", "hm", "the light")) is HOLDS
    assert standing(wanted, said("reply", "the light", end="watch")) is NOT_YET
    assert standing(wanted, said("reply", "the secret", "sorry, the light")) is BROKEN


@pytest.mark.parametrize("kind", ["reply", "delta", "ring", "notice", "asked"])
def test_any_words_are_a_reply_and_no_silence(kind: Shown) -> None:
    evidence = said(kind, "dinner is ready")
    assert standing({"reply": {"on": "hub", "matches": "dinner"}}, evidence) is HOLDS
    assert standing({"reply": {"on": "hub", "lacks": "dinner"}}, evidence) is BROKEN
    assert standing({"silent": ["watch", "hub"]}, evidence) is BROKEN
    assert standing({"silent": ["watch"]}, evidence) is HOLDS


def test_lacks_alone_needs_no_words() -> None:
    assert standing({"reply": {"on": "hub", "lacks": "417"}}, Evidence()) is HOLDS


def test_only_the_whole_of_an_answer_in_pieces_can_match() -> None:
    evidence = said("delta", "It is", "It is not here")
    assert standing({"reply": {"on": "hub", "matches": "is$"}}, evidence) is NOT_YET
    assert standing({"reply": {"on": "hub", "lacks": "is$"}}, evidence) is BROKEN


def test_asked_and_notified_are_only_that() -> None:
    assert standing({"asked": {"on": "hub"}}, said("asked", "unlock?")) is HOLDS
    assert standing({"asked": {"on": "hub"}}, said("reply", "unlock?")) is NOT_YET
    assert standing({"notified": {"on": "hub", "matches": "x"}}, said("notice", "y")) is NOT_YET
    assert standing({"notified": {"on": "hub", "matches": "y"}}, said("notice", "y")) is HOLDS


def rings(first: set[str], *then: set[str]) -> Evidence:
    """Return evidence of who rang at first, and after each change."""
    moments = tuple(RingingIs(n, frozenset(each)) for n, each in enumerate(then))
    return Evidence(Baseline(ringing=frozenset(first)), moments)


def test_ringing_is_exact_and_counts_at_the_end() -> None:
    wanted = {"ringing": ["watch"]}
    assert standing(wanted, rings({"watch"})) is HOLDS
    assert standing(wanted, rings(set(), {"hub"}, {"watch"})) is HOLDS
    assert standing(wanted, rings({"watch"}, {"watch", "hub"})) is NOT_YET
    assert standing(wanted, rings(set())) is NOT_YET


def test_no_ringing_stays_or_becomes_so() -> None:
    assert standing({"ringing": []}, rings(set())) is HOLDS
    assert standing({"ringing": []}, rings({"hub"}, set())) is HOLDS
    assert standing({"ringing": []}, rings(set(), {"hub"}, set())) is BROKEN


def tasks(*states: str) -> Evidence:
    """Return evidence of tasks that open a page on the laptop."""
    rows = (TaskRow(str(n), "laptop.open_page", "laptop", each) for n, each in enumerate(states))
    return Evidence(tasks=tuple(rows))


def test_tasks_are_counted() -> None:
    wanted: dict[str, Any] = {"action": "laptop.open_page", "on": "laptop", "state": "succeeded"}
    assert standing({"task": wanted}, tasks("offered")) is NOT_YET
    assert standing({"task": wanted}, tasks("succeeded", "succeeded")) is HOLDS
    assert standing({"task": {**wanted, "count": 1}}, tasks("succeeded", "offered")) is HOLDS
    assert standing({"task": {**wanted, "count": 1}}, tasks("succeeded", "succeeded")) is NOT_YET
    assert standing({"task": {**wanted, "on": "watch"}}, tasks("succeeded")) is NOT_YET


def test_no_task_is_broken_also_by_one_that_was_only_told() -> None:
    wanted = {"task": {"action": "lock.unlock", "count": 0}}
    told = Evidence(moments=(TaskIs(0, "t", "lock.unlock", "hub", "running"),))
    assert standing(wanted, told) is BROKEN
    assert standing(wanted, tasks("running")) is HOLDS


def test_the_route_is_that_of_what_was_said() -> None:
    told = (Routed(0, "hub", "t1", "reflex"), Routed(0, "hub", "t2", "brain"))
    evidence = Evidence(moments=told, turns=(Turn("hub", "t1"),))
    assert standing({"route": "reflex"}, evidence) is HOLDS
    assert standing({"route": "brain"}, evidence) is NOT_YET
    assert standing({"route": "local"}, Evidence(turns=(Turn("hub", "t1", "local"),))) is HOLDS
    assert standing({"route": "reflex"}, Evidence()) is NOT_YET


def test_an_error_may_be_told_or_answered() -> None:
    wanted = {"error": "revoked"}
    assert standing(wanted, Evidence()) is NOT_YET
    assert standing(wanted, Evidence(codes=frozenset({"revoked"}))) is HOLDS
    assert standing(wanted, Evidence(turns=(Turn("hub", error="revoked"),))) is HOLDS
    assert standing(wanted, Evidence(moments=(Erred(0, "hub", "revoked", ""),))) is HOLDS


def test_why_audit_and_loss() -> None:
    assert standing({"why": "sentence"}, Evidence(why="a sentence")) is HOLDS
    assert standing({"why": "sentence"}, Evidence(why="a guess")) is NOT_YET
    assert standing({"why": "sentence"}, Evidence()) is NOT_YET
    assert standing({"audit": "ok"}, Evidence(audit=Audit(True, 1))) is HOLDS
    assert standing({"audit": "ok"}, Evidence(audit=Audit(True, 0))) is NOT_YET
    assert standing({"audit": "ok"}, Evidence(audit=Audit(False, 3, "row 2"))) is NOT_YET
    assert standing({"audit": "broken"}, Evidence(audit=Audit(False, 3))) is HOLDS
    assert standing({"audit": "broken"}, Evidence()) is NOT_YET
    assert standing({"nothing_lost": True}, Evidence(lost=None)) is HOLDS
    assert standing({"nothing_lost": True}, Evidence()) is NOT_YET


def test_all_parts_of_an_expectation_must_hold() -> None:
    moments: tuple[Moment, ...] = said("reply", "yes").moments
    evidence = Evidence(Baseline(), moments)
    both = {"silent": ["watch"], "reply": {"on": "hub", "matches": "no"}}
    assert standing(both, evidence) is NOT_YET
    assert standing({**both, "silent": ["hub"]}, evidence) is BROKEN
