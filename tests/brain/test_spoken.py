"""What of an unfinished answer is heard: never the beginning of a deed or of a call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyends.brain.spoken import audible, settled
from manyends.models.prompts import claims_deed, looks_like_call


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("", ""),
        ("Ca", ""),
        ("Canberra ", "Canberra "),
        ("Canberra is", "Canberra is"),
        ("Sure, I", "Sure, "),
        ("Sure, I will", "Sure, "),
        ("Sure, I\N{RIGHT SINGLE QUOTATION MARK}ll tu", "Sure, "),
        ("That I will not know, said he", "That I will not know, said he"),
        ("All s", ""),
        ("consider it do", ""),
        ("Here you are: {", "Here you are: "),
        ("Well, <tool", "Well, "),
        ("light.turn_on", ""),
        ("light.turn_on(target=1) it", ""),
    ],
)
def test_what_may_be_heard(text: str, heard: str) -> None:
    assert text[: audible(text)] == heard


@pytest.mark.parametrize(
    ("text", "whole"),
    [("", ""), ("one", ""), ("one two", "one "), ("one two ", "one two "), ("one!", "one!")],
)
def test_a_last_word_may_go_on(text: str, whole: str) -> None:
    assert settled(text) == whole


SAID = """I I'll I've I'm will just turn on done done. All set set! the light is sorry, consider it
Turning {"name": "x", "arguments": a.b(c=1)"""
WORDS = st.sampled_from(SAID.split())


@given(st.lists(WORDS, min_size=1, max_size=8), st.integers(1, 5))
def test_nothing_of_a_deed_or_call_is_ever_heard(words: list[str], step: int) -> None:
    """Whatever the pieces are: what was heard before a stop is neither deed nor call."""
    answer, heard = " ".join(words), ""
    for end in range(step, len(answer) + step, step):
        text = answer[:end]
        if looks_like_call(text) or claims_deed(settled(text)):
            break
        heard = text[: max(audible(text), len(heard))]
        assert not claims_deed(heard) and not looks_like_call(heard), (heard, text)
