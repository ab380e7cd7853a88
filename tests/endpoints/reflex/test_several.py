"""Several commands in one sentence: all is understood, or nothing is done."""

from collections.abc import Callable

import pytest

Understand = Callable[..., list[str]]

SEVERAL = [
    ("dim the living room lamp to 30 percent and set the heating to 21 degrees",
     ["light.set_brightness light.living 30", "climate.set_temperature climate.home 21"]),
    ("turn on the kitchen light and the bedroom light",
     ["light.turn_on light.kitchen", "light.turn_on light.bedroom"]),
    ("kitchen and bedroom lights on",
     ["light.turn_on light.kitchen", "light.turn_on light.bedroom"]),
    ("lights on in the kitchen and bedroom",
     ["light.turn_on light.kitchen", "light.turn_on light.bedroom"]),
    ("turn on the fan, close the blinds and lock the front door",
     ["fan.turn_on fan.bed", "cover.close cover.bed", "lock.lock lock.front"]),
    ("turn off the light and then set a timer for 5 minutes",
     ["light.turn_off light.kitchen", "timer.start 5m"]),
    ("turn off the light; pause the tv. close the blinds",
     ["light.turn_off light.kitchen", "media.pause media.tv", "cover.close cover.bed"]),
    ("in the bedroom turn on the lamp and close the blinds",
     ["light.turn_on light.bedroom", "cover.close cover.bed"]),
    ("turn the kitchen light on and the bedroom light off",
     ["light.turn_on light.kitchen", "light.turn_off light.bedroom"]),
    ("dim the bedroom light to 30 percent and the living room lamp to 50",
     ["light.set_brightness light.bedroom 30", "light.set_brightness light.living 50"]),
    ("dim the bedroom light and the living room lamp to 30 percent",
     ["light.set_brightness light.bedroom 30", "light.set_brightness light.living 30"]),
    ("turn on the living room lamp and dim it to 40",
     ["light.turn_on light.living", "light.set_brightness light.living 40"]),
    ("turn on the salt and pepper lamp", ["light.turn_on light.salt"]),
    ("turn on the salt and pepper lamp and the tv",
     ["light.turn_on light.salt", "media.play media.tv"]),
    ("turn on the kitchen light and add salt and pepper to the shopping list",
     ["light.turn_on light.kitchen", "list.add shopping salt", "list.add shopping pepper"]),
    ("turn off the light and remind me to call mum and dad at 7",
     ["light.turn_off light.kitchen", "reminder.add call mum and dad at 7"]),
    ("tell everyone dinner is ready and turn on the light",
     ["announce.say dinner is ready", "announce.say dinner is ready",
      "light.turn_on light.kitchen"]),
    ("announce that dinner is ready and the table is set",
     ["announce.say dinner is ready and the table is set"] * 2),
    ("close the blinds and tell me the time", ["cover.close cover.bed", "clock.time"]),
]  # fmt: skip


@pytest.mark.parametrize(("said", "done"), SEVERAL)
def test_each_command_is_done_in_order(understand: Understand, said: str, done: list[str]) -> None:
    assert understand(said) == done


def test_one_that_cannot_be_done_is_told_and_the_others_are_done(understand: Understand) -> None:
    assert understand("turn on the kitchen light and the garage light") == [
        "light.turn_on light.kitchen",
        "Refusal: I don't know a garage light.",
    ]


@pytest.mark.parametrize(
    "said",
    [
        "turn on the light and fly to the moon",
        "what is the meaning of life and turn on the light",
        "turn on the light, write a poem and lock the door",
        ", ".join(["turn on the light"] * 12),
    ],
)
def test_nothing_is_done_by_half(understand: Understand, said: str) -> None:
    assert understand(said) == []


def test_an_unclear_part_takes_the_room_of_the_last(understand: Understand) -> None:
    done = understand("turn on the light and close the blinds in the bedroom", "watch")
    assert done == ["light.turn_on light.bedroom", "cover.close cover.bed"]


def test_the_default_area_goes_before_the_room_of_the_last(understand: Understand) -> None:
    done = understand("turn on the light and close the blinds in the bedroom", "kitchen hub")
    assert done == ["light.turn_on light.kitchen", "cover.close cover.bed"]


@pytest.mark.parametrize("end", ["no don't", "never mind"])
def test_what_is_taken_back_in_the_same_breath_is_not_done(
    understand: Understand, end: str
) -> None:
    assert understand(f"turn on the light, {end}") == ["Answer: All right, I won't."]
