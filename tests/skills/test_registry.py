"""The registry: what is installed, what is broken, and what a planner is shown."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from manyends.protocol.task import Effect, Result, Risk
from manyends.skills.registry import GROUP, Registry
from manyends.skills.sdk import Action, ReadContext, action


def one(name: str, text: str = "") -> Action:
    @action(name, risk=Risk.READ, effect=Effect.STORED)
    def look(context: ReadContext, where: str = "here") -> Result:
        """Look somewhere."""
        return Result(text=text)

    return look


def module(monkeypatch: pytest.MonkeyPatch, name: str, **content: object) -> EntryPoint:
    """Make a module of this content, and the entry point that names it."""
    made = ModuleType(name)
    vars(made).update(content)
    monkeypatch.setitem(sys.modules, name, made)
    return EntryPoint(name, name, GROUP)


def test_the_skills_that_come_along_are_all_found() -> None:
    registry = Registry.load()
    assert not registry.broken
    for name in ("light.turn_on", "laptop.open_page", "timer.start", "list.add", "notes.add"):
        assert registry.get(name) is not None
    assert registry.get("rocket.launch") is None


def test_every_action_is_described() -> None:
    for each in Registry.load().schema():
        assert each["description"].endswith(".") and each["parameters"]["type"] == "object"


def test_what_only_undo_needs_is_not_shown() -> None:
    (shown,) = [each for each in Registry.load().schema() if each["name"] == "light.turn_off"]
    assert list(shown["parameters"]["properties"]) == ["target"]


def test_a_broken_skill_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    good = module(monkeypatch, "good_skill", look=one("a.look"), other=3)
    missing = EntryPoint("missing_skill", "no_such_module_anywhere", GROUP)
    no_module = EntryPoint("thing", "good_skill:other", GROUP)
    registry = Registry.load([missing, no_module, good])
    assert list(registry.actions) == ["a.look"]
    assert [each.skill for each in registry.broken] == ["missing_skill", "thing"]
    assert "ModuleNotFoundError" in registry.broken[0].reason


def test_of_two_actions_with_one_name_the_first_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = one("a.look", "first"), one("a.look", "second")
    registry = Registry.load(
        [module(monkeypatch, "b_skill", look=second), module(monkeypatch, "a_skill", look=first)]
    )
    assert registry.get("a.look") is first
    assert [each.skill for each in registry.broken] == ["b_skill"]


def test_a_list_of_actions_makes_a_registry() -> None:
    look = one("a.look")
    registry = Registry([look, look])
    assert registry.get("a.look") is look and not registry.broken
    assert registry.schema()[0]["parameters"]["properties"]["where"]["default"] == "here"
