"""A task: one run of an action, handed from device to device, and the table of its states.

Theory of operation. The asker offers; the keeper, the one node that may lease the task, leases it
to the target; the target accepts once the lease is on its disk, asks a person where the policy
wants that, begins and finishes. A `once` effect whose outcome a crash has hidden is `in_doubt`:
nobody runs it again, reading back or a person settles it. The keeper alone moves a task's state,
by the events that others report; everybody else copies what the keeper says, newest epoch first.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from .errors import ErrorCode, ProtocolError
from .identity import canonical, digest
from .ids import DeviceId, GrantId, PersonId, TaskId, TurnId
from .numbers import Count, Flag, Millis, Whole


class Effect(StrEnum):
    """How an action may be repeated: with its row, at any time, or never unasked."""

    STORED = "stored"
    SETTABLE = "settable"
    ONCE = "once"


class Risk(StrEnum):
    """How much harm an action can do."""

    READ = "read"
    LOW = "low"
    HIGH = "high"


class IfOffline(StrEnum):
    """What becomes of a task whose target is away."""

    WAIT = "wait"
    ELSEWHERE = "elsewhere"
    FAIL = "fail"


class State(StrEnum):
    """Where a task stands."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    ASKING = "asking"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    IN_DOUBT = "in_doubt"


class Event(StrEnum):
    """What can happen to a task."""

    ACCEPT = "accept"
    ASK = "ask"
    BEGIN = "begin"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    EXPIRE = "expire"
    DOUBT = "doubt"
    CONFIRM = "confirm"
    REFUTE = "refute"
    RELEASE = "release"


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED})
RESTING = TERMINAL | {State.OFFERED, State.ASKING, State.IN_DOUBT}
"""States in which nothing moves until somebody comes or says something."""

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.OFFERED, Event.ACCEPT): State.ACCEPTED,
    (State.OFFERED, Event.FAIL): State.FAILED,
    (State.OFFERED, Event.CANCEL): State.CANCELLED,
    (State.OFFERED, Event.EXPIRE): State.EXPIRED,
    (State.OFFERED, Event.RELEASE): State.OFFERED,
    (State.ACCEPTED, Event.ASK): State.ASKING,
    (State.ACCEPTED, Event.BEGIN): State.RUNNING,
    (State.ACCEPTED, Event.FAIL): State.FAILED,
    (State.ACCEPTED, Event.CANCEL): State.CANCELLED,
    (State.ACCEPTED, Event.EXPIRE): State.EXPIRED,
    (State.ACCEPTED, Event.RELEASE): State.OFFERED,
    (State.ASKING, Event.BEGIN): State.RUNNING,
    (State.ASKING, Event.FAIL): State.FAILED,
    (State.ASKING, Event.CANCEL): State.CANCELLED,
    (State.ASKING, Event.EXPIRE): State.EXPIRED,
    (State.RUNNING, Event.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.DOUBT): State.IN_DOUBT,
    (State.IN_DOUBT, Event.CONFIRM): State.SUCCEEDED,
    (State.IN_DOUBT, Event.REFUTE): State.FAILED,
}
"""The whole of what is legal; every other pair is refused."""


class Epoch(NamedTuple):
    """A fencing token: who keeps the task, and which lease of it counts. Greater is newer."""

    custody: int
    lease: int


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Grant(_Frozen):
    """A person's yes to one task with just these arguments, used once, for a while."""

    id: GrantId
    task: TaskId
    person: PersonId
    device: DeviceId
    action: str
    args_digest: str
    expires: Millis
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """Return what the approving device signs: every field but the signature."""
        return b"manyends/1 grant\n" + canonical(
            {name: value for name, value in self.known().items() if name != "signature"}
        )

    def known(self) -> dict[str, Any]:
        """Return the fields that this version knows, as JSON."""
        return self.model_dump(mode="json", include=set(type(self).model_fields))


class Result(_Frozen):
    """How a run of an action ended, in words for a person and data for a program."""

    text: str = ""
    error: ErrorCode | None = None
    data: dict[str, Any] = {}
    inverse: "Call | None" = None
    touched: Whole | None = Field(
        default=None, description="the target's change counter afterwards, for a safe undo"
    )


class Call(_Frozen):
    """An action with arguments, before it is anybody's task."""

    action: str = Field(max_length=80)
    args: dict[str, Any] = {}
    target: DeviceId | None = Field(default=None, description="the device that must run it")


class Task(_Frozen):
    """One run of an action. Identity and arguments never change; state and epoch do."""

    id: TaskId
    key: str = Field(max_length=80, description="idempotency key: the same key, the same effect")
    action: str = Field(max_length=80)
    args: dict[str, Any] = {}
    asker: DeviceId
    for_person: PersonId | None = None
    claimed: Flag = Field(default=False, description="the person was only claimed, not proved")
    turn: TurnId | None = None
    undoes: TaskId | None = Field(default=None, description="the task that this one takes back")
    target: DeviceId
    effect: Effect
    risk: Risk
    deadline: Millis
    if_offline: IfOffline = IfOffline.WAIT
    keeper: DeviceId
    custody: Count = 1
    lease: Count = 1
    state: State = State.OFFERED
    version: Count = Field(default=0, description="counts the keeper's changes of state")
    result: Result | None = None
    grant: Grant | None = None

    @property
    def epoch(self) -> Epoch:
        """The fencing token under which a worker may report."""
        return Epoch(self.custody, self.lease)

    @property
    def done(self) -> bool:
        """Whether the state is final."""
        return self.state in TERMINAL

    def newer_than(self, other: "Task") -> bool:
        """Say whether this copy of the same task replaces the other."""
        return (*self.epoch, self.version) > (*other.epoch, other.version)


def args_digest(task_id: TaskId, action: str, args: dict[str, Any]) -> str:
    """Return what a grant is bound to: this task's action with just these arguments."""
    return digest(task_id, {"action": action, "args": args})


def legal(state: State, event: Event) -> bool:
    """Say whether the event may happen in this state."""
    return (state, event) in TRANSITIONS


def advance(task: Task, event: Event, result: Result | None = None) -> Task:
    """Return the task after the event.

    Raises `ProtocolError`: `expired` if the task is already final, `out_of_order` if the event
    may not happen in its state.
    """
    following = TRANSITIONS.get((task.state, event))
    if following is None:
        code = ErrorCode.EXPIRED if task.done else ErrorCode.OUT_OF_ORDER
        raise ProtocolError(code, f"{event} may not happen to a task that is {task.state}")
    changes: dict[str, Any] = {"state": following, "version": task.version + 1}
    if event is Event.RELEASE:
        changes["lease"] = task.lease + 1
    if result is not None:
        changes["result"] = result
    return task.model_copy(update=changes)


def report(task: Task, epoch: Epoch, events: list[Event], result: Result | None) -> Task:
    """Return the task after a worker's report: its events in order, the result with the last.

    Raises `ProtocolError`: `stale_epoch` if the report is of an older lease, and what `advance`
    raises.
    """
    if epoch != task.epoch:
        raise ProtocolError(
            ErrorCode.STALE_EPOCH, f"the report is of epoch {tuple(epoch)}, not {tuple(task.epoch)}"
        )
    for event in events:
        task = advance(task, event, result if event is events[-1] else None)
    return task


Result.model_rebuild()
