"""`manyends doctor`: the usual troubles, each found and said with what to do."""

import json
import shutil
import socket
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from manyends.cli.doctor import doctor
from manyends.cli.main import main
from manyends.cli.places import read_index
from manyends.cli.ports import hindrance
from manyends.protocol.io.folder import StateFolder

Capture = pytest.CaptureFixture[str]


class Doctor:
    """Examines a household that lies there, and remembers what was found."""

    def __init__(self, household: Path, capsys: Capture) -> None:
        self.household = household
        self._capsys = capsys

    def __call__(self, code: int = 1) -> dict[str, tuple[bool, str]]:
        """Return the findings by what they are about."""
        assert main(["doctor", "--household", str(self.household), "--json"]) == code
        found = json.loads(self._capsys.readouterr().out)
        return {each["about"]: (each["ok"], each["text"]) for each in found}

    def node(self, name: str) -> StateFolder:
        """Return a node's folder."""
        return StateFolder(read_index(self.household)[name])


@pytest.fixture
def examine(still: Path, capsys: Capture) -> Doctor:
    """A doctor for a household of which nothing runs."""
    return Doctor(still, capsys)


def test_a_household_that_runs_is_well(
    running: Path, model_folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANYENDS_MODELS", str(model_folder))
    monkeypatch.setattr("manyends.cli.doctor.FREE_BYTES", 0)
    found = Doctor(running, capsys)(code=0)
    assert all(ok for ok, _ in found.values())
    assert found["watch's process"] == (True, "runs, served by brain")
    assert found["home's process"] == (True, "runs")
    assert found["brain's database"] == (True, "whole")
    assert found["model"] == (True, "smollm2-135m is here and whole")


def test_its_findings_are_lines_of_text(still: Path, capsys: Capture) -> None:
    assert doctor(still, as_json=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "ok  watch: configuration and keys can be used" in lines
    assert "BAD watch's process: does not run. Start it: manyends up" in lines


def test_a_key_that_is_not_known_is_named(examine: Doctor) -> None:
    with (examine.node("watch").path / "node.toml").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(f'colour = "red"\n{text}')
    ok, text = examine()["watch"]
    assert not ok
    assert "the key 'colour' is not known. Known are: name, device" in text


def test_a_file_that_is_not_toml_is_named(examine: Doctor) -> None:
    (examine.node("watch").path / "node.toml").write_text("name = watch")
    found = examine()
    assert "node.toml is not TOML" in found["watch"][1]
    assert "node.toml is not TOML" in found["watch's process"][1]


def test_a_key_file_that_others_may_read_is_named_with_the_cure(examine: Doctor) -> None:
    key = examine.node("laptop").path / "identity.key"
    key.chmod(0o644)
    ok, text = examine()["laptop"]
    assert not ok
    assert text.endswith(f"Close it: chmod 600 {key}")


@pytest.mark.parametrize("name", ["identity.key", "genesis.json", "tls.pem", "node.toml"])
def test_a_missing_file_is_named(examine: Doctor, name: str) -> None:
    (examine.node("brain").path / name).unlink()
    ok, text = examine()["brain"]
    assert not ok
    assert name in text


@pytest.mark.parametrize("name", ["identity.key", "genesis.json", "tls.pem"])
def test_a_damaged_file_is_named(examine: Doctor, name: str) -> None:
    path = examine.node("brain").path / name
    path.write_text("???")
    ok, text = examine()["brain"]
    assert not ok
    assert f"{path} can't be used" in text


def test_a_database_that_is_damaged_is_named(examine: Doctor) -> None:
    examine.node("brain").database.write_bytes(b"no database at all" * 300)
    ok, text = examine()["brain's database"]
    assert not ok
    assert "Put a copy of" in text


def test_a_database_whose_pages_are_damaged_is_named(examine: Doctor) -> None:
    path = examine.node("watch").database
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 900,)] * 50)
    connection.close()
    with path.open("r+b") as file:
        file.seek(4096 + 10)
        file.write(b"\xff" * 2000)
    assert not examine()["watch's database"][0]


def test_a_whole_database_in_a_folder_of_an_odd_name_is_whole(still: Path, capsys: Capture) -> None:
    odd = still.with_name("what? 100% #1")
    shutil.move(still, odd)
    examine = Doctor(odd, capsys)
    connection = sqlite3.connect(examine.node("watch").database)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert examine()["watch's database"] == (True, "whole")


def test_a_port_that_is_taken_is_named(examine: Doctor) -> None:
    listen = examine.node("brain").config().listen
    assert listen is not None
    with socket.create_server(("127.0.0.1", int(listen.rpartition(":")[2]))):
        ok, text = examine()["brain's process"]
    assert not ok
    assert f"{listen} can't be used: Address already in use" in text
    assert "manyends up --port PORT" in text
    assert examine()["brain's process"][1] == "does not run. Start it: manyends up"


def test_an_end_that_does_not_reach_the_brain_is_named(
    examine: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lonely:
        async def ask(self, do: str) -> dict[str, None]:
            return {"serving": None}

        async def close(self) -> None: ...

    async def connect(path: Path) -> Lonely:
        return Lonely()

    monkeypatch.setattr("manyends.cli.doctor.LinesClient.connect", connect)
    assert examine()["watch's process"] == (False, "runs, but does not reach the brain")


def test_a_full_disk_is_said(examine: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**9, 10**9, 5_000_000))
    assert examine()["disk"] == (False, "5 MB are free; make room")


def test_a_missing_model_is_said_with_how_to_fetch_it(
    examine: Doctor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANYENDS_MODELS", str(folder))
    ok, text = examine()["model"]
    assert not ok
    assert "manyends models fetch" in text


def test_no_household_is_a_finding(folder: Path, capsys: Capture) -> None:
    ok, text = Doctor(folder / "none", capsys)()["household"]
    assert not ok
    assert "Start one with: manyends up" in text


@pytest.mark.parametrize("address", ["[::1]:0", "127.0.0.1:0", "localhost:0"])
def test_addresses_of_both_families_can_be_tried(address: str) -> None:
    assert hindrance(address) is None


@pytest.mark.parametrize("address", ["192.0.2.1:7700", "127.0.0.1:99999"])
def test_an_address_that_is_not_ours_is_a_hindrance(address: str) -> None:
    assert hindrance(address)
