"""The closed list of errors."""

import pytest

from manyends.protocol.errors import RETRY, ErrorCode, ProtocolError, Retry


def test_each_code_says_what_the_peer_may_do() -> None:
    assert set(RETRY) == set(ErrorCode)


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_carries_its_code_its_reason_and_its_retry(code: ErrorCode) -> None:
    error = ProtocolError(code, "because")
    assert (error.code, error.reason, error.retry) == (code, "because", RETRY[code])
    assert str(error) == f"{code}: because"


def test_a_refusal_is_final_and_a_gap_is_tried_again_at_once() -> None:
    assert RETRY[ErrorCode.NOT_PAIRED] is Retry.NO
    assert RETRY[ErrorCode.GAP] is Retry.NOW
    assert RETRY[ErrorCode.BUSY] is Retry.AFTER
