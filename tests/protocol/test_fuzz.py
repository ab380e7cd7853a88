"""Valid messages, broken in many ways: nothing but a refusal, or a message that can be kept."""

import json
import random
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from tests.protocol.household import (
    MESSAGE_EXAMPLES,
    PAYLOAD_EXAMPLES,
    body,
    identity,
    op,
)

from manyends.endpoints.replica import read_payload
from manyends.protocol.codec import decode, encode
from manyends.protocol.errors import ProtocolError
from manyends.protocol.identity import canonical
from manyends.protocol.messages import Message, Ops, Vectors
from manyends.protocol.ops import check
from manyends.protocol.payloads import KINDS, Payload

MUTATIONS = 1_500
"""Of each type of message: 24,000 with sixteen types."""
MUTATIONS_OF_PAYLOADS = 400

ODD_VALUES: list[object] = [
    *(None, True, False, 0, -1, 1.5, 1.0, 2**53, 2**63, -(2**63) - 1, 10**400, -0.0, 1e308),
    *("", "\x00", "é" * 50, "😀", "x" * 9000, "NaN", "1", "true", "dev_" + "a" * 16, "household"),
    *([], {}, [[]], [None] * 70, {"": {"": {}}}, {"type": "ping"}, {"__proto__": 1, "self": 2}),
]
ODD_TEXTS = [
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "9" * 5000,
        "1" * 400 + ".5",
        "0x10",
        "01",
    ),
    *('"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\x"', '"\t"', "'a'"),
    *("[" * 150 + "]" * 150, "[" * 250 + "]" * 250, '{"a":' * 190 + "1" + "}" * 190, "tru", "//"),
    *('{"a":1,"a":"2"}', '{"type":"ping","type":"pong"}', "{,}", "[1,]", ""),
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place of a JSON value: who holds it, and under which key."""
    found: list[tuple[Any, Any]] = []
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def swap(text: str, dice: random.Random) -> str:
    """Put an odd value in some place."""
    content = json.loads(text)
    holder, key = dice.choice(places(content))
    holder[key] = dice.choice(ODD_VALUES)
    return json.dumps(content, ensure_ascii=dice.random() < 0.5)


def swap_text(text: str, dice: random.Random) -> str:
    """Put an odd piece of text where a value was."""
    content = json.loads(text)
    holder, key = dice.choice(places(content))
    holder[key] = "@here@"
    return json.dumps(content).replace('"@here@"', dice.choice(ODD_TEXTS))


def drop_or_move(text: str, dice: random.Random) -> str:
    """Take a value away, or put it elsewhere, or add an unknown one."""
    content = json.loads(text)
    holder, key = dice.choice(places(content))
    value = holder.pop(key)
    if dice.random() < 0.7:
        other, at = dice.choice(places(content) or [(content, "x")])
        if isinstance(other, dict):
            other[dice.choice([at, "later", "id", "model_extra", "type"])] = value
    return json.dumps(content)


def cut(text: str, dice: random.Random) -> str:
    """Cut the frame off, or a piece out of it."""
    start = dice.randrange(len(text))
    return text[:start] + (text[start + dice.randrange(9) :] if dice.random() < 0.5 else "")


def flip(text: str, dice: random.Random) -> str:
    """Flip some bits of the frame's bytes."""
    data = bytearray(text.encode(errors="surrogatepass"))
    for _ in range(dice.randrange(1, 4)):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return data.decode(errors=dice.choice(["replace", "surrogateescape", "ignore"]))


def repeat(text: str, dice: random.Random) -> str:
    """Say a piece of the frame twice."""
    start = dice.randrange(len(text))
    end = min(len(text), start + dice.randrange(1, 60))
    return text[:end] + text[start:]


MUTATORS: list[Callable[[str, random.Random], str]] = [
    *(swap, swap_text, drop_or_move, cut, flip, repeat)
]


def broken(text: str, dice: random.Random) -> str:
    """Return the frame broken in one way, sometimes in two."""
    text = dice.choice(MUTATORS)(text, dice)
    return dice.choice((cut, flip, repeat))(text, dice) if text and dice.random() < 0.2 else text


class Shelf:
    """A table that takes what a node would write down of a message."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.execute("CREATE TABLE kept (number INTEGER, text TEXT)")

    def keep(self, value: object) -> None:
        """Store all numbers and texts of a value, each in a column, as the tables would."""
        if isinstance(value, dict):
            for key, inner in value.items():
                self.keep(key)
                self.keep(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                self.keep(inner)
        elif isinstance(value, str):
            row = self.connection.execute("SELECT ?", (value,)).fetchone()
            assert row == (value,)

    def keep_numbers(self, *numbers: int) -> None:
        for number in numbers:
            assert self.connection.execute("SELECT ?", (number,)).fetchone() == (number,)


def keep(message: Message, shelf: Shelf) -> None:
    """Do with a message what a node does: send it on, compare it, store it."""
    frame = encode(message)
    assert encode(decode(frame)) == frame
    shelf.keep(message.model_dump(mode="json"))
    if isinstance(message, Vectors):
        shelf.keep_numbers(*(seq for stream in message.feeds.values() for seq in stream.values()))
    if isinstance(message, Ops):
        for each in message.ops:
            shelf.keep_numbers(each.seq)
            canonical(each.payload)
            try:
                check(each, identity("laptop").public)
                keep_payload(read_payload(each), shelf)
            except ProtocolError:
                pass


def keep_payload(payload: Payload | None, shelf: Shelf) -> None:
    """Do with a payload what a node does."""
    if payload is None:
        return
    content = payload.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    canonical(content)
    shelf.keep(content)
    json.loads(payload.model_dump_json(exclude_none=True))
    for name, value in payload:
        if isinstance(value, int) and name in type(payload).model_fields:
            shelf.keep_numbers(value)
    inner = getattr(payload, "task", None)
    if inner is not None and not isinstance(inner, str):
        shelf.keep_numbers(inner.deadline, inner.custody, inner.lease, inner.version)


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_a_broken_frame_is_refused_or_is_a_message_that_can_be_kept(message: Message) -> None:
    dice = random.Random(message.type)
    shelf = Shelf()
    text = encode(message)
    if isinstance(message, Ops):
        texts = [encode(Ops(ops=[each])) for each in message.ops]
    else:
        texts = [text]
    taken = refused = 0
    for _ in range(MUTATIONS):
        frame = broken(dice.choice(texts), dice)
        try:
            read = decode(frame)
        except ProtocolError:
            refused += 1
            continue
        taken += 1
        try:
            keep(read, shelf)
        except ProtocolError as refusal:
            assert refusal.code == "too_big", frame
    assert taken + refused == MUTATIONS
    assert taken > 20
    assert refused > 20


@pytest.mark.parametrize("payload", PAYLOAD_EXAMPLES, ids=lambda each: KINDS[type(each)])
def test_a_broken_payload_is_refused_or_can_be_kept(payload: Payload) -> None:
    dice = random.Random(KINDS[type(payload)])
    shelf = Shelf()
    good = op(payload=payload)
    text = json.dumps(body(payload))
    read = refused = 0
    for _ in range(MUTATIONS_OF_PAYLOADS):
        frame = dice.choice((swap, drop_or_move))(text, dice)
        changed = good.model_copy(update={"payload": json.loads(frame)})
        try:
            keep_payload(read_payload(changed), shelf)
            read += 1
        except ProtocolError:
            refused += 1
    assert read + refused == MUTATIONS_OF_PAYLOADS
    assert read
    assert refused
