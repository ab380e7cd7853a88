"""Answers to a question that the conversation has open."""

from collections.abc import Callable

import pytest

from manyends.endpoints.reflex.resolution import Question, Resolution

Understand = Callable[..., list[str]]


@pytest.fixture
def question(resolve: Callable[..., Resolution]) -> Question:
    (asked,) = resolve("turn on the light", "watch").parts
    assert isinstance(asked, Question)
    return asked


@pytest.fixture
def rooms(resolve: Callable[..., Resolution]) -> Question:
    (asked,) = resolve("turn off the lights", "watch").parts
    assert isinstance(asked, Question)
    return asked


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ("the bedroom one", ["light.turn_on light.bedroom"]),
        ("bedroom", ["light.turn_on light.bedroom"]),
        ("the one in the bedroom, please", ["light.turn_on light.bedroom"]),
        ("bedroom light", ["light.turn_on light.bedroom"]),
        ("the second one", ["light.turn_on light.bedroom"]),
        ("the last", ["light.turn_on light.bedroom"]),
        ("the first", ["light.turn_on light.kitchen"]),
        ("both", ["light.turn_on light.kitchen", "light.turn_on light.bedroom"]),
        ("all of them", ["light.turn_on light.kitchen", "light.turn_on light.bedroom"]),
        ("neither", ["Answer: All right, none of them."]),
        ("never mind", ["Answer: All right, none of them."]),
    ],
)
def test_an_answer_chooses(
    understand: Understand, question: Question, said: str, done: list[str]
) -> None:
    assert understand(said, "watch", question=question) == done


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ("close the blinds", ["cover.close cover.bed"]),
        ("what time is it", ["clock.time"]),
        ("turn on the living room lamp", ["light.turn_on light.living"]),
    ],
)
def test_a_new_command_is_done_instead(
    understand: Understand, question: Question, said: str, done: list[str]
) -> None:
    assert understand(said, "watch", question=question) == done


@pytest.mark.parametrize("said", ["the garage one", "hm", "the fifth"])
def test_what_is_no_answer_and_no_command_is_not_understood(
    understand: Understand, question: Question, said: str
) -> None:
    assert understand(said, "watch", question=question) == []


def test_a_room_stands_for_all_that_was_meant_there(
    understand: Understand, rooms: Question
) -> None:
    assert understand("the living room", "watch", question=rooms) == [
        "light.turn_off light.living",
        "light.turn_off light.salt",
    ]


def test_an_answer_that_fits_two_narrows_the_question(
    understand: Understand, resolve: Callable[..., Resolution], rooms: Question
) -> None:
    assert understand("the ones with light", "watch", question=rooms) == []
    assert understand("light", "watch", question=rooms) == ["Which one: kitchen or bedroom?"]
