"""Every message of `manyends/1`: one JSON object a frame, told apart by its `type`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .errors import ErrorCode, Retry
from .ids import DeviceId, TurnId
from .numbers import Count, Flag, Millis, Whole
from .ops import MAX_BATCH, Op, Vector

VERSION = 1
SUBPROTOCOL = "manyends.1"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Challenge(_Message):
    """The server speaks first: who it is, a nonce to sign, and the household's time."""

    type: Literal["challenge"] = "challenge"
    versions: list[Count] = Field(min_length=1, max_length=16)
    device: DeviceId
    nonce: str = Field(min_length=22, max_length=64)
    time: Millis = Field(description="as the server has it")


class Hello(_Message):
    """The client answers: its device, its own nonce, and its signature over both."""

    type: Literal["hello"] = "hello"
    version: Count
    device: DeviceId
    nonce: str = Field(min_length=22, max_length=64)
    signature: str = Field(max_length=128)
    software: str = Field(default="", max_length=80)


class Welcome(_Message):
    """The server proves itself in turn; the link is open."""

    type: Literal["welcome"] = "welcome"
    signature: str = Field(max_length=128)
    link: str = Field(max_length=64, description="names this link in both sides' records")


class Vectors(_Message):
    """What the sender has of the feeds that it holds; the other side sends what is missing."""

    type: Literal["vectors"] = "vectors"
    feeds: Vector


class Ops(_Message):
    """Ops for the receiver, oldest first. `more` says that others of this lot follow."""

    type: Literal["ops"] = "ops"
    ops: list[Op] = Field(max_length=MAX_BATCH)
    more: Flag = False


class Ack(_Message):
    """These are on the sender's disk."""

    type: Literal["ack"] = "ack"
    feeds: Vector


class Ping(_Message):
    """Are you there?"""

    type: Literal["ping"] = "ping"
    id: Whole


class Pong(_Message):
    """Yes."""

    type: Literal["pong"] = "pong"
    id: Whole


class Error(_Message):
    """Something was wrong; `retry` says what the receiver may do."""

    type: Literal["error"] = "error"
    code: ErrorCode
    reason: str = Field(default="", max_length=2000)
    retry: Retry
    re: str = Field(default="", max_length=80, description="the id that the error answers, if any")


class Bye(_Message):
    """The sender closes the link in good order."""

    type: Literal["bye"] = "bye"
    reason: str = Field(default="", max_length=200)


class Presence(_Message):
    """From the serving node: which devices have a link now. Passing."""

    type: Literal["presence"] = "presence"
    online: list[DeviceId] = Field(max_length=1000)


class TurnDelta(_Message):
    """A piece of an answer while it is being written. Passing; the op `turn.answered` counts."""

    type: Literal["turn.delta"] = "turn.delta"
    turn: TurnId
    to: DeviceId
    text: str = Field(max_length=8000)


class HomeCommand(_Message):
    """To the home: carry this out, once for each key."""

    type: Literal["home.command"] = "home.command"
    id: str = Field(max_length=80, description="answers carry it")
    key: str = Field(max_length=80)
    device: str = Field(max_length=120)
    action: str = Field(max_length=80)
    args: dict[str, Any] = {}
    unchanged: Whole | None = Field(
        default=None, description="only if the device's change counter still has this value"
    )


class HomeRead(_Message):
    """To the home: was the command of this key carried out? Without a key: how are all things?"""

    type: Literal["home.read"] = "home.read"
    id: str = Field(max_length=80)
    key: str | None = Field(default=None, max_length=80)


class HomeResult(_Message):
    """From the home: what came of a command, or that its key is unknown (`found` false)."""

    type: Literal["home.result"] = "home.result"
    id: str = Field(max_length=80)
    found: Flag = True
    ok: Flag = True
    error: str = Field(default="", max_length=500)
    device: dict[str, Any] | None = None
    before: dict[str, Any] = {}


class HomeState(_Message):
    """From the home: its areas and devices; all of them after `home.read`, else the changed."""

    type: Literal["home.state"] = "home.state"
    id: str = Field(default="", max_length=80)
    areas: list[str] = Field(default=[], max_length=500)
    devices: list[dict[str, Any]] = Field(default=[], max_length=5000)
    complete: Flag = False


Message = Annotated[
    Challenge
    | Hello
    | Welcome
    | Vectors
    | Ops
    | Ack
    | Ping
    | Pong
    | Error
    | Bye
    | Presence
    | TurnDelta
    | HomeCommand
    | HomeRead
    | HomeResult
    | HomeState,
    Field(discriminator="type"),
]

MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
"""Reads and describes any message."""
