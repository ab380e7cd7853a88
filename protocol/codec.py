"""Messages to text frames and back, with the limits that every frame must keep."""

import json
import math
import re
from typing import Any

from pydantic import ValidationError

from .errors import ErrorCode, ProtocolError
from .messages import MESSAGE, Message

MAX_TEXT_FRAME = 256 * 1024
"""Bytes of a JSON frame."""

_SUSPICIOUS = re.compile(r"NaN|Infinity|\d[eE]\+?\d{2}|\d{200}")
"""What a text must contain to hold a number that is not finite."""


def encode(message: Message) -> str:
    """Write a message as one text frame.

    Raises `ProtocolError`: `too_big` if it would be longer than any peer takes, `bad_message` if
    it holds what JSON cannot say.
    """
    try:
        text = message.model_dump_json(exclude_none=True)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(
            ErrorCode.BAD_MESSAGE, f"the {message.type} can't be written as JSON: {error}"
        ) from None
    if _too_big(text):
        raise ProtocolError(
            ErrorCode.TOO_BIG, f"a {message.type} of {len(text)} characters is too big to send"
        )
    return text


def decode(frame: str | bytes) -> Message:
    """Read one frame.

    Raises `ProtocolError`: `too_big`, `unsupported` for a type or a kind of frame that is not
    known, `bad_message` for anything else that is no message.
    """
    if isinstance(frame, bytes):
        raise ProtocolError(ErrorCode.UNSUPPORTED, "binary frames carry nothing yet")
    try:
        if _too_big(frame):
            raise ProtocolError(
                ErrorCode.TOO_BIG, f"the frame is longer than {MAX_TEXT_FRAME} bytes"
            )
        message = MESSAGE.validate_json(frame)
        if _SUSPICIOUS.search(frame):
            json.loads(frame, parse_constant=_finite, parse_float=_finite)
    except ValidationError as error:
        raise _refusal(error) from None
    except (ValueError, RecursionError) as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"the frame is not JSON: {error}") from None
    return message


def _too_big(text: str) -> bool:
    """Say whether a text is too long for a frame; `ValueError` for a lone surrogate."""
    if len(text) > MAX_TEXT_FRAME:
        return True
    return not text.isascii() and len(text.encode()) > MAX_TEXT_FRAME


def _finite(number: str) -> float:
    """Read a number; `ValueError` if it is none, or greater than any."""
    if math.isfinite(value := float(number)):
        return value
    raise ValueError("a number is not finite")


def _refusal(error: ValidationError) -> ProtocolError:
    """Say in one line what was wrong, without repeating what was sent (it may be private)."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "union_tag_invalid":
        tag = json.dumps(str(first["ctx"]["tag"])[:40])
        return ProtocolError(ErrorCode.UNSUPPORTED, f"the message type {tag} is not known")
    where = ".".join(str(part)[:40] for part in first["loc"]) or "message"
    return ProtocolError(ErrorCode.BAD_MESSAGE, f"{where}: {first['msg']}"[:500])
