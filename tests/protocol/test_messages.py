"""Messages: what they carry, and what becomes of fields that are not known."""

import json
from typing import get_args

import pytest
from pydantic import ValidationError
from tests.protocol.household import MESSAGE_EXAMPLES, PAYLOAD_EXAMPLES, op

from manyends.endpoints.replica import read_payload
from manyends.protocol.codec import decode, encode
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.messages import Message, Ops
from manyends.protocol.ops import MAX_BATCH
from manyends.protocol.payloads import KINDS, PAYLOADS, Payload

TYPES = {each.model_fields["type"].default: each for each in get_args(get_args(Message)[0])}


def test_there_is_an_example_of_each_message_and_each_kind_of_op() -> None:
    assert {each.type for each in MESSAGE_EXAMPLES} == set(TYPES)
    assert {KINDS[type(each)] for each in PAYLOAD_EXAMPLES} == set(PAYLOADS)


def test_there_are_fewer_than_forty_types() -> None:
    assert len(TYPES) < 40


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_unknown_fields_of_a_message_are_kept(message: Message) -> None:
    content = json.loads(encode(message))
    content["later"] = {"a": [1, None, "ü"], "b": 1.5}
    again = json.loads(encode(decode(json.dumps(content))))
    assert again == content


@pytest.mark.parametrize("payload", PAYLOAD_EXAMPLES, ids=lambda each: KINDS[type(each)])
def test_unknown_fields_of_an_op_and_its_payload_are_kept(payload: Payload) -> None:
    content = json.loads(encode(Ops(ops=[op(payload=payload)])))
    content["ops"][0]["later"] = [{"deep": None}]
    content["ops"][0]["payload"]["later"] = {"null": None}
    read = decode(json.dumps(content))
    assert json.loads(encode(read))["ops"] == content["ops"]
    assert isinstance(read, Ops)
    typed = read_payload(read.ops[0])
    assert typed is not None
    assert typed.model_dump(mode="json")["later"] == {"null": None}


@pytest.mark.parametrize("payload", PAYLOAD_EXAMPLES, ids=lambda each: KINDS[type(each)])
def test_a_payload_comes_back_as_it_was(payload: Payload) -> None:
    assert read_payload(op(payload=payload)) == payload


def test_an_op_of_an_unknown_kind_is_read_as_nothing() -> None:
    assert read_payload(op().model_copy(update={"kind": "later.kind"})) is None


def test_a_payload_of_another_kind_is_refused() -> None:
    with pytest.raises(ProtocolError) as caught:
        read_payload(op().model_copy(update={"kind": "task.offer"}))
    assert caught.value.code is ErrorCode.BAD_MESSAGE


def test_a_batch_has_a_limit() -> None:
    Ops(ops=[op()] * MAX_BATCH)
    with pytest.raises(ValidationError):
        Ops(ops=[op()] * (MAX_BATCH + 1))


@pytest.mark.parametrize("value", ["1", 1.0, True, None, -1, 2**53])
def test_numbers_are_whole_and_in_range_and_not_spelt_otherwise(value: object) -> None:
    frame = json.dumps({"type": "ack", "feeds": {"household": {op().origin: value}}})
    with pytest.raises(ProtocolError) as caught:
        decode(frame)
    assert caught.value.code is ErrorCode.BAD_MESSAGE


@pytest.mark.parametrize("value", ["true", 1, 0, "yes"])
def test_yes_and_no_are_not_spelt_otherwise(value: object) -> None:
    with pytest.raises(ProtocolError):
        decode(json.dumps({"type": "ops", "ops": [], "more": value}))
