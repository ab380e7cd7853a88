"""Founding a household: what a plan may say, and where its nodes find each other."""

from pathlib import Path

import pytest

from manyends.brain.household import (
    EndPlan,
    HouseholdPlan,
    PersonPlan,
    found,
    move_to,
    route,
)
from manyends.protocol.io.folder import ConfigError, StateFolder
from manyends.protocol.ops import check
from manyends.protocol.roster import Profile

ANA = PersonPlan(name="Ana")
WATCH = EndPlan(name="watch", profile=Profile.WEARABLE, person="Ana")


def plan(*ends: EndPlan) -> HouseholdPlan:
    """Return a plan with these ends."""
    addresses = {"brain": "127.0.0.1:7700"}
    return HouseholdPlan(people=[ANA], ends=list(ends), addresses=addresses)


def test_every_node_has_the_same_roster_signed_by_the_brain(tmp_path: Path) -> None:
    folders = {name: StateFolder(path) for name, path in found(tmp_path, plan(WATCH)).items()}
    brain = folders["brain"]
    genesis = brain.genesis()
    entry = brain.entry(brain.config())
    check(genesis, entry.device_key)
    assert folders["watch"].genesis() == genesis
    assert brain.config().listen == "127.0.0.1:7700"
    assert folders["watch"].config().peers == {entry.id: "127.0.0.1:7700"}
    assert entry.tls_key == brain.pin()
    for path in (brain.path, brain.path / "identity.key", brain.tls):
        assert path.stat().st_mode & 0o077 == 0, path


def test_no_two_devices_have_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two devices are called watch"):
        found(tmp_path, plan(WATCH, WATCH))


def test_a_device_of_nobody_in_the_household_is_refused(tmp_path: Path) -> None:
    stray = EndPlan(name="stray", profile=Profile.PHONE, person="Zoe")
    with pytest.raises(ConfigError, match="belongs to Zoe"):
        found(tmp_path, plan(stray))


def test_a_peer_that_is_not_there_can_not_be_routed_to(tmp_path: Path) -> None:
    folders = found(tmp_path, plan(WATCH))
    with pytest.raises(ConfigError, match="no device called toaster"):
        route(folders["watch"], "toaster", "127.0.0.1:1")


def test_a_brain_that_moves_is_found_by_all(tmp_path: Path) -> None:
    folders = found(tmp_path, plan(WATCH))
    for _ in range(2):
        move_to(folders, {"brain": "127.0.0.1:8800"})
        brain = StateFolder(folders["brain"]).config()
        assert brain.listen == "127.0.0.1:8800"
        peers = StateFolder(folders["watch"]).config().peers
        assert peers == {brain.device: "127.0.0.1:8800"}
