"""Lists, notes, announcements and the clock."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from tests.skills.contexts import ANA, Bench, device

from manyends.protocol.errors import ErrorCode
from manyends.skills.builtin import announce, clock, lists, notes
from manyends.skills.registry import Registry

ACTIONS = Registry.load().actions


@pytest.fixture
def hub() -> Bench:
    return Bench(device("hub", area="kitchen"))


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the local time be UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_items_are_added_read_and_removed(hub: Bench) -> None:
    assert hub.do(lists.read).text == "The shopping list is empty."
    assert hub.do(lists.add, list="shopping", item="milk").text == (
        "I put milk on the shopping list."
    )
    hub.now_ms += 1
    hub.do(lists.add, list="the shopping list", item="eggs")
    hub.now_ms += 1
    hub.do(lists.add, list="todo", item="sleep")
    assert hub.do(lists.read, list="Shopping").text == "On the shopping list: milk and eggs."
    assert hub.do(lists.remove, list="shopping", item="Milk").text == (
        "I took milk off the shopping list."
    )
    missing = hub.do(lists.remove, list="shopping", item="milk")
    assert missing.error is ErrorCode.NOT_FOUND
    assert missing.text == "The milk is not on the shopping list."
    assert {each.feed for each in hub.records} == {"household"}


def test_nothing_is_on_a_list_twice(hub: Bench) -> None:
    hub.do(lists.add, list="shopping", item="milk")
    again = hub.do(lists.add, list="shopping", item=" Milk ")
    assert again.text == "Milk is already on the shopping list." and again.inverse is None
    assert len(hub.records) == 1


def test_the_same_item_has_the_same_record_everywhere_and_tells_nothing(hub: Bench) -> None:
    phone = Bench(device("phone"), count=9)
    for each in (hub, phone):
        each.do(lists.add, list="shopping", item="milk")
    assert hub.records[0].id == phone.records[0].id
    assert "milk" not in hub.records[0].id


def test_a_change_of_a_list_is_undone(hub: Bench) -> None:
    added = hub.do(lists.add, list="shopping", item="milk")
    asyncio.run(hub.undo(added, ACTIONS))
    assert not hub.records
    hub.do(lists.add, list="shopping", item="milk")
    removed = hub.do(lists.remove, list="shopping", item="milk")
    asyncio.run(hub.undo(removed, ACTIONS))
    assert [each.data["item"] for each in hub.records] == ["milk"]


def test_notes_are_a_persons_own(hub: Bench) -> None:
    assert hub.do(notes.read).text == "There are no notes."
    assert hub.do(notes.add, text="The key is under the mat").text == (
        "I noted: The key is under the mat"
    )
    hub.do(notes.add, text="Call Ben")
    assert [each.feed for each in hub.records] == [f"person:{ANA}"] * 2
    assert hub.do(notes.read).text == "Your notes: The key is under the mat; Call Ben."


def test_a_note_is_removed_by_its_words_and_comes_back(hub: Bench) -> None:
    hub.do(notes.add, text="Call Ben")
    hub.do(notes.add, text="Call Ben tomorrow")
    assert hub.do(notes.remove, text="anna").error is ErrorCode.NOT_FOUND
    which = hub.do(notes.remove, text="call")
    assert which.error is ErrorCode.NOT_FOUND
    assert which.text == "More than one note fits: Call Ben and Call Ben tomorrow."
    removed = hub.do(notes.remove, text="call ben")
    assert removed.text == "I removed the note: Call Ben"
    asyncio.run(hub.undo(removed, ACTIONS))
    assert [each.data["text"] for each in hub.records] == ["Call Ben tomorrow", "Call Ben"]


@pytest.mark.parametrize(
    ("area", "text"),
    [("kitchen", "I announced it in the kitchen."), (None, "I announced it on the phone.")],
)
def test_an_announcement_is_kept_for_the_device(area: str | None, text: str) -> None:
    here = Bench(device("phone", area=area))
    assert here.do(announce.say, text="Dinner!").text == text
    (kept,) = here.records
    assert (kept.collection, kept.feed) == ("announcements", f"device:{here.here.id}")
    assert kept.data == {"text": "Dinner!", "from": here.here.id} and kept.id.startswith("task_")


@pytest.mark.usefixtures("utc")
def test_the_clock_tells_time_and_day(hub: Bench) -> None:
    hub.now_ms = 1_700_000_000_000
    assert hub.do(clock.time).text == "It is 22:13."
    assert hub.do(clock.date).text == "It is Tuesday, 14 November 2023."
