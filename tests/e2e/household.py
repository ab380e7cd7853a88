"""A small household of real processes: founded, started, killed, asked and looked into."""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from manyends.brain.household import EndPlan, HomePlan, HouseholdPlan, PersonPlan, found
from manyends.cli.places import write_index
from manyends.evals.scenarios.nodes import holdings, lost
from manyends.evals.scenarios.process import Process, TroubleError
from manyends.evals.scenarios.product import Manyends, Part
from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import Event
from manyends.protocol.roster import Profile, Role

T = TypeVar("T")

DEADLINE = 20.0
"""Seconds that a condition may take on a busy machine; in general it is fractions of one."""
_POLL = 0.02
_PORTS = range(20000, 32000)

ENDS = (
    EndPlan(name="laptop", profile=Profile.LAPTOP, person="Ana"),
    EndPlan(name="watch", profile=Profile.WEARABLE, person="Ana"),
)
HUB = EndPlan(name="hub", profile=Profile.HUB, area="kitchen")
HOME = HomePlan(
    areas=["kitchen", "hall"],
    devices=[
        {
            "id": "light.kitchen",
            "name": "kitchen light",
            "kind": "light",
            "area": "kitchen",
            "state": {"power": "off"},
        },
        {
            "id": "lock.front",
            "name": "front door",
            "kind": "lock",
            "area": "hall",
            "state": {"locked": True},
        },
    ],
)


class Household:
    """Ana's household: its folders, and the processes that run of it."""

    def __init__(self, folder: Path, ends: Iterable[EndPlan], model: str) -> None:
        self.folder = folder
        self.heard: list[tuple[str, Event]] = []
        """Every observation, with the name of the process that told it."""
        addresses = {name: f"127.0.0.1:{free_port()}" for name in ("brain", "home")}
        plan = HouseholdPlan(
            people=[
                PersonPlan(name="Ana", role=Role.OWNER),
                PersonPlan(name="Gus", role=Role.GUEST),
            ],
            ends=list(ends),
            home=HOME,
            model=model,
            addresses=addresses,
        )
        self.addresses = addresses
        self.nodes = found(folder / "h", plan)
        write_index(folder / "h", self.nodes)
        self.index = folder / "h"
        self.processes: dict[str, Process] = {}
        self._leash = os.pipe()

    def process(self, name: str, environment: dict[str, str] | None = None) -> Process:
        """Return a new process of this node, not yet started; it takes the old one's place."""
        part: Part = "brain" if name == "brain" else "home" if name == "home" else "end"
        settings = [f"{key}={value}" for key, value in (environment or {}).items()]
        command = Manyends().command(part, self.nodes[name])
        room = self.folder / f"{list(self.nodes).index(name)}"
        self.processes[name] = made = Process(
            name,
            part,
            self.nodes[name],
            ["env", *settings, *command],
            room,
            lambda who, observation: self.heard.append((who, observation)),
            self._leash[0],
        )
        return made

    async def start(
        self, *names: str, ahead_ms: int = 0, environment: dict[str, str] | None = None
    ) -> None:
        """Start these nodes, all if none is named, and wait until they answer."""
        chosen = names or tuple(self.nodes)
        for name in chosen:
            old = self.processes.get(name)
            if old is not None:
                await old.clear()
        made = [self.process(name, environment) for name in chosen]
        await asyncio.gather(*(each.start(ahead_ms) for each in made))

    async def ask(self, name: str, do: str, **arguments: Any) -> Event:
        """Ask the user's socket of a node."""
        return await self.processes[name].ask(do, **arguments)

    async def say(self, name: str, text: str, **arguments: Any) -> str:
        """Say something to an end, and return what it answers."""
        return str((await self.ask(name, "say", text=text, **arguments))["reply"])

    async def linked(self) -> None:
        """Wait until every node that runs sees all others that run."""
        running = {name for name, each in self.processes.items() if each.ready}

        async def all_see_all() -> bool:
            for name in running - {"home"}:
                status = await self.ask(name, "status")
                ends = (await self.ask(name, "ends"))["ends"]
                online = {each["name"] for each in ends if each["online"]}
                if not running <= online or ("brain" in running and not status["serving"]):
                    return False
            return True

        await until(all_see_all, "all are linked")

    async def settled(self) -> None:
        """Wait until no node that runs has anything to send or to do."""

        async def quiet() -> bool:
            for each in self.processes.values():
                if each.running and each.part != "home":
                    counters = await each.counters()
                    if counters.unsent or counters.moving_tasks or counters.open_turns:
                        return False
            return True

        await until(quiet, "all is settled")

    def database(self, name: str) -> Path:
        """Return the path of a node's database."""
        return self.nodes[name] / "node.db"

    def rows(self, name: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask a node's database without changing it."""
        address = f"{self.database(name).as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
            return connection.execute(query, values).fetchall()

    def written(self, collection: str) -> int:
        """Count the changes that put a record into a collection, over all databases."""
        query = (
            "SELECT origin, feed, seq FROM ops JOIN payloads ON op = n"
            " WHERE kind = 'record.put' AND json_extract(body, '$.collection') = ?"
        )
        names = [name for name in self.nodes if name != "home" and self.database(name).exists()]
        return len({row for name in names for row in self.rows(name, query, collection)})

    def pages(self, name: str) -> int:
        """Count the pages that the fake opener of a node was given."""
        path = self.processes[name].pages
        return len(path.read_text().splitlines()) if path.exists() else 0

    def lost(self) -> str | None:
        """Say which op a node that runs lacks and should have; None if nothing is lost."""
        nodes = [name for name in self.nodes if name != "home"]
        live = [name for name in nodes if name in self.processes and self.processes[name].running]
        roster = StateFolder(self.nodes["brain"]).roster()
        devices = {each.name: each.id for each in roster.devices}
        return lost(
            {name: holdings(self.database(name)) for name in nodes},
            live,
            lambda name, feed: roster.may_hold(devices[name], feed),
        )

    async def whole(self) -> None:
        """Wait until every node that runs has all that it should have; nothing is lost then."""
        await self.linked()
        await self.settled()

        async def nothing_lost() -> bool:
            return self.lost() is None

        try:
            await until(nothing_lost, "nothing is lost")
        except AssertionError:
            raise AssertionError(self.lost()) from None

    async def stop(self) -> None:
        """Stop all in good order, which each does with exit code 0."""
        running = [each for each in self.processes.values() if each.running]
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*(each.stop() for each in running))

    async def clear(self) -> None:
        """Leave no process and no file."""
        for each in self.processes.values():
            await each.clear()
        for end in self._leash:
            os.close(end)
        shutil.rmtree(self.folder, ignore_errors=True)


@asynccontextmanager
async def household(
    ends: Iterable[EndPlan] = ENDS, model: str = "none", folder: Path | None = None
) -> AsyncIterator[Household]:
    """A founded household of which nothing runs yet; at the end nothing is left of it."""
    path = Path(tempfile.mkdtemp(prefix="me-", dir=folder or "/tmp"))
    made = Household(path, ends, model)
    try:
        yield made
        await made.stop()
    finally:
        await made.clear()


async def until(condition: Callable[[], Awaitable[T]], what: str, seconds: float = DEADLINE) -> T:
    """Return the first true value of the condition; a process that is away is waited for too."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(TroubleError, ProtocolError, OSError):
                    if value := await condition():
                        return value
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise AssertionError(f"after {seconds:.0f} s still not so: {what}") from None


async def manyends(household: Household, *arguments: str) -> tuple[int, str, str]:
    """Run a command about a household; return its exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "manyends.cli.main",
        *arguments,
        env={**os.environ, "MANYENDS_HOUSEHOLD": str(household.index)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def free_port() -> int:
    """Return a port that nobody uses, below those that systems give to connections."""
    while True:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with socket.socket() as each, contextlib.suppress(OSError):
            each.bind(("127.0.0.1", port))
            return port
