"""May this be done? One pure function that answers yes, ask or no, always with its reason.

The rules are a table, read from the top; the first that fits decides. A claim ("this is Ana", said
to a shared device) can ask for things, but never says yes to them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from manyends.protocol.ids import PersonId
from manyends.protocol.roster import Person, Role, Roster, RosterEntry
from manyends.protocol.task import Risk

from .phrases import begin, joined, the


class Verdict(StrEnum):
    """What the policy says."""

    YES = "yes"
    ASK = "ask"
    NO = "no"


class Origin(StrEnum):
    """Whether a person said just this, or a plan came to it."""

    PERSON = "person"
    PLAN = "plan"


@dataclass(frozen=True)
class Request:
    """Somebody, on some device, wants an action done."""

    roster: Roster
    device: RosterEntry
    """The device that was spoken to."""
    person: Person | None
    claimed: bool
    """The person was only claimed, not proved."""
    action: str
    risk: Risk
    args: dict[str, Any]
    origin: Origin = Origin.PERSON
    taint: tuple[str, ...] = ()
    """Sources from outside that the plan has read."""
    now_ms: int = 0

    @property
    def own(self) -> bool:
        """Whether the person is proved to be who they are: on a device of theirs, unclaimed."""
        return self.person is not None and not self.claimed and self.device.person == self.person.id

    @property
    def who(self) -> str:
        """The person in words."""
        if self.person is None:
            return f"somebody at {the(self.device.name)}"
        return self.person.name


class Decision(NamedTuple):
    """The verdict, the reason in a sentence, and for `ask` whose yes is needed (any of them)."""

    verdict: Verdict
    reason: str
    asks: tuple[PersonId, ...] = ()


class Approval(NamedTuple):
    """Whether a yes or no of this person on this device counts, and why."""

    ok: bool
    reason: str


def _stranger(request: Request) -> bool:
    return request.roster.device(request.device.id) is None


def _role(*roles: Role) -> Callable[[Request], bool]:
    return lambda request: request.person is not None and request.person.role in roles


def _nobody_to_ask(request: Request) -> bool:
    return not _askable_owners(request.roster)


def _askable_owners(roster: Roster) -> tuple[Person, ...]:
    """Return the owners who have a device to answer on."""
    return tuple(each for each in roster.owners() if roster.own_devices(each.id))


def _owner_is_asked(why: str) -> Callable[[Request], Decision]:
    def ask(request: Request) -> Decision:
        owners = _askable_owners(request.roster)
        names = joined([each.name for each in owners])
        are = "is" if len(owners) == 1 else "are"
        reason = f"{begin(request.who)} {why}, so {names} {are} asked about {_what(request)}."
        return Decision(Verdict.ASK, reason, tuple(each.id for each in owners))

    return ask


def _asks_themself(request: Request) -> Decision:
    assert request.person is not None
    reason = f"{request.who} may allow {_what(request)}, and is asked first."
    return Decision(Verdict.ASK, reason, (request.person.id,))


def _what(request: Request) -> str:
    """Name the action, and what a tainted plan has read."""
    if not request.taint:
        return request.action
    return f"{request.action}, which came up after reading {joined(request.taint)}"


def _says(verdict: Verdict, sentence: str) -> Callable[[Request], Decision]:
    return lambda request: Decision(
        verdict,
        begin(
            sentence.format(who=request.who, device=the(request.device.name), what=_what(request))
        ),
    )


_RULES: tuple[tuple[Callable[[Request], bool], Callable[[Request], Decision]], ...] = (
    (_stranger, _says(Verdict.NO, "{device} does not belong to this household.")),
    (
        lambda request: request.risk is Risk.READ,
        _says(Verdict.YES, "{who} may look, as anybody of the household may."),
    ),
    (
        lambda request: request.risk is Risk.LOW,
        _says(Verdict.YES, "{who} may do this: {what} does little harm."),
    ),
    (_role(Role.GUEST), _says(Verdict.NO, "{who} is a guest, and a guest may not do {what}.")),
    (lambda request: request.own and _role(Role.OWNER, Role.ADULT)(request), _asks_themself),
    (
        _nobody_to_ask,
        _says(Verdict.NO, "No owner has a device to answer on, so nobody can allow {what}."),
    ),
    (_role(Role.CHILD), _owner_is_asked("is a child")),
    (
        lambda request: request.person is not None and request.claimed,
        _owner_is_asked("was only claimed to be speaking"),
    ),
    (
        lambda request: request.person is not None,
        _owner_is_asked("is not on a device of their own"),
    ),
    (lambda request: True, _owner_is_asked("may not allow it")),
)
"""What fits, and what is then decided. Below the third rule everything is of high risk."""


def decide(request: Request) -> Decision:
    """Say whether the request may be carried out, needs somebody's yes, or is refused."""
    return next(rule(request) for fits, rule in _RULES if fits(request))


def may_approve(
    roster: Roster,
    person: PersonId | None,
    device: RosterEntry,
    action: str,
    risk: Risk,
    *,
    asker: PersonId | None,
    claimed: bool,
) -> Approval:
    """Say whether this person's yes (or no), given on this device, counts for an action.

    `asker` is the person for whom it would be done, `claimed` whether that was only claimed.
    """
    known = roster.person(person)
    if known is None or roster.device(device.id) is None:
        return Approval(False, "Only people and devices of the household can answer.")
    if device.shared:
        return Approval(
            False, f"{begin(the(device.name))} is shared, so nobody is sure who speaks."
        )
    if device.person != known.id:
        return Approval(False, f"{begin(the(device.name))} is not a device of {known.name}'s.")
    if known.role is Role.OWNER or risk is not Risk.HIGH:
        return Approval(True, f"{known.name} may allow {action}.")
    if known.role is Role.ADULT and known.id == asker and not claimed:
        return Approval(True, f"{known.name} asked for {action} and may allow it.")
    return Approval(False, f"{known.name} may not allow {action}; an owner can.")
