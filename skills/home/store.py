"""The virtual home's memory: states, counters and answered commands in one SQLite file.

A command changes all of them in one transaction that is on disk before it is answered, so that a
kill at any moment neither loses an effect nor counts it twice.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlite_utils import Database

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.identity import canonical
from manyends.protocol.io.folder import ConfigError
from manyends.protocol.messages import HomeCommand

from .model import Device, HomeView, Outcome
from .rules import apply, changed, validated

log = logging.getLogger(__name__)

KEPT_MS = 30 * 24 * 3600 * 1000
"""How long the outcome of a key is remembered: longer than any task may wait."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS devices (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, changes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS effects (action TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS repeats (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS commands (
    key TEXT PRIMARY KEY, command TEXT NOT NULL, outcome TEXT NOT NULL, at INTEGER NOT NULL
);
"""


class Carried(NamedTuple):
    """What a command came to: the answer, the devices that changed, and its new count."""

    outcome: Outcome
    changed: tuple[Device, ...] = ()
    counted: int | None = None
    """How often this action had an effect so far; None if this time it had none."""


class HomeStore:
    """Keeps one home. Nothing is changed in memory before it is on disk."""

    def __init__(self, path: Path, home: HomeView, now_ms: int) -> None:
        """Open or make the file; states that it knows replace those of the description.

        Raises `ConfigError` if the file is damaged, in use, or can't be written.
        """
        self._areas = home.areas
        try:
            self._open(path, now_ms)
            kept = {row["id"]: row for row in self._db.query("SELECT * FROM devices")}
        except sqlite3.OperationalError as error:
            raise ConfigError(_unusable(path, error)) from None
        except sqlite3.DatabaseError as error:
            raise ConfigError(
                f"{path} is damaged ({error}). Move it away to begin anew from home.json."
            ) from None
        self._devices = {each.id: _as_kept(each, kept.get(each.id)) for each in home.devices}

    def _open(self, path: Path, now_ms: int) -> None:
        self._db = Database(sqlite3.connect(path, timeout=2))
        # One process owns a home; a second one finds the file locked.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        wrong = self._db.execute("PRAGMA quick_check").fetchone()[0]
        if wrong != "ok":
            raise sqlite3.DatabaseError(wrong)
        self._db.executescript(_SCHEMA)
        with self._db.atomic():
            self._db.execute("DELETE FROM commands WHERE at < ?", [now_ms - KEPT_MS])

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def view(self) -> HomeView:
        """Return the home as it is."""
        return HomeView(areas=self._areas, devices=tuple(self._devices.values()))

    def find(self, key: str) -> Outcome | None:
        """Return what the command of this key came to; None if none was carried out."""
        with self._writing():
            row = self._row(key)
        return None if row is None else Outcome.model_validate_json(row["outcome"])

    def counts(self) -> tuple[dict[str, int], int]:
        """Return how often each action had an effect, and how many commands were repeats."""
        with self._writing():
            effects = {
                row["action"]: row["count"] for row in self._db.query("SELECT * FROM effects")
            }
            repeats = next(iter(self._db.query("SELECT count FROM repeats")), {"count": 0})
        return effects, int(repeats["count"])

    def command(self, command: HomeCommand, now_ms: int) -> Carried:
        """Carry out a command once for its key; asked again, return the same outcome.

        A refusal leaves no trace. Raises `ProtocolError` `storage` if it can't be written down;
        then nothing was done.
        """
        what = canonical([command.device, command.action, command.args]).decode()
        with self._writing():
            known = self._row(command.key)
        if known is not None:
            return self._repeat(known, what)
        before = self._devices.get(command.device)
        if before and command.unchanged not in (None, before.changes):
            reason = f"somebody has changed the {before.name} since"
            return Carried(Outcome(ok=False, device=before, error=reason))
        try:
            after = apply(self._devices, command.device, command.action, command.args)
        except ProtocolError as refusal:
            return Carried(Outcome(ok=False, device=before, error=refusal.reason))
        assert before is not None
        outcome = Outcome(ok=True, device=after[0], before=before.state)
        with self._writing():
            self._keep(after)
            self._db.execute(
                "INSERT INTO commands VALUES (?, ?, ?, ?)",
                [command.key, what, outcome.model_dump_json(), now_ms],
            )
            count = self._count("effects (action, count) VALUES (?, 1)", "action", command.action)
        return Carried(outcome, self._take(after), count)

    def hand(self, device_id: str, state: dict[str, Any]) -> tuple[Device, bool]:
        """Somebody sets these states by hand; return the device and whether that changed it.

        Raises `ProtocolError`: `not_found`, `bad_message` for a wrong state, `storage`.
        """
        before = self._devices.get(device_id)
        if before is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"there is no {device_id} in this home")
        after = changed(before, state)
        with self._writing():
            self._keep((after,))
        return after, bool(self._take((after,)))

    def _repeat(self, known: dict[str, Any], what: str) -> Carried:
        if known["command"] != what:
            reason = "another command was carried out under this key"
            return Carried(Outcome(ok=False, error=reason))
        try:
            with self._writing():
                self._count("repeats (id, count) VALUES (?, 1)", "id", 1)
        except ProtocolError as full:
            log.warning("a repeat was not counted: %s", full.reason)
        return Carried(Outcome.model_validate_json(known["outcome"]))

    def _row(self, key: str) -> dict[str, Any] | None:
        return next(iter(self._db.query("SELECT * FROM commands WHERE key = ?", [key])), None)

    def _keep(self, devices: tuple[Device, ...]) -> None:
        for each in devices:
            self._db.execute(
                "INSERT OR REPLACE INTO devices VALUES (?, ?, ?)",
                [each.id, canonical(each.state).decode(), each.changes],
            )

    def _count(self, into: str, key: str, value: str | int) -> int:
        # The names come from this file, only the value from outside.
        row = self._db.execute(
            f"INSERT INTO {into} ON CONFLICT ({key}) DO UPDATE SET count = count + 1"
            " RETURNING count",
            [value],
        ).fetchone()
        return int(row[0])

    def _take(self, devices: tuple[Device, ...]) -> tuple[Device, ...]:
        """Move memory to what was committed; return the devices that differ from before."""
        differ = tuple(each for each in devices if self._devices[each.id] != each)
        self._devices.update({each.id: each for each in devices})
        return differ

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._db.atomic():
                yield
        except sqlite3.Error as error:
            raise ProtocolError(
                ErrorCode.STORAGE, f"the home could not write it down: {error}"
            ) from None


def _as_kept(device: Device, row: dict[str, Any] | None) -> Device:
    """Return the device with the state that was kept, if that still fits its kind."""
    if row is None:
        return device
    try:
        state = validated(device.kind, json.loads(row["state"]))
    except (ProtocolError, ValueError):
        state = device.state
    return device.model_copy(update={"state": state, "changes": row["changes"]})


def _unusable(path: Path, error: sqlite3.OperationalError) -> str:
    if "locked" in str(error):
        return f"{path} is in use: this home runs already."
    return f"{path} can't be used: {error}"
