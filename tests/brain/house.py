"""A household in this process: a real brain, real ends and a real home, linked over TLS."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from manyends.brain.household import EndPlan, HouseholdPlan, PersonPlan, found
from manyends.brain.node import Brain
from manyends.endpoints.node import Node
from manyends.models.engine import DEFAULT_MAX_TOKENS, Delta, Engine, Finished, Message, Piece
from manyends.models.errors import ModelError
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import Event, LinesClient
from manyends.protocol.roster import Profile, Role
from manyends.skills.home.virtual import VirtualHome

from ..e2e.household import HOME, free_port, until

PLAN = HouseholdPlan(
    people=[PersonPlan(name="Ana", role=Role.OWNER), PersonPlan(name="Ben", role=Role.ADULT)],
    ends=[
        EndPlan(name="watch", profile=Profile.WEARABLE, person="Ana"),
        EndPlan(name="laptop", profile=Profile.LAPTOP, person="Ana"),
        EndPlan(name="phone", profile=Profile.PHONE, person="Ben"),
    ],
    home=HOME,
)


class FakeEngine:
    """Stands for a language model: says the pieces that it was given, whatever it is asked."""

    name = "fake"
    context = 1000
    loaded = True
    memory_bytes = 1

    def __init__(self, *pieces: str, breaks: bool = False, gate: asyncio.Event | None = None):
        self._pieces = pieces
        self._breaks = breaks
        self._gate = gate
        self.asked: list[str] = []
        self.closed = False

    async def load(self) -> None:
        """Do nothing."""

    async def stream(
        self, messages: Sequence[Message], max_tokens: int = DEFAULT_MAX_TOKENS
    ) -> AsyncGenerator[Piece, None]:
        """Say the pieces, once the gate is open."""
        self.asked.append(messages[-1].text)
        if self._gate is not None:
            await self._gate.wait()
        for each in self._pieces:
            yield Delta(each)
        if self._breaks:
            raise ModelError("The model broke.")
        yield Finished("".join(self._pieces), 1, len(self._pieces), 0, False, 0.01)

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class House:
    """The nodes that run, spoken to through their users' sockets."""

    def __init__(self, folders: dict[str, Path], brain: Brain, nodes: dict[str, Node]) -> None:
        self.folders = folders
        self.brain = brain
        self.nodes = nodes

    async def ask(self, name: str, do: str, **arguments: Any) -> Event:
        """Ask the user's socket of a node."""
        client = await LinesClient.connect(StateFolder(self.folders[name]).socket)
        try:
            return await client.ask(do, **arguments)
        finally:
            await client.close()

    async def say(self, name: str, text: str) -> str:
        """Say something, and return the answer."""
        return str((await self.ask(name, "say", text=text))["reply"])

    async def hear(self, name: str, text: str) -> tuple[list[str], Event]:
        """Say something; return the pieces that came while it was written, and the answer."""
        client = await LinesClient.connect(StateFolder(self.folders[name]).socket)
        pieces: list[str] = []
        result: Event = {}
        try:
            async for kind, content in client.stream("say", text=text):
                if kind == "result":
                    result = content
                else:
                    pieces.append(content["piece"])
        finally:
            await client.close()
        return pieces, result

    async def tasks(self) -> list[tuple[str, str, str]]:
        """Return what the brain knows of tasks: action, state, device."""
        found_ = (await self.ask("brain", "tasks"))["tasks"]
        return [(each["action"], each["state"], each["on"]) for each in found_]

    async def linked(self) -> None:
        """Wait until every end is served by the brain, and all reach the home."""

        async def all_are() -> bool:
            found_ = [await self.ask(name, "status") for name in self.nodes]
            return all(each["serving"] and each["home"] for each in found_)

        await until(all_are, "all are linked")

    async def passed_on(self) -> None:
        """Wait until the brain has all that the ends wrote."""

        async def all_sent() -> bool:
            return not any(node.counters()["unsent"] for node in self.nodes.values())

        await until(all_sent, "all is sent")


@asynccontextmanager
async def house(folder: Path, engine: Engine | None = None) -> AsyncIterator[House]:
    """A household as long as the context lasts; the brain thinks with this engine."""
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("brain", "home")}
    folders = found(folder, PLAN.model_copy(update={"addresses": addresses}))
    clock, stop = Clock(), asyncio.Event()
    state = StateFolder(folders["brain"])
    brain = Brain(state, state.config(), clock, folder)
    brain.engine = brain.answers.engine = engine
    nodes: dict[str, Node] = {"brain": brain.node}
    for name in ("watch", "laptop", "phone"):
        state = StateFolder(folders[name])
        nodes[name] = Node(state, state.config(), clock)
    home = VirtualHome(StateFolder(folders["home"]), clock, None)
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(stop.set)
        group.create_task(home.run(stop))
        await home.ready.wait()
        await _begun(group, brain, stop)
        for name in ("watch", "laptop", "phone"):
            await _begun(group, nodes[name], stop)
        made = House(folders, brain, nodes)
        await made.linked()
        yield made


async def _begun(group: asyncio.TaskGroup, node: Brain | Node, stop: asyncio.Event) -> None:
    ready = asyncio.Event()
    group.create_task(node.run(stop, ready.set))
    await ready.wait()


async def noticed(ask: Awaitable[Event]) -> list[str]:
    """Return the texts of a node's notices."""
    return [each["text"] for each in (await ask)["notices"]]
