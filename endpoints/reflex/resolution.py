"""What an utterance can turn out to mean, and what is known when it is heard."""

from dataclasses import dataclass, field
from enum import StrEnum

from manyends.protocol.roster import Person, Roster, RosterEntry
from manyends.protocol.task import Call
from manyends.skills.home.model import HomeView


class Verb(StrEnum):
    """What is said to the assistant about its own doings."""

    CANCEL = "cancel"
    """cancel that"""
    RUNNING = "running"
    """what is running"""
    UNDO = "undo"
    """undo that"""
    YES = "yes"
    NO = "no"
    STOP = "stop"
    """silence what rings, or stop talking"""


@dataclass(frozen=True)
class Act:
    """Something to be done. `phrase` names the thing for people, for example "kitchen light"."""

    call: Call
    phrase: str = ""


@dataclass(frozen=True)
class Command:
    """A word about the assistant's own doings."""

    verb: Verb


@dataclass(frozen=True)
class Option:
    """One way to understand an utterance in which several things fit."""

    label: str
    acts: tuple[Act, ...]


@dataclass(frozen=True)
class Question:
    """Several things fit: the words to ask with, and what each answer would do."""

    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Answer:
    """A question that the home's own state answers; nothing is changed."""

    text: str


@dataclass(frozen=True)
class Refusal:
    """Understood, and not possible: what it names is not there or can't do it."""

    text: str


Part = Act | Command | Question | Answer | Refusal


@dataclass(frozen=True)
class Resolution:
    """The parts of an utterance in the order said. No parts: it was not understood."""

    parts: tuple[Part, ...] = ()

    @property
    def understood(self) -> bool:
        """Whether any template fitted."""
        return bool(self.parts)


@dataclass(frozen=True)
class Context:
    """What is known where and when something is said."""

    home: HomeView
    roster: Roster
    device: RosterEntry
    """The device that was spoken to; its area is the default."""
    person: Person | None = None
    question: Question | None = None
    """The question that this conversation has open, which the utterance may answer."""
    last: tuple[str, ...] = field(default=())
    """Ids of the home devices that this conversation touched last, for "it" and "them"."""
