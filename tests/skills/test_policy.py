"""The policy: who may do what, who is asked, and whose yes counts."""

import itertools

import pytest

from manyends.protocol.roster import Person, Profile, Role, Roster, RosterEntry
from manyends.protocol.task import Risk
from manyends.skills.policy import Request, Verdict, decide, may_approve

PEOPLE = {
    role: Person(id=f"person_{role:a<16}", name=role.capitalize(), role=role) for role in Role
}
SECOND = Person(id="person_" + "b" * 16, name="Olga", role=Role.OWNER)


def entry(name: str, person: Person | None) -> RosterEntry:
    return RosterEntry(
        id=f"dev_{name:a<16}",
        name=name,
        profile=Profile.PHONE if person else Profile.HUB,
        person=person.id if person else None,
        area=None if person else "kitchen",
        device_key="k",
    )


OWN = {role: entry(role, person) for role, person in PEOPLE.items()}
HUB = entry("hub", None)
ROSTER = Roster(
    household="house_" + "a" * 16,
    people=(*PEOPLE.values(), SECOND),
    devices=(HUB, *OWN.values(), entry("olga", SECOND)),
)
OWNERS = (PEOPLE[Role.OWNER].id, SECOND.id)
ANYBODY: list[Role | None] = [*Role, None]


def request(
    role: Role | None,
    device: RosterEntry,
    risk: Risk,
    claimed: bool = False,
    taint: tuple[str, ...] = (),
    roster: Roster = ROSTER,
) -> Request:
    person = PEOPLE[role] if role else None
    return Request(roster, device, person, claimed, "lock.unlock", risk, {}, taint=taint)


def expected(role: Role | None, where: str, claimed: bool) -> tuple[Verdict, tuple[str, ...]]:
    """What a risky action comes to, said in another way than the rules say it."""
    if role is Role.GUEST:
        return Verdict.NO, ()
    if where == "own" and not claimed and role in (Role.OWNER, Role.ADULT):
        return Verdict.ASK, (PEOPLE[role].id,)
    return Verdict.ASK, OWNERS


@pytest.mark.parametrize(
    ("role", "where", "risk", "claimed"),
    list(itertools.product(ANYBODY, ["own", "another's", "shared"], Risk, [False, True])),
)
def test_every_combination(role: Role | None, where: str, risk: Risk, claimed: bool) -> None:
    another = OWN[Role.ADULT if role is Role.OWNER else Role.OWNER]
    device = {"own": OWN[role] if role else another, "another's": another, "shared": HUB}[where]
    decision = decide(request(role, device, risk, claimed))
    if risk is not Risk.HIGH:
        assert decision.verdict is Verdict.YES and not decision.asks
    else:
        assert (decision.verdict, decision.asks) == expected(role, where, claimed)
    assert decision.reason[0].isupper() and decision.reason.endswith(".")
    if role and decision.verdict is not Verdict.NO:
        assert role.capitalize() in decision.reason


@pytest.mark.parametrize(
    ("role", "device", "claimed", "reason"),
    [
        (Role.GUEST, HUB, True, "Guest is a guest, and a guest may not do lock.unlock."),
        (
            Role.OWNER,
            OWN[Role.OWNER],
            False,
            "Owner may allow lock.unlock, and is asked first.",
        ),
        (
            Role.CHILD,
            OWN[Role.CHILD],
            False,
            "Child is a child, so Owner and Olga is asked about lock.unlock.",
        ),
        (
            Role.ADULT,
            HUB,
            True,
            "Adult was only claimed to be speaking, so Owner and Olga is asked about lock.unlock.",
        ),
        (
            None,
            HUB,
            False,
            "Somebody at the hub may not allow it, so Owner and Olga is asked about lock.unlock.",
        ),
    ],
)
def test_the_reason_is_a_sentence(
    role: Role | None, device: RosterEntry, claimed: bool, reason: str
) -> None:
    assert decide(request(role, device, Risk.HIGH, claimed)).reason == reason.replace(
        "Olga is", "Olga are"
    )


@pytest.mark.parametrize("role", ANYBODY)
def test_a_tainted_plan_asks_and_names_its_source(role: Role | None) -> None:
    device = OWN[role] if role else HUB
    decision = decide(request(role, device, Risk.HIGH, taint=("example.org", "a message")))
    assert decision.verdict is not Verdict.YES
    assert "after reading example.org and a message" in decision.reason


def test_a_device_that_is_not_of_the_household_gets_nothing() -> None:
    stranger = entry("stranger", PEOPLE[Role.OWNER])
    decision = decide(request(Role.OWNER, stranger, Risk.READ))
    assert decision.verdict is Verdict.NO and "stranger" in decision.reason


def test_without_an_owner_who_can_answer_it_is_a_no() -> None:
    lonely = Roster(household=ROSTER.household, people=ROSTER.people, devices=(HUB,))
    decision = decide(request(None, HUB, Risk.HIGH, roster=lonely))
    assert decision.verdict is Verdict.NO and not decision.asks


@pytest.mark.parametrize(
    ("role", "where", "risk", "own_ask", "claimed"),
    list(
        itertools.product(
            ANYBODY, ["own", "another's", "shared"], Risk, [True, False], [True, False]
        )
    ),
)
def test_whose_yes_counts(
    role: Role | None, where: str, risk: Risk, own_ask: bool, claimed: bool
) -> None:
    another = OWN[Role.ADULT if role is Role.OWNER else Role.OWNER]
    device = {"own": OWN[role] if role else another, "another's": another, "shared": HUB}[where]
    person = PEOPLE[role].id if role else None
    asker = person if own_ask else PEOPLE[Role.CHILD].id
    answer = may_approve(ROSTER, person, device, "lock.unlock", risk, asker=asker, claimed=claimed)
    proved = role is not None and where == "own"
    mine = role is Role.ADULT and own_ask and not claimed
    assert answer.ok == (proved and (risk is not Risk.HIGH or role is Role.OWNER or mine))
    assert answer.reason.endswith(".")


def test_a_device_that_was_taken_off_the_roster_approves_nothing() -> None:
    gone = entry("gone", SECOND)
    answer = may_approve(
        ROSTER, SECOND.id, gone, "lock.unlock", Risk.HIGH, asker=None, claimed=False
    )
    assert not answer.ok
