"""Each place of a crash, in each role, for each kind of effect: nothing lost, nothing doubled."""

import pytest

from manyends.protocol.task import Effect

from . import table
from .crashes import EFFECTS, ERRANDS, PLACES, POINTS, ROLES, UNLOCK, Outcome, Role, crash, promised

CELLS = [
    (role, point, effect)
    for role in ROLES
    for point in POINTS
    for effect in EFFECTS
    if (role, point) in PLACES
]


@pytest.mark.parametrize(("role", "point", "effect"), CELLS)
async def test_a_crash_loses_and_doubles_nothing(role: Role, point: str, effect: Effect) -> None:
    seen = await crash(ERRANDS[effect], role, PLACES[role, point])
    assert seen == promised(role, point, effect)
    table.saw(table.Cell(role, point, effect.value), str(seen))


@pytest.mark.parametrize("effect", EFFECTS)
async def test_a_brain_that_did_not_acknowledge_a_report_hears_it_again(effect: Effect) -> None:
    seen = await crash(ERRANDS[effect], "brain", "ack:task.update")
    assert seen == Outcome("succeeded", 1)
    table.saw(table.Cell("brain", table.REPORT, effect.value), str(seen))


@pytest.mark.parametrize(
    ("point", "place", "promise"),
    [
        ("before intent", "worker.before_intent", Outcome("succeeded", 1)),
        ("after intent", "worker.after_intent", Outcome("failed", 0)),
        ("after effect", "worker.after_effect", Outcome("succeeded", 1)),
        ("before result", "worker.before_result", Outcome("succeeded", 1)),
        ("before ack", "ack:grant.given", Outcome("failed", 0)),
    ],
)
async def test_an_unlock_is_read_back_from_the_door(
    point: str, place: str, promise: Outcome
) -> None:
    seen = await crash(UNLOCK, "worker", place)
    assert seen == promise
    table.saw(table.Cell("worker", point, table.UNLOCK), str(seen))


def test_the_page_is_whole() -> None:
    """All cells are there, and nothing in it was written by hand."""
    assert table.whole()
