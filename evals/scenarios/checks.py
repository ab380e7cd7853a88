"""What must hold between the parts of a scenario: names exist, verbs and states fit."""

from collections.abc import Iterator
from typing import Any

from .counting import COUNTED
from .devices import wrong_state
from .format import Expect, HomePlan, Scenario, States, Step
from .yaml12 import Path

Mistake = tuple[Path, str]
"""Where in the file, and what is wrong there."""


def mistakes(scenario: Scenario) -> Iterator[Mistake]:
    """Yield everything that is wrong, although each part by itself is well formed."""
    names = _Names(scenario)
    yield from _household(scenario, names)
    yield from _models(scenario, names)
    for position, step in enumerate(scenario.steps):
        yield from _step(step, ("steps", position), names)


class _Names:
    """Who and what there is."""

    def __init__(self, scenario: Scenario) -> None:
        home = scenario.home or HomePlan()
        self.ends = {each.name for each in scenario.ends}
        self.people = {each.name for each in scenario.people}
        self.areas = set(home.areas) | {each.area for each in scenario.ends if each.area}
        self.kinds = {each.id: each.kind for each in home.devices}
        self.nodes = self.ends | {"brain"}
        self.processes = self.nodes | ({"home"} if scenario.home else set())

    def end(self, name: str | None, path: Path) -> Iterator[Mistake]:
        yield from _known(name, self.ends, "end", path)

    def node(self, name: str | None, path: Path) -> Iterator[Mistake]:
        yield from _known(name, self.nodes, "end, nor brain", path)

    def process(self, name: str | None, path: Path) -> Iterator[Mistake]:
        if name == "home" and "home" not in self.processes:
            yield path, "this scenario has no home"
        else:
            yield from _known(name, self.processes, "end, nor brain or home", path)

    def person(self, name: str | None, path: Path) -> Iterator[Mistake]:
        yield from _known(name, self.people, "person", path)

    def states(self, states: States, path: Path) -> Iterator[Mistake]:
        for device, values in states.items():
            kind = self.kinds.get(device)
            if kind is None:
                yield (*path, device), _unknown(device, self.kinds, "device")
                continue
            if not values:
                yield (*path, device), "no state is given"
            for key, value in values.items():
                wrong = wrong_state(kind, key, value)
                if wrong:
                    yield (*path, device, key), wrong


def _unknown(name: str, known: Any, what: str) -> str:
    return f"{name!r} is no {what}; there is {', '.join(sorted(known)) or 'none'}"


def _known(name: str | None, known: set[str], what: str, path: Path) -> Iterator[Mistake]:
    if name is not None and name not in known:
        yield path, _unknown(name, known, what)


def _twice(values: list[str], path: Path, key: str | None) -> Iterator[Mistake]:
    seen: set[str] = set()
    for position, value in enumerate(values):
        here: Path = (*path, position) if key is None else (*path, position, key)
        if value.casefold() in seen:
            yield here, f"{value!r} stands here twice"
        seen.add(value.casefold())


def _household(scenario: Scenario, names: _Names) -> Iterator[Mistake]:
    home = scenario.home or HomePlan()
    yield from _twice(home.areas, ("home", "areas"), None)
    yield from _twice([each.id for each in home.devices], ("home", "devices"), "id")
    for position, device in enumerate(home.devices):
        path: Path = ("home", "devices", position)
        yield from _known(device.area, names.areas, "area", (*path, "area"))
        for key, value in device.state.items():
            wrong = wrong_state(device.kind, key, value)
            if wrong:
                yield (*path, "state", key), wrong
    yield from _twice([each.name for each in scenario.people], ("people",), "name")
    yield from _twice([each.name for each in scenario.ends], ("ends",), "name")
    for position, end in enumerate(scenario.ends):
        if end.name.casefold() in ("brain", "home"):
            yield ("ends", position, "name"), f"an end can't be called {end.name!r}"
        yield from names.person(end.person, ("ends", position, "person"))


def _models(scenario: Scenario, names: _Names) -> Iterator[Mistake]:
    if scenario.script and scenario.model != "scripted":
        yield ("script",), "a script needs `model: scripted`"
    turns: list[tuple[Path, Any]] = [
        (("script", position), turn) for position, turn in enumerate(scenario.script)
    ]
    for end, script in scenario.local_script.items():
        yield from names.end(end, ("local_script", end))
        turns += [(("local_script", end, position), turn) for position, turn in enumerate(script)]
    for path, turn in turns:
        if turn.text is None and not turn.tool_calls:
            yield path, "it needs text or tool_calls"


def _step(step: Step, path: Path, names: _Names) -> Iterator[Mistake]:
    verbs = step.verbs()
    if len(verbs) != 1:
        given = " and ".join(verbs) if verbs else "none"
        yield path, f"a step has one verb; here is {given}"
        return
    if step.say is not None and step.on is None:
        yield path, "`say` needs `on`: the end where it is said"
    if step.say is None:
        for key, value in (("on", step.on), ("as", step.as_)):
            if value is not None:
                yield (*path, key), f"{key!r} stands beside `say` only"
    yield from names.end(step.on, (*path, "on"))
    yield from names.person(step.as_, (*path, "as"))
    yield from _verb(step, path, names)
    for position, part in enumerate(step.together or []):
        yield from _step(part, (*path, "together", position), names)
    for position, expect in enumerate(step.expect):
        yield from _expect(expect, (*path, "expect", position), names)


def _verb(step: Step, path: Path, names: _Names) -> Iterator[Mistake]:
    here: Path = (*path, step.verb)
    for end in (step.touch, step.sleep, step.wake_up, step.revoke):
        yield from names.end(end, here)
    for name in (step.stop, step.kill, step.start):
        yield from names.process(name, here)
    for pair in (step.cut, step.heal):
        for position, name in enumerate(pair or []):
            yield from names.process(name, (*here, position))
        if pair and pair[0] == pair[1]:
            yield here, "a network lies between two different ones"
    if step.call:
        yield from names.node(step.call.from_, (*here, "from"))
        yield from names.node(step.call.on, (*here, "on"))
    if step.cancel:
        yield from names.node(step.cancel.from_, (*here, "from"))
    for answer in (step.approve, step.deny):
        if answer:
            yield from names.end(answer.on, (*here, "on"))
            yield from names.person(answer.as_, (*here, "as"))
    if step.set_ is not None:
        if not step.set_:
            yield here, "no device is given"
        yield from names.states(step.set_, here)
    yield from _later_verb(step, here, names)


def _later_verb(step: Step, here: Path, names: _Names) -> Iterator[Mistake]:
    if step.wake is not None and not step.wake:
        yield here, "nobody heard it"
    for position, ear in enumerate(step.wake or []):
        yield from names.end(ear.end, (*here, position, "end"))
    if step.move:
        yield from names.person(step.move.conversation_of, (*here, "conversation_of"))
        yield from names.end(step.move.to, (*here, "to"))
    for memory in (step.remember, step.forget):
        if memory:
            yield from names.node(memory.on, (*here, "on"))
            yield from names.person(memory.person, (*here, "person"))


def _expect(expect: Expect, path: Path, names: _Names) -> Iterator[Mistake]:
    if not expect.kinds():
        yield path, "nothing is expected here"
    if expect.state is not None:
        if not expect.state:
            yield (*path, "state"), "no device is given"
        yield from names.states(expect.state, (*path, "state"))
    for key in ("reply", "asked", "notified", "conversation"):
        shown = getattr(expect, key)
        if shown:
            yield from names.end(shown.on, (*path, key, "on"))
    for key in ("silent", "ringing"):
        for position, end in enumerate(getattr(expect, key) or []):
            yield from names.end(end, (*path, key, position))
    if expect.silent == []:
        yield (*path, "silent"), "no end is given"
    if expect.task:
        yield from names.process(expect.task.on, (*path, "task", "on"))
    if expect.effects == {}:
        yield (*path, "effects"), "no action is given"
    for action in expect.effects or {}:
        if action not in COUNTED:
            yield (*path, "effects", action), f"the effects of {action!r} can't be counted"
    if expect.memory:
        yield from names.node(expect.memory.on, (*path, "memory", "on"))
        yield from names.person(expect.memory.person, (*path, "memory", "person"))
        if expect.memory.has is None and expect.memory.hasnt is None:
            yield (*path, "memory"), "it needs has or hasnt"
    if expect.conversation:
        yield from names.person(expect.conversation.holder_of, (*path, "conversation", "holder_of"))
    yield from names.end(expect.awake, (*path, "awake"))
