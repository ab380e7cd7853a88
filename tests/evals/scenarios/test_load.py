"""What the format takes and refuses, with file, line and field."""

from pathlib import Path

import pytest

from manyends.evals.scenarios.format import Scenario
from manyends.evals.scenarios.later import household_later, step_later
from manyends.evals.scenarios.load import Refused, files, load

GOOD = """\
scenario: a right one
home:
  areas: [kitchen]
  devices:
    - {id: light.k, name: lamp, kind: light, area: kitchen, state: {power: off, brightness: 30}}
    - {id: lock.d, name: door, kind: lock, state: {locked: true}}
people: [{name: Ana, role: owner}]
ends:
  - {name: hub, profile: hub, area: kitchen}
  - {name: watch, profile: wearable, person: Ana}
steps:
  - say: turn on the lamp
    on: watch
    as: Ana
    within: 1m30s
    expect:
      - state: {light.k: {power: on}}
  - touch: hub
"""


def read(tmp_path: Path, text: str) -> Scenario | Refused:
    """Load a file of this text."""
    file = tmp_path / "a.yaml"
    file.write_text(text)
    return load(file)


def refused(tmp_path: Path, text: str) -> Refused:
    """Load a file that must be refused."""
    result = read(tmp_path, text)
    assert isinstance(result, Refused)
    return result


def accepted(tmp_path: Path, text: str) -> Scenario:
    """Load a file that must be right."""
    result = read(tmp_path, text)
    assert isinstance(result, Scenario), result
    return result


def test_words_of_yaml_1_1_are_strings(tmp_path: Path) -> None:
    scenario = accepted(tmp_path, GOOD)
    assert scenario.home is not None
    assert scenario.home.devices[0].state == {"power": "off", "brightness": 30}
    assert scenario.home.devices[1].state == {"locked": True}
    step = scenario.steps[0]
    assert (step.verb, step.on, step.as_, step.longest()) == ("say", "watch", "Ana", 90.0)
    assert step.expect[0].state == {"light.k": {"power": "on"}}
    assert scenario.steps[1].longest() == 5.0


def test_a_line_stands_before_a_refused_file(tmp_path: Path) -> None:
    result = refused(tmp_path, GOOD.replace("hub, profile: hub", "hub, profile: fridge"))
    assert str(result).startswith(f"{tmp_path / 'a.yaml'}:9: ends[0].profile: ")
    assert result.title == "a right one"


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("people: [", "peple: [", 7, "peple"),
        ("scenario: a right one\n", "", 1, "scenario"),
        ("role: owner", "role: king", 7, "people[0].role"),
        ("role: owner", "role: owner, age: 3", 7, "people[0].age"),
        ("kind: lock", "kind: door", 6, "home.devices[1].kind"),
        ("locked: true", "power: on", 6, "home.devices[1].state.power"),
        ("locked: true", "locked: yes", 6, "home.devices[1].state.locked"),
        ("brightness: 30", "brightness: 101", 5, "home.devices[0].state.brightness"),
        ("lamp, kind: light, area: kitchen", "lamp, kind: light, area: attic", 5,
         "home.devices[0].area"),
        ("id: lock.d", "id: light.k", 6, "home.devices[1].id"),
        ("person: Ana}", "person: Eve}", 10, "ends[1].person"),
        ("name: watch", "name: Hub", 10, "ends[1].name"),
        ("name: watch", "name: brain", 10, "ends[1].name"),
        ("    on: watch\n", "    on: phone\n", 13, "steps[0].on"),
        ("    on: watch\n", "", 12, "steps[0]"),
        ("    as: Ana\n", "    as: Eve\n", 14, "steps[0].as"),
        ("    within: 1m30s\n", "    within: 90\n", 15, "steps[0].within"),
        ("    within: 1m30s\n", "    within: soon\n", 15, "steps[0].within"),
        ("    within: 1m30s\n", "    stop: hub\n", 12, "steps[0]"),
        ("    within: 1m30s\n", "    wait: 3s\n", 15, "steps[0].wait"),
        ("light.k: {power: on}", "light.x: {power: on}", 17, 'steps[0].expect[0].state["light.x"]'),
        ("light.k: {power: on}", "light.k: {power: true}", 17,
         'steps[0].expect[0].state["light.k"].power'),
        ("state: {light.k: {power: on}}", "reply: {on: hub, matches: '('}", 17,
         "steps[0].expect[0].reply.matches"),
        ("state: {light.k: {power: on}}", "reply: {on: tv, matches: x}", 17,
         "steps[0].expect[0].reply.on"),
        ("state: {light.k: {power: on}}", "silent: [hub, tv]", 17, "steps[0].expect[0].silent[1]"),
        ("state: {light.k: {power: on}}", "effects: {light.on: 1}", 17,
         'steps[0].expect[0].effects["light.on"]'),
        ("state: {light.k: {power: on}}", "effects: {light.turn_on: -1}", 17,
         'steps[0].expect[0].effects["light.turn_on"]'),
        ("state: {light.k: {power: on}}", "task: {action: a.b, state: done}", 17,
         "steps[0].expect[0].task.state"),
        ("state: {light.k: {power: on}}", "route: cloud", 17, "steps[0].expect[0].route"),
        ("state: {light.k: {power: on}}", "{}", 17, "steps[0].expect[0]"),
        ("state: {light.k: {power: on}}", "memory: {on: hub}", 17, "steps[0].expect[0].memory"),
        ("touch: hub", "touch: home", 18, "steps[1].touch"),
        ("touch: hub", "cut: [hub, tv]", 18, "steps[1].cut[1]"),
        ("touch: hub", "cut: [hub]", 18, "steps[1].cut"),
        ("touch: hub", "advance: 0s", 18, "steps[1].advance"),
        ("touch: hub", "attack: bribe", 18, "steps[1].attack"),
        ("touch: hub", "set: {light.k: {color: 3}}", 18, 'steps[1].set["light.k"].color'),
        ("touch: hub", "call: {action: a.b, on: hub}", 18, "steps[1].call.from"),
        ("touch: hub", "together: [{touch: hub}, {touch: tv}]", 18, "steps[1].together[1].touch"),
        ("touch: hub", "together: []", 18, "steps[1].together"),
        ("touch: hub", "hello", 18, "steps[1]"),
        ("touch: hub", "{touch: hub, touch: watch}", 18, "steps[1].touch"),
        ("touch: hub", "touch: *nobody", 18, ""),
        ("touch: hub", "touch: [", 19, ""),
    ],
)  # fmt: skip
def test_a_mistake_is_found_where_it_stands(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    assert old in GOOD
    result = refused(tmp_path, GOOD.replace(old, new))
    assert (result.line, result.field, result.expected) == (line, field, False), str(result)


def test_several_mistakes_are_told_by_number(tmp_path: Path) -> None:
    result = refused(tmp_path, GOOD.replace("Ana", "Eve", 1).replace("touch: hub", "touch: tv"))
    assert result.line == 10
    assert "(and 2 more)" in str(result)


@pytest.mark.parametrize("text", ["", "- a", "&a [*a]", "a: !!python/none x", "1: {? [x] : y}"])
def test_what_is_no_scenario_at_all_is_refused(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text)


@pytest.mark.parametrize("broken", ["touch: tv", "touch: ["])
def test_a_file_may_say_that_it_must_be_refused(tmp_path: Path, broken: str) -> None:
    text = "must_be_refused: true\n" + GOOD.replace("touch: hub", broken)
    assert refused(tmp_path, text).expected
    assert not refused(tmp_path, text.replace("true", "false", 1)).expected


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.yaml", tmp_path / "b.yaml"):
        result = load(path)
        assert isinstance(result, Refused)
        assert "can't be read" in result.reason


def test_the_files_of_a_folder_come_by_name(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    found = [each.name for each in files([tmp_path, tmp_path / "x.yaml", tmp_path / "empty"])]
    assert found == ["a.yml", "b.yaml", "x.yaml", "empty"]


def test_every_verb_and_expectation_is_read(tmp_path: Path) -> None:
    steps = """\
  - wake: [{end: hub, at_ms: 0, level_db: -20, clarity: 0.9}, {end: watch, touched: true}]
    expect: [{awake: hub}, {why: x}]
  - call: {action: laptop.open_page, args: {url: u}, from: watch, on: hub}
    expect: [{task: {action: laptop.open_page, on: hub, state: offered, count: 1}}]
  - move: {conversation_of: Ana, to: hub}
    expect: [{conversation: {on: hub, holder_of: Ana}}]
  - approve: {on: watch, as: Ana}
    expect: [{asked: {on: watch, matches: x}}, {notified: {on: watch}}, {audit: ok}]
  - deny: {on: watch}
  - cancel: {task: latest, from: watch}
  - stop: home
  - kill: brain
  - start: brain
    expect: [{nothing_lost: true}, {ringing: []}, {ringing: [hub]}]
  - cut: [hub, home]
  - heal: [hub, home]
  - sleep: watch
  - wake_up: watch
  - revoke: watch
    expect: [{error: revoked}]
  - advance: 5m
  - set: {light.k: {power: on}}
  - remember: {text: x, person: Ana, scope: private, on: hub}
    expect: [{memory: {on: brain, has: x, person: Ana}}]
  - forget: {matches: x, person: Ana, on: brain}
  - attack: wrong_code
  - together: [{touch: hub}, {say: hello, on: hub, expect: [{route: reflex}]}]
    expect: [{silent: [watch]}]
"""
    head, _ = GOOD.split("steps:\n")
    scenario = accepted(tmp_path, head + "steps:\n" + steps)
    later = [step_later(step) for step in scenario.steps]
    assert [each for each in later if each] == [
        "wake", "move", "sleep", "wake_up", "revoke", "remember", "forget", "attack"
    ]  # fmt: skip
    assert len(scenario.steps) == 20


@pytest.mark.parametrize(
    ("old", "new", "later"),
    [
        ("steps:", "model: scripted\nscript: [{text: x}]\nsteps:", "model: scripted"),
        ("steps:", "model: qwen3.5-2b\nsteps:", "model: qwen3.5-2b"),
        ("steps:", "local_script: {watch: [{text: x, confidence: 0.9}]}\nsteps:", "local_script"),
        ("area: kitchen}\n", "area: kitchen, unpaired: true}\n", "unpaired: true"),
        ("steps:", "model: none\nsteps:", None),
    ],
)
def test_what_is_not_built_yet_is_named(
    tmp_path: Path, old: str, new: str, later: str | None
) -> None:
    assert household_later(accepted(tmp_path, GOOD.replace(old, new))) == later


@pytest.mark.parametrize(
    ("expected", "later"),
    [
        ("awake: hub", "awake"),
        ("memory: {on: hub, hasnt: x}", "memory"),
        ("effects: {message.send: 0}", "effects of message.send"),
        ("silent: [hub]", None),
    ],
)
def test_expectations_of_later_parts_are_named(
    tmp_path: Path, expected: str, later: str | None
) -> None:
    scenario = accepted(tmp_path, GOOD.replace("state: {light.k: {power: on}}", expected))
    assert step_later(scenario.steps[0]) == later


def test_the_shared_scenarios_are_right() -> None:
    folder = Path(__file__).parents[4] / "shared" / "evals" / "scenarios"
    if not folder.is_dir():
        pytest.skip("not available")
    assert [str(each) for each in map(load, files([folder])) if isinstance(each, Refused)] == []
