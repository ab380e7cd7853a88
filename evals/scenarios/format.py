"""The scenario format: every key, verb and expectation, as models that refuse what is unknown."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

DEFAULT_WITHIN = 5.0
"""Seconds of real time within which a step has to settle."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def seconds(text: Any) -> float:
    """Return the seconds of a duration such as `5m`, `1h30m` or `300ms`; `ValueError` if none."""
    parts = _DURATION.findall(text) if isinstance(text, str) else []
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        raise ValueError("a duration is a number with ms, s, m, h or d, for example 5m")
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if total <= 0:
        raise ValueError("a duration must be longer than nothing")
    return total


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"this is not a regular expression: {error}") from None
    return text


Duration = Annotated[float, BeforeValidator(seconds)]
Regex = Annotated[str, AfterValidator(_pattern)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=8000)]
ActionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]
Count = Annotated[int, Field(ge=0)]
States = dict[str, dict[str, Any]]
TaskState = Literal[
    "offered",
    "accepted",
    "asking",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
    "in_doubt",
]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DevicePlan(_Strict):
    """A thing of the virtual home and how it is at first."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=120)]
    name: Name
    kind: Literal["light", "switch", "lock", "cover", "climate", "media", "sensor", "fan", "vacuum"]
    area: Name | None = None
    state: dict[str, Any] = {}


class HomePlan(_Strict):
    """The virtual home."""

    areas: list[Name] = []
    devices: list[DevicePlan] = []


class PersonPlan(_Strict):
    """Somebody of the household."""

    name: Name
    role: Literal["owner", "adult", "child", "guest"]


class EndPlan(_Strict):
    """A device that runs a node."""

    name: Name
    profile: Literal["hub", "laptop", "phone", "wearable", "thin"]
    person: Name | None = None
    area: Name | None = None
    offline: bool = False
    unpaired: bool = False


class ToolCall(_Strict):
    """A call as a model writes it."""

    name: ActionName
    arguments: dict[str, Any] = {}


class ModelTurn(_Strict):
    """What a scripted model returns once."""

    text: str | None = None
    tool_calls: list[ToolCall] = []
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None


class Ear(_Strict):
    """One end that heard the wake word."""

    end: Name
    at_ms: Annotated[float, Field(ge=0)] = 0
    level_db: float | None = None
    clarity: Annotated[float, Field(ge=0, le=1)] | None = None
    touched: bool = False


class CallVerb(_Strict):
    """A task made directly."""

    action: ActionName
    args: dict[str, Any] = {}
    from_: Name = Field(alias="from")
    on: Name | None = None


class MoveVerb(_Strict):
    """A conversation carries on elsewhere."""

    conversation_of: Name
    to: Name


class AnswerVerb(_Strict):
    """A yes or a no to the question that waits."""

    on: Name
    as_: Name | None = Field(default=None, alias="as")


class CancelVerb(_Strict):
    """A task is called off."""

    task: Literal["latest"]
    from_: Name = Field(alias="from")


class RememberVerb(_Strict):
    """Something is put into memory."""

    text: Text
    person: Name | None = None
    scope: Literal["private", "household", "device"] = "private"
    on: Name


class ForgetVerb(_Strict):
    """Something is taken out of memory."""

    matches: Regex
    person: Name | None = None
    on: Name


class Words(_Strict):
    """Words at an end: some that match, none that match `lacks`."""

    on: Name
    matches: Regex | None = None
    lacks: Regex | None = None


class Shown(_Strict):
    """A question or a notification at an end."""

    on: Name
    matches: Regex | None = None


class TaskSeen(_Strict):
    """Tasks since the scenario's start; without `count` at least one."""

    action: ActionName
    on: Name | None = None
    state: TaskState | None = None
    count: Count | None = None


class MemorySeen(_Strict):
    """What a node's memory has and has not."""

    on: Name
    has: Regex | None = None
    hasnt: Regex | None = None
    person: Name | None = None


class Holder(_Strict):
    """Which end has the floor of a person's conversation."""

    on: Name
    holder_of: Name


class Expect(_Strict):
    """What a step must bring about, or must not; usually one key, and all that are given hold."""

    state: States | None = None
    reply: Words | None = None
    silent: list[Name] | None = None
    route: Literal["reflex", "local", "brain", "flagship"] | None = None
    task: TaskSeen | None = None
    effects: dict[str, Count] | None = None
    asked: Shown | None = None
    notified: Shown | None = None
    ringing: list[Name] | None = None
    memory: MemorySeen | None = None
    conversation: Holder | None = None
    awake: Name | None = None
    error: Code | None = None
    why: Regex | None = None
    audit: Literal["ok", "broken"] | None = None
    nothing_lost: Literal[True] | None = None

    def kinds(self) -> list[str]:
        """Return the names of the expectations that are given."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


class Step(_Strict):
    """One verb with what belongs to it, how long it may take, and what it must bring about."""

    say: Text | None = None
    on: Name | None = None
    as_: Name | None = Field(default=None, alias="as")
    wake: list[Ear] | None = None
    touch: Name | None = None
    call: CallVerb | None = None
    move: MoveVerb | None = None
    approve: AnswerVerb | None = None
    deny: AnswerVerb | None = None
    cancel: CancelVerb | None = None
    stop: Name | None = None
    kill: Name | None = None
    start: Name | None = None
    cut: Annotated[list[Name], Field(min_length=2, max_length=2)] | None = None
    heal: Annotated[list[Name], Field(min_length=2, max_length=2)] | None = None
    sleep: Name | None = None
    wake_up: Name | None = None
    revoke: Name | None = None
    advance: Duration | None = None
    set_: States | None = Field(default=None, alias="set")
    remember: RememberVerb | None = None
    forget: ForgetVerb | None = None
    attack: (
        Literal[
            "unpaired_hello",
            "stolen_roster",
            "replay_frame",
            "bad_signature",
            "huge_frame",
            "stale_epoch",
            "wrong_code",
        ]
        | None
    ) = None
    together: Annotated[list["Step"], Field(min_length=1)] | None = None
    within: Duration | None = None
    expect: list[Expect] = []

    def verbs(self) -> list[str]:
        """Return the verbs that are given, as the file writes them; a right step has one."""
        fields = (name for name in type(self).model_fields if name not in _NO_VERBS)
        return [name.rstrip("_") for name in fields if getattr(self, name) is not None]

    @property
    def verb(self) -> str:
        """The step's verb."""
        return self.verbs()[0]

    def flat(self) -> list["Step"]:
        """Return the steps that act: itself, or all those within `together`."""
        if self.together is None:
            return [self]
        return [each for step in self.together for each in step.flat()]

    def expected(self) -> list[Expect]:
        """Return what the step and its parts must bring about."""
        inside = [each for part in self.together or [] for each in part.expected()]
        return inside + self.expect

    def longest(self) -> float:
        """Return the seconds in which the step must settle: its own, else the parts' longest."""
        if self.within is not None:
            return self.within
        if self.together is not None:
            return max(each.longest() for each in self.together)
        return DEFAULT_WITHIN


_NO_VERBS = frozenset({"on", "as_", "within", "expect"})


class Scenario(_Strict):
    """A whole file."""

    scenario: Text
    home: HomePlan | None = None
    people: list[PersonPlan] = []
    ends: list[EndPlan] = []
    model: Name = "none"
    script: list[ModelTurn] = []
    local_script: dict[str, list[ModelTurn]] = {}
    must_be_refused: bool = False
    steps: Annotated[list[Step], Field(min_length=1)]

    def end(self, name: str) -> EndPlan | None:
        """Return the end of this name, if there is one."""
        return next((each for each in self.ends if each.name == name), None)


Step.model_rebuild()
