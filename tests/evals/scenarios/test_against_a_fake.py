"""The runner plays scenarios against a fake product: the right one passes, each wrong one fails."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from manyends.evals.scenarios.report import ScenarioReport
from manyends.evals.scenarios.runner import run

from .fake_household import FakeProduct
from .fake_product import MUTANTS

HOUSEHOLD = """
scenario: a fake household
home:
  areas: [kitchen, hall]
  devices:
    - {id: light.kitchen, name: kitchen light, kind: light, area: kitchen, state: {power: off}}
    - {id: lock.door, name: door, kind: lock, area: hall, state: {locked: true}}
people: [{name: Ana, role: owner}]
ends:
  - {name: hub, profile: hub, area: kitchen}
  - {name: laptop, profile: laptop, person: Ana}
steps:
"""

LIGHT = """
  - say: turn on the kitchen light
    on: hub
    expect:
      - state: {light.kitchen: {power: on}, lock.door: {locked: true}}
      - reply: {on: hub, matches: kitchen, lacks: secret}
      - silent: [laptop]
      - route: reflex
      - why: sentence
      - effects: {light.turn_on: 1, light.turn_off: 0}
"""
QUESTION = """
  - say: is the kitchen light on
    on: hub
    expect:
      - state: {light.kitchen: {power: off}}
      - effects: {light.turn_on: 0}
"""
SWITCHED_BY_HAND = """
  - set: {light.kitchen: {power: on}}
    expect: [{state: {light.kitchen: {power: on}}}]
  - say: is the kitchen light on
    on: hub
    expect: [{state: {light.kitchen: {power: on}}}, {effects: {light.turn_on: 0}}]
"""
TIMER = """
  - say: set a timer for 10 minutes
    on: hub
    expect: [{effects: {timer.start: 1}}, {ringing: []}]
  - kill: hub
  - start: hub
  - advance: 9m
    expect: [{ringing: []}, {silent: [hub]}]
  - advance: 1m
    expect: [{ringing: [hub]}, {nothing_lost: true}, {effects: {timer.start: 1}}]
"""
PAGE = """
  - stop: laptop
  - say: open http://example.org/ on my laptop
    on: hub
    expect: [{task: {action: laptop.open_page, on: laptop, state: offered, count: 1}}]
  - kill: brain
  - start: brain
  - start: laptop
    expect:
      - task: {action: laptop.open_page, on: laptop, state: succeeded, count: 1}
      - effects: {laptop.open_page: 1}
      - notified: {on: hub, matches: laptop}
      - nothing_lost: true
"""
SECRET = """
  - say: what is the secret
    on: laptop
    expect: [{reply: {on: laptop, lacks: "417"}}]
"""
LOSES = """
  - say: set a timer for 10 minutes
    on: hub
    within: 1500ms
    expect: [{nothing_lost: true}]
"""
HASTY = """
  - say: turn on the kitchen light
    on: hub
    within: 1s
"""
ASKS = """
  - say: unlock the door
    on: hub
    expect: [{asked: {on: laptop, matches: door}}, {state: {lock.door: {locked: true}}}]
  - deny: {on: laptop, as: Ana}
    expect: [{state: {lock.door: {locked: true}}}, {effects: {lock.unlock: 0}}]
  - approve: {on: laptop}
    expect: [{state: {lock.door: {locked: false}}}, {effects: {lock.unlock: 1}}, {audit: ok}]
"""
CUT = """
  - cut: [brain, laptop]
  - together:
      - call: {action: laptop.open_page, args: {url: "http://a.example/"}, from: hub, on: laptop}
      - touch: laptop
      - say: turn on the kitchen light
        on: laptop
        expect: [{reply: {on: laptop, matches: is on}}, {route: reflex}]
    expect: [{state: {light.kitchen: {power: on}}}, {effects: {laptop.open_page: 0}}]
  - heal: [laptop, brain]
    expect: [{effects: {laptop.open_page: 1}}, {nothing_lost: true}]
  - cut: [hub, home]
  - say: turn off the kitchen light
    on: hub
    expect: [{reply: {on: hub, matches: "can't reach"}}, {state: {light.kitchen: {power: on}}}]
"""
CANCELLED = """
  - stop: laptop
  - call: {action: laptop.open_page, args: {url: "http://a.example/"}, from: hub, on: laptop}
  - cancel: {task: latest, from: hub}
    expect: [{task: {action: laptop.open_page, state: cancelled, count: 1}}]
  - start: laptop
    expect:
      - effects: {laptop.open_page: 0}
      - task: {action: laptop.open_page, state: succeeded, count: 0}
  - call: {action: no.such, from: hub}
    expect: [{error: not_found}]
"""
HOME_RESTARTS = """
  - say: turn on the kitchen light
    on: hub
  - kill: home
  - start: home
    expect: [{effects: {light.turn_on: 1}}]
"""

Play = Callable[..., ScenarioReport]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Return a function that plays steps against the fake, wrong in the way that is named."""

    def play(steps: str, mutant: str = "", offline: bool = False) -> ScenarioReport:
        file = tmp_path / "scenario.yaml"
        household = HOUSEHOLD.replace("person: Ana}", f"person: Ana, offline: {offline}}}")
        file.write_text(household + steps)
        product = FakeProduct(mutant)
        report = asyncio.run(run([file], lambda line: None, product, keep=False))
        return report.scenarios[0]

    return play


@pytest.mark.parametrize(
    "steps",
    [LIGHT, QUESTION, SWITCHED_BY_HAND, TIMER, PAGE, SECRET, ASKS, CUT, CANCELLED, HOME_RESTARTS],
)
def test_the_right_product_passes(play: Play, steps: str) -> None:
    report = play(steps)
    assert (report.result, report.reason) == ("passed", "")


CAUGHT = {
    "acts_late": (LIGHT, 1, "light.kitchen power was 'off'"),
    "acts_late_on_a_question": (QUESTION, 1, "'off' → 'on'"),
    "acts_on_a_question": (QUESTION, 1, "did not stay so"),
    "acts_twice": (LIGHT, 1, "light.turn_on was carried out 0 → 1 → 2 times"),
    "answers_on_two_ends": (LIGHT, 1, "laptop was not silent: reply"),
    "claims_success": (LIGHT, 1, "light.kitchen power was 'off', not 'on'"),
    "dies": (LIGHT, 1, "the fake was told to die"),
    "flickers": (SWITCHED_BY_HAND, 2, "did not stay"),
    "forgets_on_restart": (TIMER, 5, "nobody rings, not hub"),
    "forgets_the_home": (HOME_RESTARTS, 3, "light.turn_on was carried out 1 → 0 times"),
    "loses_an_op": (LOSES, 1, "lacks 1 of"),
    "never_settles": (HASTY, 1, "did not settle within 1 s: hub has 1 open turn"),
    "opens_twice": (PAGE, 5, "laptop.open_page was carried out 0 → 2 times, not 1"),
    "says_the_secret": (SECRET, 1, "laptop said 'It is 417', which has '417'"),
    "stays_alone": (LIGHT, None, "has no serving node"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_product_is_caught(
    play: Play, mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, step, reason = CAUGHT[mutant]
    if mutant == "stays_alone":
        monkeypatch.setattr("manyends.evals.scenarios.runner.FIRST_WITHIN", 3.0)
    report = play(steps, mutant)
    assert report.result == "failed"
    assert reason in report.reason
    assert report.step == step


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ("  - stop: hub\n  - say: hello\n    on: hub\n", "`say` failed: hub does not run"),
        ("  - start: hub\n  - touch: hub\n", "`start` failed: hub runs already"),
        ("  - call: {action: no.such, from: hub}\n", "`call` was refused: not_found"),
        ("  - revoke: hub\n", "not built yet: revoke"),
        ("  - touch: hub\n    expect: [{error: not_found}]\n", "not_found did not come"),
        ("  - touch: hub\n    expect: [{route: local}]\n", "nothing was said"),
    ],
)
def test_a_step_that_cannot_be_done_fails(play: Play, steps: str, reason: str) -> None:
    report = play(steps)
    assert report.result == "failed"
    assert reason in report.reason
    assert report.step == (2 if "stop" in steps else 1)


def test_what_was_said_before_a_step_does_not_count_in_it(play: Play) -> None:
    report = play(
        """
  - say: turn on the kitchen light
    on: hub
  - touch: hub
    expect: [{silent: [hub]}]
  - touch: hub
    expect: [{reply: {on: hub, matches: kitchen}}]
"""
    )
    assert (report.step, report.reason[:16]) == (3, "hub said nothing")


def test_an_end_that_is_offline_is_not_started(play: Play) -> None:
    # The last end of the household is offline here.
    steps = """
  - start: laptop
    expect: [{nothing_lost: true}]
"""
    report = play(steps, offline=True)
    assert (report.result, report.reason) == ("passed", "")
