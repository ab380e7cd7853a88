"""What a model is shown, and what of its answers is kept from being spoken."""

import pytest

from manyends.models.engine import Message, Role
from manyends.models.prompts import (
    KEPT_CHARACTERS,
    KEPT_TURNS,
    claims_deed,
    looks_like_call,
    open_question,
)


def turns(count: int) -> list[Message]:
    return [
        Message(role, f"{role} {number}")
        for number in range(count)
        for role in (Role.USER, Role.ASSISTANT)
    ]


def roles(messages: list[Message]) -> list[Role]:
    return [each.role for each in messages]


def test_a_question_comes_after_the_system_text_and_the_examples() -> None:
    messages = open_question("Why is the sky blue?")
    assert messages[0].role is Role.SYSTEM
    assert messages[-1] == Message(Role.USER, "Why is the sky blue?")


@pytest.mark.parametrize("said", [0, 1, 2 * KEPT_TURNS - 1, 2 * KEPT_TURNS, 2 * KEPT_TURNS + 5])
def test_user_and_assistant_alternate_whatever_the_history(said: int) -> None:
    shown = roles(open_question("And now?", turns(20)[:said][: said - said % 2]))[1:]
    assert shown[::2] == [Role.USER] * len(shown[::2])
    assert shown[1::2] == [Role.ASSISTANT] * len(shown[1::2])


def test_only_the_last_turns_are_shown() -> None:
    shown = [each.text for each in open_question("And now?", turns(10))]
    assert "user 7" in shown
    assert "user 6" not in shown


def test_a_history_that_begins_with_an_answer_is_shown_from_the_next_question() -> None:
    shown = open_question("And now?", [Message(Role.ASSISTANT, "It rings!"), *turns(1)])
    assert "It rings!" not in [each.text for each in shown]


def test_long_messages_of_the_history_are_cut_but_not_the_question() -> None:
    long = "word " * 500
    shown = open_question(long, [Message(Role.USER, long), Message(Role.ASSISTANT, long)])
    assert [len(each.text) for each in shown[-3:]] == [KEPT_CHARACTERS, KEPT_CHARACTERS, len(long)]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "light_on", "arguments": {"room": "kitchen"}}',
        '[{"name": "light_on", "arguments": {}}]',
        '{"name": "light_on", "argum',
        "{",
        '```json\n{"function": "timer"}\n```',
        '```\n[ {"x": 1}',
        'Sure! {"name": "light_on", "parameters": {"room": "kitchen"}} Done.',
        "I'll do it: {'action': 'light_on', 'target': 'kitchen'}",
        "<tool_call>\n<function=light_on>\n</function>\n</tool_call>",
        "Of course. <|tool_call|>",
        '[TOOL_CALLS] [{"name": "x"}]',
        '<|python_tag|>light.on(room="kitchen")',
        'light.turn_on(entity="light.kitchen")',
        "set_timer(10 * (1 + 2))\n",
        '`timer(minutes="10")`',
    ],
)
def test_calls_are_never_spoken(text: str) -> None:
    assert looks_like_call(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The capital of Australia is Canberra.",
        'The word "name": it comes from Old English nama.',
        "Boil it for ten minutes (soft: six).",
        "Ruff (the bird) lives in wet meadows.",
        "In mathematics f(x) is a function of x.",
        "A set is written {1, 2, 3}.",
        "a_" * 5000,
    ],
)
def test_sentences_may_be_spoken(text: str) -> None:
    assert not looks_like_call(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'll set a timer for ten minutes.",
        "Okay, I\N{RIGHT SINGLE QUOTATION MARK}ve turned on the light.",
        "I am playing a song.",
        "I have ordered the milk.",
        "Done!",
        "Turning on the light.",
    ],
)
def test_claims_of_deeds_are_found(text: str) -> None:
    assert claims_deed(text)


@pytest.mark.parametrize(
    "text",
    [
        "I don't know that.",
        "I can't do that from here.",
        "I'm sorry, I can't help.",
        "I'm not sure.",
        "I am a voice assistant.",
        "The capital of Australia is Canberra.",
        "A steak is done at 55 degrees.",
    ],
)
def test_other_answers_claim_no_deed(text: str) -> None:
    assert not claims_deed(text)
