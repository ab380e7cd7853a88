"""Who belongs to the household, and which feeds each device may hold."""

import pytest
from pydantic import ValidationError
from tests.protocol.household import ANA, BRAIN, HUB, LAPTOP, PHONE, ROSTER, STRANGER, WATCH
from tests.protocol.properties import check_held_feeds

from manyends.protocol.roster import Person, Profile, Role, Roster, RosterEntry


def test_people_and_devices_are_found_by_id_and_by_name_in_any_case() -> None:
    ana = ROSTER.person(ANA)
    assert ana is not None
    assert ana.name == "Ana"
    assert ROSTER.person_named("ANA") == ana
    assert ROSTER.device(HUB.id) == ROSTER.named("Hub") == HUB
    assert ROSTER.owners() == (ana,)


def test_who_is_not_there_is_not_found() -> None:
    assert ROSTER.person(None) is ROSTER.person_named("zoe") is None
    assert ROSTER.device(STRANGER.id) is ROSTER.named("stranger") is None


def test_a_device_of_nobody_is_shared() -> None:
    assert HUB.shared
    assert not LAPTOP.shared
    assert ROSTER.own_devices(ANA) == (LAPTOP, PHONE, WATCH)
    assert ROSTER.own_devices(None) == ()


def test_nodes_dial_the_brain_first_choice_first_and_never_themselves() -> None:
    second = BRAIN.model_copy(update={"id": "dev_" + "b" * 16, "rank": -1})
    both = ROSTER.model_copy(update={"devices": (*ROSTER.devices, second)})
    assert both.dial_order(HUB.id) == (second, BRAIN)
    assert both.dial_order(second.id) == (BRAIN,)
    assert ROSTER.dial_order(BRAIN.id) == ()


def test_a_device_holds_its_own_mail_the_households_feed_and_its_persons() -> None:
    check_held_feeds()


def test_a_roster_keeps_what_it_does_not_know() -> None:
    text = ROSTER.model_dump_json().replace('"version":1', '"version":1,"motto":"home"')
    assert '"motto":"home"' in Roster.model_validate_json(text).model_dump_json()


def test_names_are_not_empty_and_roles_are_known() -> None:
    with pytest.raises(ValidationError):
        Person(id=ANA, name="", role=Role.OWNER)
    with pytest.raises(ValidationError):
        RosterEntry.model_validate({**HUB.model_dump(), "profile": "toaster"})
    assert {each.value for each in Profile} >= {"brain", "home", "thin"}
