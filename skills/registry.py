"""All actions that this installation knows, found through the entry points of the skills."""

import logging
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, NamedTuple

from .sdk import Action

log = logging.getLogger(__name__)

GROUP = "manyends.skills"


class Broken(NamedTuple):
    """A skill, or one action of it, that can't be used, and why."""

    skill: str
    reason: str


class Registry:
    """Actions by name. Of two with one name the first is kept, and the other reported."""

    def __init__(self, actions: Iterable[Action] = (), broken: Iterable[Broken] = ()) -> None:
        """Take the actions, and what is already known to be broken."""
        self.actions: dict[str, Action] = {}
        self.broken: list[Broken] = list(broken)
        for each in actions:
            self._add(each, each.name)

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> "Registry":
        """Import every installed skill; one that fails is skipped and listed in `broken`."""
        registry = cls()
        chosen = entry_points(group=GROUP) if found is None else found
        for each in sorted(chosen, key=lambda entry: entry.name):
            registry._load(each)
        return registry

    def get(self, name: str) -> Action | None:
        """Return the action of this name, if there is one."""
        return self.actions.get(name)

    def schema(self) -> list[dict[str, Any]]:
        """Describe every action for a planner: `name`, `description` and JSON `parameters`."""
        return [
            {
                "name": each.name,
                "description": each.description,
                "parameters": each.arguments.model_json_schema(),
            }
            for each in self.actions.values()
        ]

    def _load(self, entry: EntryPoint) -> None:
        try:
            module = entry.load()
        except Exception as error:  # somebody else's code: whatever it does, the node goes on
            self._skip(entry.name, f"it can't be imported: {type(error).__name__}: {error}")
            return
        if not isinstance(module, ModuleType):
            self._skip(entry.name, f"{entry.value} is not a module")
            return
        for each in vars(module).values():
            if isinstance(each, Action):
                self._add(each, entry.name)

    def _add(self, action: Action, skill: str) -> None:
        kept = self.actions.setdefault(action.name, action)
        if kept is not action:
            self._skip(skill, f"there is another {action.name} already, which is kept")

    def _skip(self, skill: str, reason: str) -> None:
        log.warning("skill %s: %s", skill, reason)
        self.broken.append(Broken(skill, reason))
