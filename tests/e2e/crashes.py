"""The places where a crash is put, what DESIGN §5 promises there, and one crash played through."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from manyends.evals.scenarios.process import TroubleError
from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.lines import Event
from manyends.protocol.task import TERMINAL, Effect, State
from manyends.skills.builtin import lists

from .household import Household, household, until

Role = Literal["asker", "brain", "worker"]

ROLES: tuple[Role, ...] = ("asker", "brain", "worker")
POINTS = ("before intent", "after intent", "after effect", "before result", "before ack")
EFFECTS = tuple(Effect)

NODES: dict[Role, str] = {"asker": "watch", "brain": "brain", "worker": "laptop"}
"""Who plays which role: the task is asked for at the watch, to be run by the laptop."""

PLACES: dict[tuple[Role, str], str] = {
    ("asker", "before intent"): "asker.before_intent",
    ("asker", "after intent"): "asker.after_intent",
    ("asker", "before result"): "asker.before_result",
    ("asker", "before ack"): "ack:task.report",
    ("brain", "before intent"): "keeper.before_intent",
    ("brain", "after intent"): "keeper.after_intent",
    ("brain", "before result"): "keeper.before_result",
    ("brain", "before ack"): "ack:task.offer",
    ("worker", "before intent"): "worker.before_intent",
    ("worker", "after intent"): "worker.after_intent",
    ("worker", "after effect"): "worker.after_effect",
    ("worker", "before result"): "worker.before_result",
    ("worker", "before ack"): "ack:task.lease",
}
"""The failpoint of each role and point. The asker and the brain run no effect, so they have none
after it."""


@dataclass(frozen=True)
class Errand:
    """A task whose effects somebody else than we counts."""

    action: str
    args: dict[str, Any]
    asks: bool = False


ERRANDS: dict[Effect, Errand] = {
    Effect.STORED: Errand("list.add", {"list": "shopping", "item": "milk"}),
    Effect.SETTABLE: Errand("light.turn_on", {"target": "kitchen light"}),
    Effect.ONCE: Errand("laptop.open_page", {"url": "https://example.org/"}),
}
UNLOCK = Errand("lock.unlock", {"target": "front door"}, asks=True)
"""A `once` effect that the home can tell of afterwards, and that needs a yes first."""


class Outcome(NamedTuple):
    """What came of a crash: the state in which the task rests, and its effects outside."""

    state: str
    effects: int

    def __str__(self) -> str:
        return f"{self.state.replace('_', ' ')}, {self.effects}"


NEVER_TAKEN = Outcome("never taken", 0)


def promised(role: Role, point: str, effect: Effect) -> Outcome:
    """Return what comes of a crash there."""
    if (role, point) == ("asker", "before intent"):
        return NEVER_TAKEN
    if (role, effect) == ("worker", Effect.ONCE):
        # With the lease the intent is on disk; from then on only the outside knows.
        if point in ("after intent", "before ack"):
            return Outcome(State.IN_DOUBT, 0)
        if point in ("after effect", "before result"):
            return Outcome(State.IN_DOUBT, 1)
    return Outcome(State.SUCCEEDED, 1)


@dataclass
class Crash:
    """One errand, one kill, and all that was seen of it."""

    house: Household
    errand: Errand
    victim: str
    acknowledged: bool = False
    """Whether the call was answered before the asker's process went away."""
    in_time: Event | None = None

    async def play(self) -> Outcome:
        """Ask at the watch, let the victim die at its armed place, start it anew, and wait."""
        await self.house.linked()
        asking = asyncio.create_task(self._call())
        approving = asyncio.create_task(self._approve()) if self.errand.asks else None
        try:
            await until(self._victim_is_gone, f"{self.victim} died at its place")
            await self.house.start(self.victim)
            await asking
            if approving is not None:
                await approving
        finally:
            asking.cancel()
            if approving is not None:
                approving.cancel()
        state = await until(self._rest, "the task rests")
        await self.house.linked()
        await self.house.settled()
        return Outcome(state, await self._effects())

    async def _call(self) -> None:
        errand = self.errand
        with contextlib.suppress(TroubleError, ProtocolError):
            self.in_time = await self.house.ask(
                "watch", "call", action=errand.action, args=errand.args, on="laptop"
            )
            self.acknowledged = True

    async def _approve(self) -> None:
        async def asked() -> bool:
            return bool((await self.house.ask("watch", "asks"))["asks"])

        await until(asked, "somebody asks for a yes")
        await self.house.ask("watch", "approve")

    async def _victim_is_gone(self) -> bool:
        died = self.house.processes[self.victim].died
        if died is None:
            return False
        assert "with code -9" in died, died
        return True

    async def _rest(self) -> str:
        """Return the state in which the asker and the brain agree that the task rests."""
        states = [await self._state("watch"), await self._state("brain")]
        if states == [None, None] and self.victim == "watch" and not self.acknowledged:
            # The asker died before the task was on its disk; who called knows that it failed.
            return NEVER_TAKEN.state
        same = states[0] == states[1] and states[0] in TERMINAL | {State.IN_DOUBT}
        return str(states[0]) if same else ""

    async def _state(self, node: str) -> str | None:
        tasks = (await self.house.ask(node, "tasks"))["tasks"]
        mine = [each for each in tasks if each["action"] == self.errand.action]
        assert len(mine) <= 1, f"{node} has two tasks of one call: {mine}"
        return str(mine[0]["state"]) if mine else None

    async def _effects(self) -> int:
        """Count the effects where they are: rows, the home's own counters, opened pages."""
        if self.errand.action == "list.add":
            return self.house.written(lists.COLLECTION)
        if self.errand.action == "laptop.open_page":
            return self.house.pages("laptop")
        counts = (await self.house.ask("home", "counts"))["effects"]
        return int(counts.get(self.errand.action, 0))


async def crash(errand: Errand, role: Role, place: str) -> Outcome:
    """Play a crash in a new household; return what came of it.

    Raises `AssertionError` if something is lost, doubled or told untruly.
    """
    victim = NODES[role]
    async with household() as house:
        others = [name for name in house.nodes if name != victim]
        await asyncio.gather(
            house.start(*others),
            house.start(victim, environment={"MANYENDS_FAILPOINT": place}),
        )
        played = Crash(house, errand, victim)
        outcome = await played.play()
        assert outcome.effects <= 1, f"doubled: {outcome}"
        if outcome != NEVER_TAKEN:
            kept = {State.SUCCEEDED, State.IN_DOUBT} | ({State.FAILED} if errand.asks else set())
            assert outcome.state in kept, f"lost: {outcome}"
            await _told(played, outcome)
        assert (outcome.effects == 1) or outcome.state != State.SUCCEEDED, f"untrue: {outcome}"
        assert (outcome.effects == 0) or outcome.state != State.FAILED, f"untrue: {outcome}"
        await house.whole()
        return outcome


async def _told(played: Crash, outcome: Outcome) -> None:
    """Assert that the person hears how it ended: in the answer, or as a notice that is kept."""
    answer = played.in_time
    if answer is not None and answer["state"] == outcome.state:
        return

    async def noticed() -> bool:
        return bool((await played.house.ask("watch", "notices"))["notices"])

    await until(noticed, "the watch has a notice of how it ended")
