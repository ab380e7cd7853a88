"""Sums: what they come to, how that is said, and that none takes long."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.skills.contexts import Bench, device

from manyends.protocol.errors import ErrorCode
from manyends.skills.arithmetic import SumError, compute, spoken
from manyends.skills.builtin import calculator


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("12 times 7", "84"),
        ("12 * 7", "84"),
        ("12 x 7", "84"),
        ("15 percent of 80", "12"),
        ("15 / 100 * 80", "12"),
        ("square root of 16", "4"),
        ("144 ** 0.5", "12"),
        ("square root of 2", "about 1.414214"),
        ("2 to the power of 10", "1024"),
        ("2^-1", "0.5"),
        ("-2 squared", "minus 4"),
        ("3 cubed", "27"),
        ("(1 + 2) * 3", "9"),
        ("2 ** 3 ** 2", "512"),
        ("twenty-one plus two", "23"),
        ("half of nine", "4.5"),
        ("1,000 minus 1", "999"),
        ("10 divided by 4 =", "2.5"),
        ("10 / 3", "about 3.333333"),
        ("0.1 + 0.2", "0.3"),
        ("5 - 8", "minus 3"),
        ("+5 - -8", "13"),
        ("-1/3", "about minus 0.333333"),
        ("10 ** 20", "about 1.00 times 10 to the power of 20"),
        ("-1 / 3000000", "about minus 3.33 times 10 to the power of -7"),
        ("1 / 8000000", "about 1.25 times 10 to the power of -7"),
        ("7 ** 900", "about 3.87 times 10 to the power of 760"),
        ("2 ** 0.3", "about 1.231144"),
    ],
)
def test_a_sum_is_worked_out(said: str, answer: str) -> None:
    result = Bench(device("hub")).do(calculator.compute, expression=said)
    assert result.text == f"That is {answer}." and result.error is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("1 / 0", "divided by zero"),
        ("0 ** -1", "divided by zero"),
        ("9**9**9", "too big"),
        ("9 ** 5000", "too big"),
        ("(10 ** 1000) ** 1.5", "too big"),
        ("square root of -4", "no such root"),
        ("(1 + 2", "bracket"),
        ("1 + 2)", "can't read"),
        ("1 +", "can't read"),
        ("", "can't read"),
        ("__import__('os')", "can't read"),
        ("2 apples", "can't read"),
    ],
)
def test_what_can_not_be_worked_out_is_said(said: str, reason: str) -> None:
    result = Bench(device("hub")).do(calculator.compute, expression=said)
    assert result.error is ErrorCode.BAD_MESSAGE and reason in result.text


def test_a_sum_has_a_length() -> None:
    with pytest.raises(SumError, match="too long"):
        compute("1+" * 200 + "1")


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.sampled_from("+-*"))
def test_whole_numbers_are_exact(left: int, right: int, sign: str) -> None:
    wanted = {"+": left + right, "-": left - right, "*": left * right}[sign]
    assert compute(f"{left} {sign} ({right})") == wanted


@given(st.text(alphabet="0123456789.+-*/%() xsqrt^", max_size=40))
def test_anything_is_an_answer_or_a_refusal(text: str) -> None:
    try:
        said = spoken(compute(text))
    except SumError:
        return
    assert len(said) < 60


@given(st.fractions(min_value=-1000, max_value=1000))
def test_a_number_is_said_as_near_as_it_says(value: Fraction) -> None:
    said = spoken(value)
    if "times" not in said:
        heard = Fraction(said.replace("about ", "").replace("minus ", "-"))
        assert heard == value or (said.startswith("about") and abs(heard - value) < 10**-6)
