"""The household's signed list of people and devices, and what each device may hold."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from .ids import HOUSEHOLD, DeviceId, FeedName, HouseholdId, PersonId, device_feed, person_feed
from .numbers import Count, Whole


class Role(StrEnum):
    """What a person is in the household."""

    OWNER = "owner"
    ADULT = "adult"
    CHILD = "child"
    GUEST = "guest"


class Profile(StrEnum):
    """What kind of node a device runs."""

    BRAIN = "brain"
    HOME = "home"
    HUB = "hub"
    LAPTOP = "laptop"
    PHONE = "phone"
    WEARABLE = "wearable"
    THIN = "thin"


NO_REPLICA = frozenset({Profile.HOME, Profile.THIN})
"""Profiles that hold no feed at all."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Person(_Frozen):
    """Somebody of the household."""

    id: PersonId
    name: str = Field(min_length=1, max_length=80)
    role: Role


class RosterEntry(_Frozen):
    """A device of the household. It belongs to a person, to an area, or to the household."""

    id: DeviceId
    name: str = Field(min_length=1, max_length=80)
    profile: Profile
    person: PersonId | None = None
    area: str | None = Field(default=None, max_length=80)
    device_key: str = Field(max_length=64, description="Ed25519 public key")
    tls_key: str | None = Field(
        default=None, max_length=64, description="SHA-256 of the server key; none does not listen"
    )
    rank: Whole = Field(default=0, description="the order in which others dial it, least first")

    @property
    def shared(self) -> bool:
        """Whether the device is nobody's own, so that a speaker is at most claimed."""
        return self.person is None


class Roster(_Frozen):
    """Everybody and everything that belongs, by one version of the list."""

    household: HouseholdId
    version: Count = 1
    people: tuple[Person, ...] = ()
    devices: tuple[RosterEntry, ...] = ()

    def person(self, person: PersonId | None) -> Person | None:
        """Return the person of this id, if there is one."""
        return next((each for each in self.people if each.id == person), None)

    def device(self, device: DeviceId) -> RosterEntry | None:
        """Return the entry of this device, if there is one."""
        return next((each for each in self.devices if each.id == device), None)

    def named(self, name: str) -> RosterEntry | None:
        """Return the device that people call so, in any case."""
        return next((each for each in self.devices if each.name.lower() == name.lower()), None)

    def person_named(self, name: str) -> Person | None:
        """Return the person of this name, in any case."""
        return next((each for each in self.people if each.name.lower() == name.lower()), None)

    def owners(self) -> tuple[Person, ...]:
        """Return the people who own the household."""
        return tuple(each for each in self.people if each.role is Role.OWNER)

    def own_devices(self, person: PersonId | None) -> tuple[RosterEntry, ...]:
        """Return the devices that belong to this person; nobody owns none."""
        return tuple(each for each in self.devices if person and each.person == person)

    def of_profile(self, profile: Profile) -> tuple[RosterEntry, ...]:
        """Return the devices that run this profile, by rank."""
        found = [each for each in self.devices if each.profile is profile]
        return tuple(sorted(found, key=lambda each: each.rank))

    def dial_order(self, me: DeviceId) -> tuple[RosterEntry, ...]:
        """Return whom a node dials, first choice first: the brain.

        An end that serves while the brain is away will stand behind it in this list.
        """
        return tuple(each for each in self.of_profile(Profile.BRAIN) if each.id != me)

    def may_hold(self, device: DeviceId, feed: FeedName) -> bool:
        """Say whether this device may hold the feed.

        The brain holds all; a device its own mailbox, the household's feed, and its person's.
        """
        entry = self.device(device)
        if entry is None or entry.profile in NO_REPLICA:
            return False
        if entry.profile is Profile.BRAIN or feed in (HOUSEHOLD, device_feed(device)):
            return True
        return entry.person is not None and feed == person_feed(entry.person)
