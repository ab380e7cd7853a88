"""Records what the processes tell and what the runner reads, as moments in one order."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.lines import Event

from .counting import OPENED, STORED
from .format import Scenario
from .moments import (
    Baseline,
    EffectsAre,
    Erred,
    Moment,
    RingingIs,
    Routed,
    Said,
    Shown,
    StateIs,
    TaskIs,
)
from .nodes import stored
from .process import Process, TroubleError

_TRIES = 20


class Watch:
    """All that was seen since the scenario's start."""

    def __init__(self, scenario: Scenario, now: Callable[[], float]) -> None:
        """Begin with the home as the file describes it; `now` gives seconds."""
        self.moments: list[Moment] = []
        self._now = now
        self._states = {
            each.id: dict(each.state) for each in (scenario.home.devices if scenario.home else [])
        }
        self._effects: dict[str, int] = {}
        self._rings: dict[str, dict[str, str]] = {}
        self._pieces: dict[tuple[str, str], str] = {}
        self._strange: set[str] = set()

    def baseline(self) -> Baseline:
        """Return how things stand now."""
        states = {device: dict(state) for device, state in self._states.items()}
        return Baseline(states, dict(self._effects), self.ringing())

    def ringing(self) -> frozenset[str]:
        """Return the ends that ring."""
        return frozenset(end for end, rings in self._rings.items() if rings)

    def seen(self, name: str, observation: Event) -> None:
        """Record an observation of a process; kinds that we do not know are passed over."""
        get = observation.get
        match get("observation"):
            case "reply":
                self.said(name, "reply", str(get("text", "")), str(get("turn") or ""))
            case "delta":
                self._delta(name, str(get("turn") or ""), str(get("text", "")))
            case "notice":
                self.said(name, "notice", str(get("text", "")))
            case "asked":
                self.said(name, "asked", str(get("text", "")))
            case "ring":
                self.said(name, "ring", str(get("label") or ""))
                self._rings.setdefault(name, {})[str(get("id"))] = str(get("label") or "")
                self._add(RingingIs(self._now(), self.ringing()))
            case "quiet":
                self._rings.get(name, {}).pop(str(get("id")), None)
                self._add(RingingIs(self._now(), self.ringing()))
            case "route":
                self._add(Routed(self._now(), name, str(get("turn")), str(get("route"))))
            case "error":
                self._add(Erred(self._now(), name, str(get("code")), str(get("reason", ""))))
            case "task":
                fields = (str(get(key) or "") for key in ("id", "action", "on", "state"))
                self._add(TaskIs(self._now(), *fields))
            case "state":
                self.state(str(get("device")), dict(get("state") or {}))
            case "effect":
                action = str(get("action"))
                self.effects(action, self._effects.get(action, 0) + 1)

    def said(self, end: str, kind: Shown, text: str, turn: str = "") -> None:
        """Record words at an end."""
        if text or kind != "reply":
            self._add(Said(self._now(), end, kind, text, turn))

    def state(self, device: str, state: dict[str, Any]) -> None:
        """Record a device's state, or the part of it that is told."""
        whole = {**self._states.get(device, {}), **state}
        self._states[device] = whole
        self._add(StateIs(self._now(), device, dict(whole)))

    def effects(self, action: str, count: int) -> None:
        """Record how often an action was carried out so far, if that is news."""
        if self._effects.get(action, 0) != count:
            self._effects[action] = count
            self._add(EffectsAre(self._now(), action, count))

    def ended(self, name: str) -> None:
        """Record that a process is gone: it rings no more."""
        if self._rings.pop(name, None):
            self._add(RingingIs(self._now(), self.ringing()))

    async def read_home(self, home: Process) -> None:
        """Read the home's states and counts, in a moment in which it told nothing else."""
        with contextlib.suppress(TroubleError, ProtocolError):
            for _ in range(_TRIES):
                before = await home.counters()
                states = states_of(await home.ask("state"))
                counts: Mapping[str, int] = (await home.ask("counts")).get("effects", {})
                if (await home.counters()).told == before.told:
                    break
            else:
                return  # it changes all the time; its stream tells us
            for device, state in states.items():
                if {**self._states.get(device, {}), **state} != self._states.get(device):
                    self.state(device, state)
            for action in counts.keys() | self._effects.keys():
                if action not in STORED and action != OPENED:
                    self.effects(action, counts.get(action, 0))

    def read_counts(self, actions: Iterable[str], databases: list[Path], pages: list[Path]) -> None:
        """Count the effects that are rows or pages; a database that is busy is counted later."""
        for action in actions:
            if action == OPENED:
                self.effects(action, sum(_lines(each) for each in pages))
            elif action in STORED:
                with contextlib.suppress(sqlite3.OperationalError):
                    self.effects(action, stored(databases, STORED[action]))

    def _delta(self, end: str, turn: str, piece: str) -> None:
        whole = self._pieces.get((end, turn), "") + piece
        self._pieces[end, turn] = whole
        self.said(end, "delta", whole, turn)

    def _add(self, moment: Moment) -> None:
        self.moments.append(moment)


def states_of(answer: Event) -> dict[str, dict[str, Any]]:
    """Return the state of each device from a home's answer to `state`."""
    devices = answer.get("devices", {})
    if isinstance(devices, list):
        return {str(each["id"]): dict(each.get("state", {})) for each in devices}
    return {str(name): dict(state) for name, state in devices.items()}


def _lines(path: Path) -> int:
    try:
        return sum(1 for line in path.read_text().splitlines() if line.strip())
    except OSError:
        return 0
