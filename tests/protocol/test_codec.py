"""Frames: what gets through, what is refused and with which words."""

import json

import pytest
from tests.protocol.properties import check_limits, check_numbers

from manyends.protocol.codec import MAX_TEXT_FRAME, decode, encode
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.messages import HomeCommand, Ping


def code_of(frame: str | bytes) -> ErrorCode:
    with pytest.raises(ProtocolError) as caught:
        decode(frame)
    return caught.value.code


def test_the_limit_is_counted_in_bytes_both_ways() -> None:
    check_limits()


def test_a_frame_of_just_the_limit_is_taken() -> None:
    frame = '{"type":"ping","id":1,"x":"' + "x" * (MAX_TEXT_FRAME - 29) + '"}'
    assert len(frame) == MAX_TEXT_FRAME
    assert isinstance(decode(frame), Ping)
    assert code_of(frame.replace("xx", "xxx", 1)) is ErrorCode.TOO_BIG


def test_numbers_that_are_not_finite_are_refused() -> None:
    check_numbers()


def test_binary_frames_are_unsupported() -> None:
    assert code_of(b'{"type":"ping","id":1}') is ErrorCode.UNSUPPORTED


@pytest.mark.parametrize("tag", ['"later"', "7", '"' + "x" * 5000 + '"', '"\\n\\"ü"'])
def test_an_unknown_type_is_unsupported_and_is_named_shortly(tag: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(f'{{"type":{tag}}}')
    assert caught.value.code is ErrorCode.UNSUPPORTED
    assert len(caught.value.reason) < 150


@pytest.mark.parametrize(
    "frame",
    [
        *("", "x", "[]", "null", '"ping"', "{}", '{"id":1}', '{"type":"ping"}', '{"type":[]'),
        *('{"type":"ping","id":1}x', '{"type":"ping","id":1', '{"type":"ping","id":{}}'),
        '{"type":"ping","id":1,"x":"\\ud800"}',
        '{"type":"ping","id":1,"x":"\ud800"}',
        '{"type":"ping","id":1,"x":' + "9" * 5000 + "}",
        '{"type":"ping","id":1,"x":' + "[" * 5000 + "]" * 5000 + "}",
    ],
)
def test_what_is_no_message_is_refused(frame: str) -> None:
    assert code_of(frame) is ErrorCode.BAD_MESSAGE


def test_a_refusal_says_where_but_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(json.dumps({"type": "turn.delta", "turn": "my secret", "to": 1, "text": ""}))
    assert "turn" in caught.value.reason
    assert "my secret" not in caught.value.reason


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert decode('{"type":"ping","id":1,"id":2}') == Ping(id=2)


@pytest.mark.parametrize("value", ["\ud800", object(), b"\xff", [[]]])
def test_what_json_cannot_say_is_not_sent(value: object) -> None:
    deep: list[object] = [value]
    if value == [[]]:
        for _ in range(2000):
            deep = [deep]
    with pytest.raises(ProtocolError) as caught:
        encode(HomeCommand(id="1", key="k", device="d", action="a", args={"x": deep}))
    assert caught.value.code is ErrorCode.BAD_MESSAGE
