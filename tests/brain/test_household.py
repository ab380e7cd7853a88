"""Founding a household: what a plan may say, and where its nodes find each other."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from manyends.brain.household import (
    EndPlan,
    HomePlan,
    HouseholdPlan,
    PersonPlan,
    found,
    move_to,
    route,
)
from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.folder import ConfigError, NodeConfig, StateFolder
from manyends.protocol.ops import check
from manyends.protocol.roster import Profile, Role

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


def test_names_differ_by_more_than_case(tmp_path: Path) -> None:
    """A person says `Watch` or `watch` and means one device."""
    loud = WATCH.model_copy(update={"name": "Watch"})
    with pytest.raises(ConfigError, match="two devices are called Watch, watch"):
        found(tmp_path, plan(WATCH, loud))


@pytest.mark.parametrize("name", ["brain", "home"])
def test_brain_and_home_are_no_names_for_an_end(tmp_path: Path, name: str) -> None:
    taken = plan(EndPlan(name=name, profile=Profile.HUB, area="hall"))
    with pytest.raises(ConfigError, match=f"called {name}"):
        found(tmp_path, taken.model_copy(update={"home": HomePlan()}))


def test_no_two_people_have_one_name(tmp_path: Path) -> None:
    twins = HouseholdPlan(people=[ANA, PersonPlan(name="ana", role=Role.CHILD)], ends=[])
    with pytest.raises(ConfigError, match="two people are called Ana, ana"):
        found(tmp_path, twins)


def test_a_plan_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    stray = EndPlan(name="stray", profile=Profile.PHONE, person="Zoe")
    with pytest.raises(ConfigError):
        found(tmp_path, plan(WATCH, stray))
    assert list(tmp_path.iterdir()) == []


def test_an_end_has_keys_of_its_own_that_only_its_user_can_read(tmp_path: Path) -> None:
    folders = {name: StateFolder(path) for name, path in found(tmp_path, plan(WATCH)).items()}
    watch = folders["watch"]
    assert oct(watch.path.stat().st_mode & 0o777) == "0o700"
    assert oct((watch.path / "identity.key").stat().st_mode & 0o777) == "0o600"
    assert not watch.tls.exists(), "it listens nowhere"
    assert watch.config().listen is None
    entry = watch.entry(watch.config())
    assert entry.device_key == watch.identity().public
    assert entry.device_key != folders["brain"].identity().public
    assert entry.tls_key is None


def test_a_household_with_a_home_describes_it_and_gives_it_a_certificate(tmp_path: Path) -> None:
    home = HomePlan(areas=["hall"], devices=[{"id": "light.hall", "name": "lamp", "kind": "light"}])
    addresses = {"brain": "127.0.0.1:7700", "home": "127.0.0.1:7701", "nobody": "127.0.0.1:1"}
    wanted = plan(WATCH).model_copy(update={"home": home, "addresses": addresses})
    folders = {name: StateFolder(path) for name, path in found(tmp_path, wanted).items()}
    assert list(folders) == ["brain", "watch", "home"]
    state = folders["home"]
    assert json.loads((state.path / "home.json").read_text()) == home.model_dump()
    assert state.entry(state.config()).tls_key == state.pin()
    assert state.pin() != folders["brain"].pin()
    peers = folders["watch"].config().peers
    assert sorted(peers.values()) == ["127.0.0.1:7700", "127.0.0.1:7701"]
    assert state.config().device not in state.config().peers


def test_only_the_brain_has_the_model(tmp_path: Path) -> None:
    wanted = plan(WATCH).model_copy(update={"model": "smollm2-135m"})
    models = {n: StateFolder(path).config().model for n, path in found(tmp_path, wanted).items()}
    assert models == {"brain": "smollm2-135m", "watch": "none"}


def test_people_and_devices_have_their_places_in_the_roster(tmp_path: Path) -> None:
    hub = EndPlan(name="hub", profile=Profile.HUB, area="kitchen")
    folders = found(tmp_path, plan(WATCH, hub))
    roster = StateFolder(folders["hub"]).roster()
    (ana,) = roster.people
    entries = {each.name: each for each in roster.devices}
    assert (ana.name, ana.role) == ("Ana", Role.OWNER)
    assert entries["watch"].person == ana.id
    assert (entries["hub"].area, entries["hub"].shared) == ("kitchen", True)


def test_a_genesis_that_was_changed_is_not_the_brains(tmp_path: Path) -> None:
    state = StateFolder(found(tmp_path, plan(WATCH))["brain"])
    genesis = state.genesis()
    key = state.entry(state.config()).device_key
    payload = {**(genesis.payload or {}), "more": 1}
    with pytest.raises(ProtocolError):
        check(genesis.model_copy(update={"payload": payload}), key)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=80)


@given(NAMES)
@example('the "good" \\ room\'s lamp')
@example("Küche 🍳 'n' # more = \x7f")
def test_any_name_survives_the_configuration_file(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = StateFolder(Path(folder))
        config = NodeConfig(
            name=name,
            device=f"dev_{'a' * 16}",
            profile=Profile.HUB,
            peers={f"dev_{'b' * 16}": "127.0.0.1:1"},
        )
        state.configure(config)
        assert state.config() == config


def test_a_household_of_odd_names_can_be_founded_and_routed(tmp_path: Path) -> None:
    odd = EndPlan(name='Zoë\'s "tab" ⌚', profile=Profile.PHONE, person="Ana")
    folders = found(tmp_path, plan(odd))
    route(folders[odd.name], "BRAIN", "127.0.0.1:9900")
    config = StateFolder(folders[odd.name]).config()
    assert config.name == odd.name
    assert list(config.peers.values()) == ["127.0.0.1:9900"]


def test_a_brain_that_moves_tells_itself_nothing(tmp_path: Path) -> None:
    folders = found(tmp_path, plan(WATCH))
    move_to(folders, {"brain": "127.0.0.1:8800"})
    assert StateFolder(folders["brain"]).config().peers == {}
