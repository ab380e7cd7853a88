"""Nodes of one household in this process, which exchange ops only when a test says so."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from manyends.brain.household import EndPlan, HouseholdPlan, PersonPlan, found
from manyends.brain.node import Brain
from manyends.endpoints.node import Node
from manyends.endpoints.replica import forget_passed_on, op_at, places_after
from manyends.endpoints.requests import Speaker
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import Event
from manyends.protocol.ops import Fit
from manyends.protocol.roster import Profile, Role
from manyends.protocol.task import Call, IfOffline, Task
from manyends.skills.home.model import Device, HomeView, Kind, Outcome
from manyends.skills.home.rules import apply

_PATIENCE = 0.05

T = TypeVar("T")

PEOPLE = [
    PersonPlan(name="Ana", role=Role.OWNER),
    PersonPlan(name="Ben", role=Role.ADULT),
    PersonPlan(name="Gus", role=Role.GUEST),
]
ENDS = [
    EndPlan(name="laptop", profile=Profile.LAPTOP, person="Ana"),
    EndPlan(name="watch", profile=Profile.WEARABLE, person="Ana"),
    EndPlan(name="phone", profile=Profile.PHONE, person="Ben"),
    EndPlan(name="tablet", profile=Profile.PHONE, person="Gus"),
    EndPlan(name="hub", profile=Profile.HUB, area="kitchen"),
]


class Home:
    """A home in memory that can be slow, silent or gone."""

    def __init__(self) -> None:
        light = Device(
            id="light.kitchen",
            name="kitchen light",
            kind=Kind.LIGHT,
            area="kitchen",
            state={"power": "off", "brightness": 100, "color": "white"},
        )
        lock = Device(
            id="lock.front", name="front door", kind=Kind.LOCK, area="hall", state={"locked": True}
        )
        self.devices = {each.id: each for each in (light, lock)}
        self.outcomes: dict[str, Outcome] = {}
        self.tried = 0
        self.refusals: list[Exception] = []
        """What the next commands raise, before anything is done."""
        self.losses: list[Exception] = []
        """What the next commands raise, after all was done."""
        self.blind = False
        """Whether nobody can read back now."""
        self.gate = asyncio.Event()
        self.gate.set()

    def view(self) -> HomeView:
        return HomeView(areas=("kitchen", "hall"), devices=tuple(self.devices.values()))

    async def command(
        self, device: str, action: str, args: dict[str, Any], key: str, unchanged: int | None = None
    ) -> Outcome:
        self.tried += 1
        await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        if key not in self.outcomes:
            before = self.devices[device]
            if unchanged not in (None, before.changes):
                return Outcome(ok=False, device=before, error="somebody has changed it since")
            after = apply(self.devices, device, action, args)
            self.devices.update({each.id: each for each in after})
            self.outcomes[key] = Outcome(ok=True, device=after[0], before=before.state)
        if self.losses:
            raise self.losses.pop(0)
        return self.outcomes[key]

    async def carried_out(self, key: str) -> Outcome | None:
        if self.blind:
            raise ProtocolError(ErrorCode.TIMEOUT, "the home does not answer")
        return self.outcomes.get(key)

    def touch(self, device: str) -> None:
        """Somebody's hand changes a device."""
        known = self.devices[device]
        self.devices[device] = known.model_copy(update={"changes": known.changes + 1})


class Group(asyncio.TaskGroup):
    """A task group that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: set[asyncio.Task[Any]] = set()

    def create_task(self, *args: Any, **kwargs: Any) -> "asyncio.Task[Any]":
        task = super().create_task(*args, **kwargs)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


class Net:
    """The brain and the ends of a household; `deliver` is the network between them."""

    def __init__(self, folder: Path) -> None:
        self.folders = found(folder, HouseholdPlan(people=PEOPLE, ends=ENDS))
        self.clock = Clock()
        self.home = Home()
        self.pages: list[str] = []
        self.told: list[tuple[str, Event]] = []
        self.nodes: dict[str, Node] = {}
        self.brain: Brain
        self.group: Group
        self._cursors: dict[tuple[str, str], int] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Net"]:
        """All nodes, as long as the context lasts."""
        try:
            async with Group() as self.group:
                for name in self.folders:
                    await self.start(name)
                yield self
                self.home.gate.set()
                await self.idle()
                for task in self.group.tasks:
                    task.cancel()
        finally:
            for each in self.nodes.values():
                each.core.store.close()

    async def start(self, name: str) -> Node:
        """Start a node as after a restart: from its disk alone."""
        folder = StateFolder(self.folders[name])
        if name in self.nodes:
            self.nodes[name].core.store.close()
        if name == "brain":
            self.brain = Brain(folder, folder.config(), self.clock, folder.path)
            node = self.brain.node
        else:
            node = Node(folder, folder.config(), self.clock)
        self.nodes[name] = node
        node.home = node.effects.home = node.conversation.home = self.home
        node.requests.home_reachable = lambda: True
        node.effects.opener = self.pages.append
        node.core.group = self.group
        tell = node.core.observers.tell

        def told(observation: Event) -> None:
            self.told.append((name, observation))
            tell(observation)

        node.core.observers.tell = told  # type: ignore[method-assign]
        await node.core.write(node._begin)
        node.effects.recover()
        return node

    async def idle(self) -> None:
        """Wait until nothing runs, except what waits at the home's gate, or for ops to arrive."""
        while self.home.gate.is_set():
            ours = [each for each in self.group.tasks if each.get_name() not in ("turn", "call")]
            if not ours:
                break
            waits = any(each.get_name().startswith("answer") for each in ours)
            done, _ = await asyncio.wait(ours, timeout=_PATIENCE if waits else None)
            if not done:
                break
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], Awaitable[T]]) -> T:
        """Deliver until the condition is true, and return its value."""
        async with asyncio.timeout(20):
            while not (value := await condition()):
                await self.deliver()
        return value

    async def deliver(self, *names: str) -> None:
        """Carry ops between these nodes (all if none is named) until there are none."""
        chosen = names or tuple(self.nodes)
        moved = True
        while moved:
            await self.idle()
            moved = False
            for giver in chosen:
                for taker in chosen:
                    if giver != taker and "brain" in (giver, taker):
                        moved |= await self._carry(giver, taker)

    async def _carry(self, giver: str, taker: str) -> bool:
        one, other = self.nodes[giver].core, self.nodes[taker].core
        places = places_after(one.store.reader, self._cursors.get((giver, taker), 0), 10_000)
        if not places:
            return False
        self._cursors[giver, taker] = places[-1][0]
        ops = [
            op_at(one.store.reader, number)
            for number, place in places
            if one.roster.may_hold(other.me.id, place.feed) and place.origin != other.me.id
        ]
        if not ops:
            return False
        fits = await other.write(lambda tx: [tx.apply(op) for op in ops])
        assert Fit.GAP not in fits
        passed_on = [
            (op.feed, op.seq)
            for op in ops
            if op.origin == one.me.id and not one.roster.may_hold(one.me.id, op.feed)
        ]
        if passed_on:
            await one.write(lambda tx: forget_passed_on(tx, passed_on))
        return Fit.NEXT in fits

    def person(self, name: str | None) -> str | None:
        """Return the id of a person."""
        if name is None:
            return None
        found_ = self.nodes["brain"].core.roster.person_named(name)
        assert found_ is not None
        return found_.id

    def device(self, name: str) -> str:
        """Return the id of a device."""
        return self.nodes[name].core.me.id

    def task(
        self,
        asker: str,
        action: str,
        on: str | None = None,
        person: str | None = "Ana",
        if_offline: IfOffline = IfOffline.WAIT,
        claimed: bool = False,
        **args: Any,
    ) -> Task:
        """Return a task, not yet offered."""
        target = self.device(on) if on else None
        call = Call(action=action, args=args, target=target)
        speaker = Speaker(self.person(person), claimed)
        return self.nodes[asker].requests.task(call, speaker, if_offline=if_offline)

    async def offer(self, task: Task) -> Task:
        """Offer a task to its keeper; on the asker's disk it is then."""
        node = next(each for each in self.nodes.values() if each.core.me.id == task.asker)
        await node.core.write(lambda tx: node.requests.offer(tx, [task]))
        return task

    async def ask(self, asker: str, action: str, **arguments: Any) -> Task:
        """Make a task and offer it."""
        return await self.offer(self.task(asker, action, **arguments))

    def seen(self, name: str, task: Task) -> Task:
        """Return a node's copy of a task."""
        row = (
            self.nodes[name]
            .core.store.reader.execute("SELECT body FROM tasks WHERE id = ?", (task.id,))
            .fetchone()
        )
        assert row is not None, f"{name} does not know {task.id}"
        return Task.model_validate_json(row[0])

    def state(self, task: Task, name: str = "brain") -> str:
        """Return the state of a task as a node has it."""
        return self.seen(name, task).state.value

    def rows(self, name: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask a node's database."""
        found_ = self.nodes[name].core.store.reader.execute(query, values).fetchall()
        return [tuple(each) for each in found_]

    async def request(self, name: str, do: str, **arguments: Any) -> Event:
        """Ask a node as its user's socket does."""
        node = self.nodes[name]
        handlers = {**node.service.handlers(), **node.more_requests}
        return await handlers[do]({"do": do, **arguments}, lambda event: None)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, for sockets."""
    path = Path(tempfile.mkdtemp(prefix="me-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def net(folder: Path) -> Net:
    """A household whose nodes are not started: `async with net.running()`."""
    return Net(folder)
