"""Questions are answered and change nothing; negations and stories never act."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from manyends.skills.home.model import HomeView

Understand = Callable[..., list[str]]

ASKED = [
    ("is the light on?", "No, the kitchen light is off."),
    ("is the bedroom light on", "Yes, the bedroom light is on."),
    ("kitchen light on?", "No, the kitchen light is off."),
    ("tell me if the bedroom light is on", "Yes, the bedroom light is on."),
    ("are any lights on", "Yes, the bedroom light and the living room lamp are on."),
    ("are any fans on", "No, the ceiling fan is off."),
    ("which lights are on", "The bedroom light and the living room lamp are on."),
    ("which locks are unlocked", "None are unlocked."),
    ("how many lights are off", "2: the kitchen light and the salt and pepper lamp are off."),
    ("are the lights in the living room on",
     "Only the living room lamp is on; the salt and pepper lamp is off."),
    ("did I leave the blinds open", "Yes, the bedroom blinds are open."),
    ("are the blinds closed", "No, the bedroom blinds are open."),
    ("is the front door locked", "Yes, the front door is locked."),
    ("is the front door open", "No, the front door is closed."),
    ("did I lock the front door", "Yes, the front door is locked."),
    ("is the tv playing", "Yes, the tv is playing."),
    ("is Robby cleaning", "No, the Robby is docked."),
    ("is the heating on", "Yes, the heating is on."),
    ("what is playing", "The tv plays news."),
    ("what's the temperature of the heating", "The heating is set to 19 degrees."),
    ("what is the temperature outside", "The outside temperature shows 12 degrees."),
    ("how warm is it outside", "The outside temperature shows 12 degrees."),
    ("what is the temperature",
     "The heating is set to 19 degrees. The outside temperature shows 12 degrees."),
    ("what is the outside temperature", "The outside temperature shows 12 degrees."),
    ("how bright is the bedroom light", "The bedroom light is at 60 percent."),
    ("what's the volume of the tv", "The tv is at volume 40."),
    ("how far open are the blinds", "The bedroom blinds are 70 percent open."),
    ("what's the color of the bedroom light", "I can't tell the color of the bedroom light."),
    ("what is the status of the bedroom light", "The bedroom light is at 60 percent."),
    ("what is the status of the front door", "The front door is locked."),
    ("what mode is the heating set to", "The heating is set to heat."),
]  # fmt: skip

NEGATED = [
    "don't turn on the light",
    "do not turn off the light please",
    "please don't open the blinds",
    "never unlock the front door",
    "you shouldn't turn on the light",
    "you must not unlock the front door",
    "you don't have to turn on the light",
    "I don't want you to turn on the light",
    "don't open the blinds and turn on the light",
    "no need to close the blinds",
]

STORIES = [
    "I turned on the light",
    "I would turn on the light",
    "if you turn on the light",
    "what happens if I turn on the light",
    "I wish the light was on",
    "I wish the light on",
    "who turned on the light",
    "why did you turn on the light",
    "how do I turn on the light",
    "should I turn on the light",
    "the book says turn on the light",
    "the book says turn the light on",
    "he said turn on the light",
    "she told me to lock the door",
    "the light is on",
    "turning on the light is fun",
    "when I come home turn on the light",
    "without turning on the light",
    "the light is not on",
    "can I turn on the light",
    "remind me to turn on the light",
]


@pytest.mark.parametrize(("said", "answer"), ASKED)
def test_a_question_is_answered_from_the_state(
    understand: Understand, said: str, answer: str
) -> None:
    assert understand(said) == [f"Answer: {answer}"]


@pytest.mark.parametrize("said", NEGATED)
def test_a_negation_never_acts(understand: Understand, said: str) -> None:
    assert understand(said) == ["Answer: All right, I won't."]


@pytest.mark.parametrize("said", STORIES)
def test_a_story_or_a_condition_never_acts(understand: Understand, said: str) -> None:
    assert understand(said) == []


def test_asking_for_what_is_not_there_names_it(understand: Understand) -> None:
    assert understand("is the garage light on") == ["Refusal: I don't know a garage light."]


@pytest.mark.parametrize(
    "said",
    ["what is the temperature in paris", "what movies are playing", "what is the capital of peru",
     "how old is the universe", "is he on time"],
)  # fmt: skip
def test_what_the_home_does_not_know_is_left_to_others(understand: Understand, said: str) -> None:
    assert understand(said) == []


def test_a_state_that_is_not_told_is_not_made_up(
    understand: Understand, household: SimpleNamespace
) -> None:
    kinds = ("light", "cover", "lock", "media", "climate", "vacuum")
    home = HomeView(devices=tuple(household.thing(f"{kind}.x", f"{kind}x", None) for kind in kinds))
    for kind, state in zip(
        kinds, ("on", "open", "locked", "playing", "on", "cleaning"), strict=True
    ):
        told = understand(f"is the {kind}x {state}", home=home)
        assert told == [f"Answer: I can't tell whether the {kind}x is {state}."]
    assert understand("what is the status of the lightx", home=home) == [
        "Answer: The lightx does not tell its state."
    ]
    assert understand("what is playing", home=home) == ["Answer: Nothing is playing."]
