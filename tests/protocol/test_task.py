"""A task's states, its epochs, and what a grant is bound to."""

import pytest
from tests.protocol.household import FULL_TASK, TASK_ID, grant, identity, task
from tests.protocol.properties import (
    check_newer,
    check_reports,
    check_task_cell,
    check_task_table,
    legal_events,
)

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.identity import verify
from manyends.protocol.task import (
    RESTING,
    TERMINAL,
    Epoch,
    Event,
    Grant,
    Result,
    State,
    Task,
    advance,
    args_digest,
    report,
)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_an_event_moves_a_task_as_the_table_says(state: State, event: Event) -> None:
    check_task_cell(state, event)


def test_the_table_is_the_one_that_was_designed() -> None:
    check_task_table()


def test_nothing_happens_to_a_final_task() -> None:
    assert {state for state in State if not any(s is state for s, _ in legal_events())} == TERMINAL
    assert {State.OFFERED, State.ASKING, State.IN_DOUBT} | TERMINAL == RESTING
    assert task(state=State.FAILED).done
    assert not task(state=State.IN_DOUBT).done


def test_the_newer_copy_is_that_of_the_later_epoch_and_version() -> None:
    check_newer()


def test_a_report_counts_under_the_tasks_own_epoch_only() -> None:
    check_reports()


def test_a_result_comes_with_the_last_event_only() -> None:
    with pytest.raises(ProtocolError) as caught:
        report(task(), Epoch(1, 1), [Event.ACCEPT, Event.SUCCEED], Result(text="so"))
    assert caught.value.code is ErrorCode.OUT_OF_ORDER
    assert report(task(), Epoch(1, 1), [], None) == task()


def test_a_task_that_is_released_gets_another_lease() -> None:
    released = advance(advance(task(), Event.ACCEPT), Event.RELEASE)
    assert released.epoch == Epoch(1, 2)
    assert released.state is State.OFFERED


def test_an_earlier_result_stays_until_there_is_another() -> None:
    asked = report(task(), Epoch(1, 1), [Event.ACCEPT, Event.ASK], Result(text="I've asked."))
    running = advance(asked, Event.BEGIN)
    assert running.result == Result(text="I've asked.")
    assert advance(running, Event.FAIL, Result(text="No.")).result == Result(text="No.")


def test_unknown_fields_of_a_task_outlive_its_changes() -> None:
    text = FULL_TASK.model_dump_json().replace('"lease":3', '"lease":3,"mood":"calm"')
    later = advance(Task.model_validate_json(text), Event.FAIL)
    assert '"mood":"calm"' in later.model_dump_json()


def test_a_grant_is_bound_to_the_task_the_action_and_the_arguments() -> None:
    bound = args_digest(TASK_ID, "door.unlock", {"door": "front"})
    assert bound == args_digest(TASK_ID, "door.unlock", {"door": "front"})
    others = {
        args_digest(TASK_ID, "door.unlock", {"door": "back"}),
        args_digest(TASK_ID, "door.lock", {"door": "front"}),
        args_digest("task_" + "b" * 16, "door.unlock", {"door": "front"}),
    }
    assert bound not in others
    assert len(others) == 3


def test_a_grants_signature_covers_what_is_known_and_not_what_is_not() -> None:
    yes = grant()
    key = identity("phone").public
    assert verify(key, yes.signed_bytes(), yes.signature)
    more = Grant.model_validate({**yes.model_dump(), "mood": "glad"})
    assert verify(key, more.signed_bytes(), more.signature)
    for change in ({"expires": yes.expires + 1}, {"args_digest": "x"}, {"person": task().keeper}):
        assert not verify(key, yes.model_copy(update=change).signed_bytes(), yes.signature)
