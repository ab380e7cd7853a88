"""Every cell of both tables is reached: legal ones move, illegal ones are refused."""

from itertools import product

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.protocol.properties import (
    LEGAL_MOVES,
    check_session_table,
    check_task_table,
    legal_events,
    session_cells,
)
from tests.protocol.test_session_machine import Links
from tests.protocol.test_task_machine import Tasks

from manyends.protocol import session, task
from manyends.protocol.errors import ProtocolError
from manyends.protocol.session import Happening, Phase, Session, Side
from manyends.protocol.task import Event, Result, State, Task

Cell = tuple[Side, Phase, Happening]
ALWAYS_THE_SAME = settings(
    derandomize=True, database=None, max_examples=500, stateful_step_count=25, deadline=None
)

MOST = 0.8
"""The share of legal cells that a machine is sure to meet; the enumeration meets them all."""


@pytest.fixture
def session_hits(monkeypatch: pytest.MonkeyPatch) -> set[Cell]:
    """Cells of the session's table that were looked up while the test ran."""
    hits: set[Cell] = set()
    move = Session._move

    def recorded(self: Session, happening: Happening) -> None:
        hits.add((self.side, self.phase, happening))
        move(self, happening)

    monkeypatch.setattr(Session, "_move", recorded)
    return hits


@pytest.fixture
def task_hits(monkeypatch: pytest.MonkeyPatch) -> set[tuple[State, Event]]:
    """Cells of the task's table that were looked up while the test ran."""
    hits: set[tuple[State, Event]] = set()
    advance = task.advance

    def recorded(before: Task, event: Event, result: Result | None = None) -> Task:
        hits.add((before.state, event))
        return advance(before, event, result)

    monkeypatch.setattr(task, "advance", recorded)
    monkeypatch.setattr("tests.protocol.test_task_machine.advance", recorded)
    return hits


def test_all_cells_of_the_session_are_enumerated(session_hits: set[Cell]) -> None:
    check_session_table()
    never = {(side, Phase.CLOSED, Happening.LOST) for side in Side}  # answered before the table
    assert set(session_cells()) - session_hits == never
    assert len(set(session_cells())) == len(Side) * len(Phase) * len(Happening) == 100


def test_all_cells_of_the_task_are_enumerated(task_hits: set[tuple[State, Event]]) -> None:
    check_task_table()
    assert task_hits == set(product(State, Event))
    assert len(task_hits) == 99


def test_the_machine_of_sessions_meets_most_legal_cells_and_no_state_outside(
    session_hits: set[Cell],
) -> None:
    run_state_machine_as_test(Links, settings=ALWAYS_THE_SAME)
    legal = {
        (side, phase, happening)
        for (side, phase), moves in LEGAL_MOVES.items()
        for happening in moves
    }
    assert len(legal & session_hits) >= MOST * len(legal)
    assert not any(
        side is Side.SERVER and phase is Phase.GREETED for side, phase, _ in session_hits
    )


def test_the_machine_of_tasks_meets_most_legal_cells(task_hits: set[tuple[State, Event]]) -> None:
    run_state_machine_as_test(Tasks, settings=ALWAYS_THE_SAME)
    assert len(set(legal_events()) & task_hits) >= MOST * len(legal_events())


def test_whatever_the_tables_do_not_list_is_refused() -> None:
    assert {cell for cell in session_cells() if cell in session.TRANSITIONS} == {
        (side, phase, happening)
        for (side, phase), moves in LEGAL_MOVES.items()
        for happening in moves
    }
    for state, event in product(State, Event):
        if (state, event) not in legal_events():
            with pytest.raises(ProtocolError):
                task.advance(Task.model_construct(state=state, version=0, lease=1), event)
