"""Hybrid logical clocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.properties import check_clock

from manyends.protocol.hlc import MAX_AHEAD_MS, ZERO, Hlc, receive, tick

MS = st.integers(0, 2**44)
CLOCKS = st.builds(Hlc, MS, st.integers(0, 0xFFFF))


@given(CLOCKS, CLOCKS)
def test_stamps_sort_as_text_and_can_be_read_back(one: Hlc, other: Hlc) -> None:
    assert Hlc.parse(str(one)) == one
    assert (str(one) < str(other)) == (one < other)


@pytest.mark.parametrize("text", ["", "x", "1-2-3", "zz-00"])
def test_what_is_no_stamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Hlc.parse(text)


@given(CLOCKS, CLOCKS, MS)
def test_clocks_only_move_forward_and_never_far_ahead(last: Hlc, remote: Hlc, wall: int) -> None:
    check_clock(last, remote, wall)


def test_a_full_counter_goes_over_into_the_milliseconds() -> None:
    assert tick(Hlc(5, 0xFFFF), 0) == Hlc(6, 0)
    assert tick(Hlc(5, 3), 5) == Hlc(5, 4)
    assert tick(Hlc(5, 3), 6) == Hlc(6, 0)


def test_a_clock_that_is_far_ahead_is_followed_for_a_minute_only() -> None:
    assert receive(ZERO, Hlc(10**12, 9), 1000) == Hlc(1000 + MAX_AHEAD_MS, 0)
