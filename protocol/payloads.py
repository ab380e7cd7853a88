"""What the ops say: one model for each kind of op."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .ids import ConversationId, DeviceId, PersonId, TaskId, TurnId
from .numbers import Count, Flag, Millis
from .roster import Roster
from .task import Call, Event, Grant, Result, Task


class Payload(BaseModel):
    """The content of an op. Unknown fields are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Genesis(Payload):
    """The household begins: its first roster. In the household's feed, written by the brain."""

    roster: Roster


class TaskOffer(Payload):
    """To the keeper's mailbox: keep this task and see it done."""

    task: Task


class TaskLease(Payload):
    """To the target's mailbox: run this task under its epoch."""

    task: Task


class TaskUpdate(Payload):
    """To the keeper's mailbox: what happened to the task at its worker, in order."""

    task: TaskId
    custody: Count
    lease: Count
    events: list[Event]
    result: Result | None = None


class TaskState(Payload):
    """To the person's feed (for nobody: the household's): the task as its keeper now has it."""

    task: Task


class TaskReport(Payload):
    """To the asker's mailbox: the task as its keeper now has it."""

    task: Task


class TaskCancel(Payload):
    """To the keeper's mailbox: this task is not wanted any more."""

    task: TaskId
    by: DeviceId


class TaskStop(Payload):
    """To the worker's mailbox, from the keeper: do not begin this task."""

    task: TaskId


class TaskSettle(Payload):
    """To the worker's mailbox: a person says what became of a task in doubt."""

    task: TaskId
    by: DeviceId
    done: Flag


class AskOpen(Payload):
    """To the feed of a person with the right: may this be done?"""

    task: Task
    text: str = Field(max_length=2000)
    expires: Millis


class AskClosed(Payload):
    """To the same feed: the question needs no answer any more."""

    task: TaskId


class GrantGiven(Payload):
    """To the worker's mailbox: yes, with this grant."""

    grant: Grant


class GrantRefused(Payload):
    """To the worker's mailbox: no."""

    task: TaskId
    person: PersonId
    device: DeviceId


class Route(StrEnum):
    """Which tier answered a turn."""

    REFLEX = "reflex"
    LOCAL = "local"
    BRAIN = "brain"
    FLAGSHIP = "flagship"


class TurnCall(Payload):
    """One call of a turn, what the policy said of it and why, and the task it became."""

    call: Call
    verdict: str
    reason: str
    task: TaskId | None = None


class TurnOpened(Payload):
    """To the person's feed: what was said where, on disk before anything is done about it."""

    turn: TurnId
    conversation: ConversationId
    device: DeviceId
    person: PersonId | None = None
    claimed: Flag = False
    utterance: str = Field(max_length=8000)
    at: Millis
    trace: str = ""


class TurnClosed(Payload):
    """To the person's feed: what was answered, by which route and why."""

    turn: TurnId
    route: Route
    reasons: list[str] = []
    calls: list[TurnCall] = []
    reply: str = ""
    at: Millis


class TurnAsked(Payload):
    """To the serving node's mailbox: answer this, the end can't by itself."""

    turn: TurnOpened
    history: list[tuple[str, str]] = Field(
        default=[], description="earlier utterances of the conversation with their replies"
    )


class TurnAnswered(Payload):
    """To the asker's mailbox: the serving node's answer."""

    turn: TurnId
    route: Route
    reasons: list[str] = []
    calls: list[TurnCall] = []
    text: str


class RecordPut(Payload):
    """A skill's record, new or changed."""

    collection: str = Field(max_length=60)
    id: str = Field(max_length=120)
    data: dict[str, Any]


class RecordDrop(Payload):
    """A skill's record is no more."""

    collection: str = Field(max_length=60)
    id: str = Field(max_length=120)


PAYLOADS: dict[str, type[Payload]] = {
    "roster.genesis": Genesis,
    "task.offer": TaskOffer,
    "task.lease": TaskLease,
    "task.update": TaskUpdate,
    "task.state": TaskState,
    "task.report": TaskReport,
    "task.cancel": TaskCancel,
    "task.stop": TaskStop,
    "task.settle": TaskSettle,
    "ask.open": AskOpen,
    "ask.closed": AskClosed,
    "grant.given": GrantGiven,
    "grant.refused": GrantRefused,
    "turn.opened": TurnOpened,
    "turn.closed": TurnClosed,
    "turn.asked": TurnAsked,
    "turn.answered": TurnAnswered,
    "record.put": RecordPut,
    "record.drop": RecordDrop,
}
"""Every kind of op that this version understands; others are kept and passed on unread."""

KINDS: dict[type[Payload], str] = {model: kind for kind, model in PAYLOADS.items()}
