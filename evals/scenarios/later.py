"""What the format knows and the runner can't do yet; each later part takes its names out here."""

from collections.abc import Iterator

from .counting import LATER
from .expect import JUDGED
from .format import Scenario, Step

VERBS_LATER = frozenset(
    {"wake", "move", "sleep", "wake_up", "revoke", "remember", "forget", "attack"}
)


def household_later(scenario: Scenario) -> str | None:
    """Name what the scenario's household needs and is not built yet; None if it can be played."""
    if scenario.model != "none":
        return f"model: {scenario.model}"
    if scenario.local_script:
        return "local_script"
    if any(each.unpaired for each in scenario.ends):
        return "unpaired: true"
    return None


def step_later(step: Step) -> str | None:
    """Name what the step needs and is not built yet; None if it can be played."""
    return next(_later(step), None)


def _later(step: Step) -> Iterator[str]:
    for each in step.flat():
        if each.verb in VERBS_LATER:
            yield each.verb
    for expect in step.expected():
        for kind in expect.kinds():
            if kind not in JUDGED:
                yield kind
        for action in expect.effects or {}:
            if action in LATER:
                yield f"effects of {action}"
