"""A household to speak in, and what is understood there in short words."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from manyends.endpoints.reflex.resolution import (
    Act,
    Answer,
    Command,
    Context,
    Part,
    Question,
    Refusal,
    Resolution,
)
from manyends.endpoints.reflex.resolve import Reflex
from manyends.protocol.roster import Person, Profile, Role, Roster, RosterEntry
from manyends.skills.home.model import Device, HomeView, Kind


def identity(kind: str, name: str) -> str:
    """Return an id that can be read in a failing test."""
    return f"{kind}_{name.replace(' ', '')}{'a' * 16}"[: len(kind) + 17]


def thing(known_as: str, name: str, area: str | None, *aliases: str, **state: Any) -> Device:
    """Return a device whose kind is the first word of its id."""
    return Device(
        id=known_as,
        name=name,
        kind=Kind(known_as.split(".")[0]),
        area=area,
        aliases=aliases,
        state=state,
    )


HOME = HomeView(
    areas=("kitchen", "bedroom", "living room", "hall", "study"),
    devices=(
        thing("light.kitchen", "kitchen light", "kitchen", power="off"),
        thing("light.bedroom", "bedroom light", "bedroom", power="on", brightness=60),
        thing("light.living", "living room lamp", "living room", power="on", brightness=100),
        thing("light.salt", "salt and pepper lamp", "living room", power="off"),
        thing("switch.kitchen", "kitchen switch", "kitchen", "kettle", power="off"),
        thing("climate.home", "heating", "living room", mode="heat", target=19),
        thing("lock.front", "front door", "hall", locked=True),
        thing("cover.bed", "bedroom blinds", "bedroom", position=70),
        thing("fan.bed", "ceiling fan", "bedroom", power="off", speed=50),
        thing("media.radio", "radio", "kitchen", playing=False, volume=30),
        thing("media.tv", "tv", "living room", "telly", playing=True, volume=40, item="news"),
        thing("sensor.out", "outside temperature", None, value=12, unit="degrees"),
        thing("vacuum.robby", "Robby", "hall", status="docked"),
    ),
)
ANA = Person(id=identity("person", "ana"), name="Ana", role=Role.OWNER)
BEN = Person(id=identity("person", "ben"), name="Ben", role=Role.ADULT)


def end(
    name: str, profile: Profile, person: Person | None = None, area: str | None = None
) -> RosterEntry:
    """Return a device of the household."""
    owner = person.id if person else None
    return RosterEntry(id=identity("device", name), name=name, profile=profile, person=owner,
                       area=area, device_key="")  # fmt: skip


ROSTER = Roster(
    household=identity("household", "h"),
    people=(ANA, BEN),
    devices=(
        end("brain", Profile.BRAIN),
        end("kitchen hub", Profile.HUB, area="kitchen"),
        end("bedroom hub", Profile.HUB, area="bedroom"),
        end("laptop", Profile.LAPTOP, ANA),
        end("watch", Profile.WEARABLE, ANA),
        end("ben phone", Profile.PHONE, BEN),
    ),
)


def context(on: str = "kitchen hub", **known: Any) -> Context:
    """Return what is known when something is said there."""
    roster = known.pop("roster", ROSTER)
    device = roster.named(on)
    person = known.pop("person", roster.person(device.person))
    return Context(home=known.pop("home", HOME), roster=roster, device=device, person=person,
                   **known)  # fmt: skip


def short(part: Part) -> str:
    """Return a part as one line: the action and what it is done to, or the words."""
    match part:
        case Act():
            values = [str(value) for value in part.call.args.values() if value is not None]
            return " ".join([part.call.action, *values])
        case Command():
            return part.verb.upper()
        case Question():
            return part.text
        case Answer() | Refusal():
            return f"{type(part).__name__}: {part.text}"


Understand = Callable[..., list[str]]


@pytest.fixture(scope="session")
def reflex() -> Reflex:
    return Reflex()


@pytest.fixture
def resolve(reflex: Reflex) -> Callable[..., Resolution]:
    """Resolve an utterance said somewhere in the household."""
    return lambda said, on="kitchen hub", **known: reflex.resolve(said, context(on, **known))


@pytest.fixture
def understand(reflex: Reflex) -> Understand:
    """Resolve an utterance and give its parts as short lines; none if it is not understood."""

    def run(said: str, on: str = "kitchen hub", **known: Any) -> list[str]:
        return [short(part) for part in reflex.resolve(said, context(on, **known)).parts]

    return run


@pytest.fixture(scope="session")
def household() -> SimpleNamespace:
    """The household and what another one can be made of."""
    return SimpleNamespace(home=HOME, roster=ROSTER, ana=ANA, ben=BEN, thing=thing, end=end,
                           context=context)  # fmt: skip
