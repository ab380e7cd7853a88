"""The exported schema: current, and of one mind with the code."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.protocol.household import MESSAGE_EXAMPLES, PAYLOAD_EXAMPLES, body
from tests.protocol.test_fuzz import ODD_VALUES, places

from manyends.protocol import schema
from manyends.protocol.codec import decode, encode
from manyends.protocol.errors import ProtocolError
from manyends.protocol.messages import Message
from manyends.protocol.payloads import KINDS, PAYLOADS, Payload

FILE = Path(schema.__file__).with_name("schema.json")
SCHEMA = schema.schema()
MESSAGES = Draft202012Validator(SCHEMA)
MUTANTS = 250


def of_kind(kind: str) -> Draft202012Validator:
    """Return what judges the payload of this kind of op."""
    return Draft202012Validator({**SCHEMA["x-ops"][kind], "$defs": SCHEMA["$defs"]})


def test_the_file_is_what_the_code_says() -> None:
    assert FILE.read_text() == schema.text()


def test_the_module_prints_it() -> None:
    command = [sys.executable, "-m", "manyends.protocol.schema"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == schema.text()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["x-ops"]) == set(PAYLOADS)


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_it_takes_valid_messages(message: Message) -> None:
    content = json.loads(encode(message))
    MESSAGES.validate(content)
    MESSAGES.validate({**content, "later": [1]})


@pytest.mark.parametrize("payload", PAYLOAD_EXAMPLES, ids=lambda each: KINDS[type(each)])
def test_it_takes_valid_payloads(payload: Payload) -> None:
    of_kind(KINDS[type(payload)]).validate(body(payload))


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_each_type_is_refused_without_a_required_field(message: Message) -> None:
    content = json.loads(encode(message))
    required = SCHEMA["$defs"][type(message).__name__]["required"]
    assert "type" in required
    for name in required:
        assert not MESSAGES.is_valid({key: content[key] for key in content if key != name})


def is_message(content: Any) -> bool:
    """Say whether the code takes it."""
    try:
        decode(json.dumps(content))
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize("message", MESSAGE_EXAMPLES, ids=lambda each: each.type)
def test_it_judges_mutants_as_the_code_does(message: Message) -> None:
    dice = random.Random(message.type)
    refused = 0
    for _ in range(MUTANTS):
        content = json.loads(encode(message))
        if message.type == "ops":
            content["ops"] = [dice.choice(content["ops"])]
        holder, key = dice.choice(places(content))
        holder[key] = odd = dice.choice(ODD_VALUES)
        if isinstance(odd, float) and odd.is_integer():
            continue  # JSON Schema takes 1.0 for an integer; see M1
        if key == "type" and odd is None:
            continue
        valid = MESSAGES.is_valid(content)
        assert valid is is_message(content), f"{key}: {odd!r}"
        refused += not valid
    assert refused > 20
