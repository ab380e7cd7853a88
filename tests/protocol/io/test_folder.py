"""A node's state folder: what is written can be read, and what is wrong is said."""

import re
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.household import BRAIN, LAPTOP, ROSTER, STRANGER, identity

from manyends.protocol.identity import Identity
from manyends.protocol.io.folder import ConfigError, NodeConfig, StateFolder, split_address
from manyends.protocol.ops import Op, OpId, write
from manyends.protocol.payloads import Genesis
from manyends.protocol.roster import Profile

CONFIG = NodeConfig(
    name='the "büro" \\ laptop',
    device=LAPTOP.id,
    profile=Profile.LAPTOP,
    listen="127.0.0.1:0",
    peers={BRAIN.id: "[::1]:9000"},
)


def genesis() -> Op:
    body = Genesis(roster=ROSTER).model_dump(mode="json", exclude_none=True)
    place = OpId(BRAIN.id, "household", 1)
    return write(place, "0" * 12 + "-0001", "roster.genesis", body, "s", identity("brain"))


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "node")
    made.create(CONFIG)
    made.found(genesis())
    return made


def test_what_was_written_is_read_back(folder: StateFolder) -> None:
    assert folder.config() == CONFIG
    assert folder.genesis() == genesis()
    assert folder.roster() == ROSTER
    assert folder.entry(CONFIG) == LAPTOP


@given(name=st.text(), address=st.text(min_size=1, max_size=50))
def test_any_name_can_be_written_and_read(name: str, address: str) -> None:
    with tempfile.TemporaryDirectory() as path:
        folder = StateFolder(Path(path))
        peers = {BRAIN.id: f"{address}:1"} if re.fullmatch(".+", address) else {}
        config = CONFIG.model_copy(update={"name": name, "peers": peers})
        folder.configure(config)
        assert folder.config() == config


def test_keys_are_new_for_each_folder_and_only_their_user_can_read_them(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path / "a"), StateFolder(tmp_path / "b")
    public, pin = first.create(CONFIG)
    other, _ = second.create(CONFIG)
    assert public != other
    assert isinstance(first.identity(), Identity)
    assert first.identity().public == public
    assert first.pin() == pin
    for path in (first.path / "identity.key", first.tls):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o700


def test_a_node_that_does_not_listen_has_no_certificate(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    quiet = CONFIG.model_copy(update={"listen": None})
    _, pin = folder.create(quiet)
    assert pin is None
    assert folder.config() == quiet
    with pytest.raises(ConfigError, match="certificate"):
        folder.pin()


def test_a_folder_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="manyends up"):
        StateFolder(tmp_path / "nothing").config()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not TOML"),
        ('nmae = "x"', "'nmae' is not known. Known are: name, device"),
        ('name = "x"', "device: Field required"),
        ('name = "x"\ndevice = "?"\nprofile = "hub"', "device: "),
        (f'name = "x"\ndevice = "{LAPTOP.id}"\nprofile = "hub"\nlisten = "here"', "listen: "),
    ],
)
def test_a_mistake_in_the_configuration_is_said_in_one_line(
    folder: StateFolder, text: str, words: str
) -> None:
    (folder.path / "node.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        folder.config()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_that_others_may_read_is_not_used(folder: StateFolder) -> None:
    (folder.path / "identity.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        folder.identity()


@pytest.mark.parametrize("content", ["", "short", "äöü", "A" * 44])
def test_a_damaged_key_is_not_used(folder: StateFolder, content: str) -> None:
    (folder.path / "identity.key").write_text(content)
    with pytest.raises(ConfigError, match=r"identity\.key"):
        folder.identity()


def test_a_missing_key_or_genesis_is_said(folder: StateFolder) -> None:
    (folder.path / "identity.key").unlink()
    (folder.path / "genesis.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"identity\.key"):
        folder.identity()
    with pytest.raises(ConfigError, match=r"genesis\.json"):
        folder.genesis()
    (folder.path / "genesis.json").unlink()
    with pytest.raises(ConfigError, match=r"genesis\.json"):
        folder.genesis()


def test_a_damaged_certificate_is_said(folder: StateFolder) -> None:
    folder.tls.write_text("no certificate")
    with pytest.raises(ConfigError, match="certificate"):
        folder.pin()


def test_a_device_that_is_not_in_the_roster_is_said(folder: StateFolder) -> None:
    with pytest.raises(ConfigError, match="not in the roster"):
        folder.entry(CONFIG.model_copy(update={"device": STRANGER.id}))


def test_a_genesis_without_a_roster_is_said(folder: StateFolder) -> None:
    folder.found(genesis().model_copy(update={"payload": {}}))
    with pytest.raises(ConfigError, match="roster: Field required"):
        folder.roster()


def test_a_folder_has_one_process_at_a_time(folder: StateFolder) -> None:
    with folder.claimed(), pytest.raises(ConfigError, match="runs already"), folder.claimed():
        pass
    with folder.claimed():
        pass


@pytest.mark.parametrize(
    ("address", "parts"),
    [("localhost:80", ("localhost", 80)), ("[fe80::1%eth0]:9", ("fe80::1%eth0", 9))],
)
def test_an_address_is_a_host_and_a_port(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts
