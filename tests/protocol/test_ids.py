"""What identifiers look like."""

import pytest
from pydantic import TypeAdapter, ValidationError
from tests.protocol.household import ANA, LAPTOP, entropy

from manyends.protocol.ids import (
    HOUSEHOLD,
    DeviceId,
    FeedName,
    device_feed,
    new_id,
    person_feed,
)

DEVICE: TypeAdapter[str] = TypeAdapter(DeviceId)
FEED: TypeAdapter[str] = TypeAdapter(FeedName)


def test_an_id_is_its_kind_and_eighty_random_bits() -> None:
    assert new_id("task", lambda size: b"\x00" * size) == "task_aaaaaaaaaaaaaaaa"
    assert new_id("task", entropy("a")) != new_id("task", entropy("b"))
    assert DEVICE.validate_python(new_id("dev", entropy("x")))


@pytest.mark.parametrize(
    "text",
    [
        *("", "dev", "dev_", "dev_short", "dev_AAAAAAAAAAAAAAAA", "dev_aaaaaaaaaaaaaaa1"),
        *("_" + "a" * 16, "dev_aaaaaaaaaaaaaaaa\n", " dev_aaaaaaaaaaaaaaaa", 7, None),
        "d" * 40 + "_aaaaaaaaaaaaaaaa",
    ],
)
def test_other_texts_are_no_ids(text: object) -> None:
    with pytest.raises(ValidationError):
        DEVICE.validate_python(text)


def test_feeds_are_the_households_a_persons_and_a_devices() -> None:
    for feed in (HOUSEHOLD, person_feed(ANA), device_feed(LAPTOP.id)):
        assert FEED.validate_python(feed) == feed


@pytest.mark.parametrize("text", ["", "person:", "person:ana", "device:x", "household:", "area:x"])
def test_there_are_no_other_feeds(text: str) -> None:
    with pytest.raises(ValidationError):
        FEED.validate_python(text)


def test_what_concerns_nobody_is_the_households() -> None:
    assert person_feed(None) == HOUSEHOLD
