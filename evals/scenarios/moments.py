"""What the runner records while a step runs: each moment with its time and what was seen."""

from dataclasses import dataclass, field
from typing import Any, Literal

Shown = Literal["reply", "delta", "ring", "notice", "asked"]


@dataclass(frozen=True)
class Said:
    """Words at an end. A `delta` carries all of its turn's pieces so far."""

    at: float
    end: str
    kind: Shown
    text: str
    turn: str = ""


@dataclass(frozen=True)
class RingingIs:
    """Which ends ring from now on."""

    at: float
    ends: frozenset[str]


@dataclass(frozen=True)
class StateIs:
    """A device's whole state from now on."""

    at: float
    device: str
    state: dict[str, Any]


@dataclass(frozen=True)
class EffectsAre:
    """How often an action was carried out since the scenario's start."""

    at: float
    action: str
    count: int


@dataclass(frozen=True)
class TaskIs:
    """A task's state as somebody told it."""

    at: float
    id: str
    action: str
    on: str
    state: str


@dataclass(frozen=True)
class Routed:
    """Which tier answered a turn."""

    at: float
    end: str
    turn: str
    route: str


@dataclass(frozen=True)
class Erred:
    """An error that a process told."""

    at: float
    who: str
    code: str
    reason: str


Moment = Said | RingingIs | StateIs | EffectsAre | TaskIs | Routed | Erred


@dataclass(frozen=True)
class Baseline:
    """How things stood when the step began."""

    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    effects: dict[str, int] = field(default_factory=dict)
    ringing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TaskRow:
    """A task as the nodes list it."""

    id: str
    action: str
    on: str
    state: str
    age: tuple[int, ...] = ()
    """Greater is newer."""


@dataclass(frozen=True)
class Turn:
    """What was said in this step, and what its request gave back."""

    end: str
    turn: str = ""
    route: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Audit:
    """The answer to `audit_verify`."""

    ok: bool
    entries: int
    reason: str = ""


@dataclass(frozen=True)
class Evidence:
    """All that a verdict is made of."""

    baseline: Baseline = Baseline()
    moments: tuple[Moment, ...] = ()
    tasks: tuple[TaskRow, ...] = ()
    turns: tuple[Turn, ...] = ()
    codes: frozenset[str] = frozenset()
    """Errors with which this step's requests were answered."""
    why: str | None = None
    audit: Audit | None = None
    lost: str | None = "it was not looked at"
    """What is missing somewhere; None if nothing is."""
