"""The virtual home's file: one transaction a command, and what is kept between runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.folder import ConfigError
from manyends.protocol.messages import HomeCommand
from manyends.skills.home.description import complete
from manyends.skills.home.model import Device, HomeView, Kind
from manyends.skills.home.store import KEPT_MS, HomeStore

LAMP = Device(id="lamp", name="lamp", kind=Kind.LIGHT)
HOME = complete((), (LAMP, Device(id="door", name="door", kind=Kind.LOCK)), "test")


@contextmanager
def opened(path: Path | str, home: HomeView = HOME, now_ms: int = 0) -> Iterator[HomeStore]:
    store = HomeStore(Path(path), home, now_ms)
    try:
        yield store
    finally:
        store.close()


def command(key: str, action: str = "light.turn_on", **args: Any) -> HomeCommand:
    device = "door" if action.startswith("lock") else "lamp"
    return HomeCommand(id="1", key=key, device=device, action=action, args=args)


def lamp(store: HomeStore) -> Device:
    found = store.view().device("lamp")
    assert found is not None
    return found


def test_a_key_stands_for_one_command_only(tmp_path: Path) -> None:
    with opened(tmp_path / "h.db") as store:
        assert store.command(command("k"), 0).outcome.ok
        other = store.command(command("k", "light.turn_off"), 0)
        assert not other.outcome.ok and "another command" in other.outcome.error
        assert lamp(store).state["power"] == "on"


def test_a_refused_command_leaves_no_trace(tmp_path: Path) -> None:
    with opened(tmp_path / "h.db") as store:
        assert not store.command(command("k", "light.explode"), 0).outcome.ok
        assert store.find("k") is None and store.counts() == ({}, 0)
        assert store.command(command("k"), 0).outcome.ok


def test_a_write_that_fails_changes_nothing_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    with opened(tmp_path / "h.db") as store:
        with monkeypatch.context() as broken:
            broken.setattr(HomeStore, "_count", fail)  # the last statement of the transaction
            with pytest.raises(ProtocolError) as failed:
                store.command(command("k"), 0)
        assert failed.value.code is ErrorCode.STORAGE
        assert store.find("k") is None and lamp(store).state["power"] == "off"
    with opened(tmp_path / "h.db") as store:
        assert store.find("k") is None and lamp(store).changes == 0


def test_a_device_that_became_another_kind_starts_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "h.db") as store:
        store.command(command("k"), 0)
    other = complete((), (Device(id="lamp", name="lamp", kind=Kind.COVER),), "test")
    with opened(tmp_path / "h.db", other) as store:
        assert lamp(store).state == {"position": 0} and lamp(store).changes == 1


def test_outcomes_are_kept_for_a_month(tmp_path: Path) -> None:
    with opened(tmp_path / "h.db") as store:
        store.command(command("old"), 0)
        store.command(command("new"), 2)
    with opened(tmp_path / "h.db", now_ms=KEPT_MS + 1) as store:
        assert store.find("old") is None and store.find("new") is not None
        assert store.counts()[0] == {"light.turn_on": 2}


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be used"), opened(tmp_path / "no" / "h.db"):
        pass


_ACTIONS = ["light.turn_on", "light.turn_off", "lock.unlock", "lock.lock", "light.explode"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(_ACTIONS), st.booleans()), max_size=15
    )
)
def test_it_agrees_with_a_plain_count(steps: list[tuple[str, str, bool]]) -> None:
    """Commands under few keys, by hand in between: each key has one effect, in the first's way."""
    done: dict[str, str] = {}
    effects: dict[str, int] = {}
    repeats = 0
    with opened(":memory:") as store:
        for key, action, by_hand in steps:
            outcome = store.command(command(key, action), 0).outcome
            if key in done:
                repeats += done[key] == action
                assert outcome.ok == (done[key] == action)
            elif action != "light.explode":
                done[key] = action
                effects[action] = effects.get(action, 0) + 1
                assert outcome.ok and outcome.device
            if by_hand:
                store.hand("lamp", {"brightness": len(done)})
        assert store.counts() == (effects, repeats)
        assert {key for key in "abcdef" if store.find(key)} == set(done)
