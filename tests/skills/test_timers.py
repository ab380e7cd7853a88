"""Timers, and how lengths of time are read."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.skills.contexts import Bench, device

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.skills.builtin import timers
from manyends.skills.durations import LONGEST, seconds_of, written
from manyends.skills.phrases import spoken_duration
from manyends.skills.sdk import Action, Record

MINUTE = 60_000
ACTIONS: dict[str, Action] = {
    each.name: each for each in vars(timers).values() if isinstance(each, Action)
}


@pytest.fixture
def hub() -> Bench:
    return Bench(device("hub", area="kitchen"))


def ring(hub: Bench) -> list[Record]:
    """Do what a node's scheduler does."""
    late = timers.due(hub.records, hub.now_ms)
    for each in late:
        hub.records.remove(each)
        hub.records.append(each.model_copy(update={"data": timers.ringing(each, hub.now_ms)}))
    return late


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12m", 720),
        ("90s", 90),
        ("1h30m", 5400),
        ("2.5m", 150),
        ("ten minutes", 600),
        ("10 min", 600),
        ("an hour", 3600),
        ("half an hour", 1800),
        ("1 hour and 30 minutes", 5400),
        ("twenty-five minutes, 5 secs", 1505),
        ("24h", LONGEST),
        ("2m30s", 150),
    ],
)
def test_a_length_is_read(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "12", "12x", "m", "0s", "25h", "-3m", "10m later"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        timers.start.check({"duration": text})
    assert refused.value.code is ErrorCode.BAD_MESSAGE


@given(st.integers(1, LONGEST))
def test_a_length_survives_being_written_and_spoken(seconds: int) -> None:
    assert seconds_of(written(seconds)) == seconds
    assert seconds_of(spoken_duration(seconds)) == seconds


def test_a_timer_is_set_and_says_so(hub: Bench) -> None:
    assert hub.do(timers.start, duration="10m").text == "Timer set for 10 minutes."
    result = hub.do(timers.start, duration="12m", label="the pasta timer")
    assert result.text == "Pasta timer set for 12 minutes."
    assert [each.feed for each in hub.records] == [f"device:{hub.here.id}"] * 2
    assert timers.next_due(hub.records) == hub.now_ms + 10 * MINUTE


def test_the_time_left_is_told(hub: Bench) -> None:
    assert hub.do(timers.status).text == "No timer is set."
    hub.do(timers.start, duration="10m")
    hub.do(timers.start, duration="1h", label="roast")
    hub.now_ms += 4 * MINUTE + 1
    said = hub.do(timers.status).text
    assert said == ("6 minutes left on the 10 minute timer and 56 minutes left on the roast timer.")
    assert hub.do(timers.status, label="Roast").text == "56 minutes left on the roast timer."
    unknown = hub.do(timers.status, label="egg")
    assert (unknown.text, unknown.error) == ("There is no egg timer.", ErrorCode.NOT_FOUND)


def test_a_due_timer_rings_until_it_is_dismissed(hub: Bench) -> None:
    hub.do(timers.start, duration="1m", label="tea")
    assert not timers.due(hub.records, hub.now_ms)
    hub.now_ms += MINUTE
    (late,) = ring(hub)
    assert timers.ring_text(late) == "The tea timer is done."
    assert timers.next_due(hub.records) is None and not ring(hub)
    assert hub.records[0].data["rang_at"] == hub.now_ms
    assert hub.do(timers.status).text == "The tea timer is ringing."
    assert hub.do(timers.dismiss).text == "OK."
    assert not hub.records
    assert hub.do(timers.dismiss).text == "Nothing is ringing."


def test_dismissing_leaves_the_others(hub: Bench) -> None:
    hub.do(timers.start, duration="1m")
    hub.do(timers.start, duration="2m")
    hub.now_ms += MINUTE
    ring(hub)
    hub.do(timers.dismiss)
    assert [each.data["seconds"] for each in hub.records] == [120]


def test_one_of_several_has_to_be_named(hub: Bench) -> None:
    hub.do(timers.start, duration="10m")
    hub.do(timers.start, duration="12m", label="pasta")
    which = hub.do(timers.cancel)
    assert which.error is ErrorCode.NOT_FOUND
    assert which.text == "Which one: the 10 minute timer and the pasta timer?"
    assert len(hub.records) == 2
    assert hub.do(timers.cancel, label="10 minute").text == "I cancelled the 10 minute timer."
    assert hub.do(timers.cancel, label="egg").error is ErrorCode.NOT_FOUND
    assert hub.do(timers.cancel).text == "I cancelled the pasta timer."
    assert hub.do(timers.cancel).text == "No timer is set."


def test_all_are_cancelled_at_once(hub: Bench) -> None:
    for duration in ("1m", "2m", "3m"):
        hub.do(timers.start, duration=duration)
    result = hub.do(timers.cancel, all=True)
    assert result.text == "I cancelled all 3 timers." and not hub.records
    assert result.inverse is None


def test_setting_is_undone_by_cancelling_just_that_one(hub: Bench) -> None:
    hub.do(timers.start, duration="1m")
    second = hub.do(timers.start, duration="2m")
    asyncio.run(hub.undo(second, ACTIONS))
    assert [each.data["seconds"] for each in hub.records] == [60]


def test_a_cancelled_timer_comes_back_as_it_was(hub: Bench) -> None:
    hub.do(timers.start, duration="5m", label="egg")
    due = hub.records[0].data["due"]
    cancelled = hub.do(timers.cancel)
    hub.now_ms += MINUTE
    asyncio.run(hub.undo(cancelled, ACTIONS))
    assert hub.records[0].data["due"] == due and hub.records[0].data["label"] == "egg"


def test_the_timers_of_other_devices_are_theirs(hub: Bench) -> None:
    phone = Bench(device("phone"))
    phone.do(timers.start, duration="5m")
    hub.records = list(phone.records)
    assert hub.do(timers.status).text == "No timer is set."
    assert timers.next_due(hub.records) is not None  # a scheduler passes its own device's
