"""Messages to text frames and back, with the limits that every frame must keep."""

import json
from typing import Any

from pydantic import ValidationError

from .errors import ErrorCode, ProtocolError
from .messages import MESSAGE, Message

MAX_TEXT_FRAME = 256 * 1024
"""Bytes of a JSON frame."""


def encode(message: Message) -> str:
    """Write a message as one text frame.

    Raises `ProtocolError` `too_big` if it would be longer than any peer takes.
    """
    text = message.model_dump_json(exclude_none=True)
    if len(text) > MAX_TEXT_FRAME or len(text.encode()) > MAX_TEXT_FRAME:
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
    if len(frame) > MAX_TEXT_FRAME:
        raise ProtocolError(ErrorCode.TOO_BIG, f"the frame is longer than {MAX_TEXT_FRAME} bytes")
    try:
        return MESSAGE.validate_json(frame)
    except ValidationError as error:
        raise _refusal(error) from None
    except (ValueError, RecursionError) as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"the frame is not JSON: {error}") from None


def _refusal(error: ValidationError) -> ProtocolError:
    """Say in one line what was wrong, without repeating what was sent (it may be private)."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "union_tag_invalid":
        tag = json.dumps(str(first["ctx"]["tag"])[:40])
        return ProtocolError(ErrorCode.UNSUPPORTED, f"the message type {tag} is not known")
    where = ".".join(str(part)[:40] for part in first["loc"]) or "message"
    return ProtocolError(ErrorCode.BAD_MESSAGE, f"{where}: {first['msg']}"[:500])
