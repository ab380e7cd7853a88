"""The household of one scenario: its folders, its network of proxies, and all its processes."""

import asyncio
import os
import secrets
import shutil
import socket
import sqlite3
import tempfile
from pathlib import Path
from types import TracebackType

from .format import Scenario
from .nodes import Holdings, holdings, lost
from .process import Process, TroubleError
from .product import Part, Product
from .proxy import Proxy
from .settle import Counters, World
from .watch import Watch

_SLOWEST_ANSWER = 3.0
_DYING_POLL = 0.02
_DYING_POLLS = 50
_PORTS = range(20000, 32000)  # below what systems give to outgoing connections


class Stage:
    """Provisions a household, and starts, ends, parts and asks its processes.

    A context: when it is left, however that is, no process of it is left.
    """

    def __init__(self, scenario: Scenario, product: Product, keep: bool = False) -> None:
        """Take the scenario; with `keep`, the folder with the logs stays."""
        self._scenario = scenario
        self._product = product
        self.keep = keep
        self.ahead_ms = 0
        self.watch = Watch(scenario, asyncio.get_running_loop().time)
        self.processes: dict[str, Process] = {}
        self._proxies: dict[tuple[str, str], Proxy] = {}
        self._cuts: set[frozenset[str]] = set()
        self._names: dict[str, str] = {}
        # Paths of Unix sockets are short, and temporary folders of some systems are not.
        where = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108
        # All processes have its reading end; should the runner be killed, they see it end.
        self._leash = os.pipe()
        self.folder = Path(tempfile.mkdtemp(prefix="me-", dir=where))

    async def __aenter__(self) -> "Stage":
        """Make the state folders and the network; nothing runs yet."""
        try:
            await self._provision()
        except BaseException:
            await self._clear()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything."""
        await self._clear()

    async def start(self, name: str) -> None:
        """Start a process and wait until it answers."""
        ahead_ms = self.ahead_ms
        await self.processes[name].start(ahead_ms)
        if self.ahead_ms != ahead_ms:  # the clocks were moved meanwhile
            await self.processes[name].control("advance", ms=self.ahead_ms - ahead_ms)
        await self._open(name)
        if name == "home":
            await self.watch.read_home(self.processes[name])

    async def stop(self, name: str) -> None:
        """End a process in good order."""
        await self.processes[name].stop()
        self._ended(name)

    async def kill(self, name: str) -> None:
        """End a process by SIGKILL."""
        await self.processes[name].kill()
        self._ended(name)

    async def cut(self, one: str, other: str) -> None:
        """Cut the network between two processes."""
        self._cuts.add(frozenset({one, other}))
        for each in self._between(one, other):
            await each.cut()

    async def heal(self, one: str, other: str) -> None:
        """Mend the network between two processes."""
        self._cuts.discard(frozenset({one, other}))
        for name in (one, other):
            if self.processes[name].ready:
                await self._open(name)

    async def advance(self, milliseconds: int) -> None:
        """Move every clock: all stand still, all move, all run on."""
        self.ahead_ms += milliseconds
        running = self.running()
        for do, arguments in (("pause", {}), ("advance", {"ms": milliseconds}), ("resume", {})):
            await asyncio.gather(*(each.control(do, **arguments) for each in running))

    def running(self) -> list[Process]:
        """Return the processes that live and answer."""
        return [each for each in self.processes.values() if each.ready]

    def died(self) -> str | None:
        """Say which process ended by itself; None if none did."""
        return next((each.died for each in self.processes.values() if each.died), None)

    async def death(self) -> str | None:
        """Say which process died, if one does so within a moment: its sockets tell it first."""
        for _ in range(_DYING_POLLS):
            if self.died() or all(each.answers for each in self.running()):
                break
            await asyncio.sleep(_DYING_POLL)
        return self.died()

    async def sample(self) -> dict[str, Counters]:
        """Return the counters of all that run; all that they told before was recorded.

        Raises `TroubleError` if one does not answer.
        """
        running = self.running()
        found = await asyncio.gather(*(_counters(each) for each in running))
        return {
            each.name: counters
            for each, counters in zip(running, found, strict=True)
            if counters is not None
        }

    def world(self) -> World:
        """Return what the settle rule has to know."""
        dead = frozenset(name for name, each in self.processes.items() if not each.running)
        return World(self._names, dead, frozenset(self._cuts))

    def read_counts(self, actions: set[str]) -> None:
        """Record the effects of stored skills and of opened pages."""
        self.watch.read_counts(
            actions,
            [each.folder.database for each in self._nodes()],
            [each.pages for each in self._nodes()],
        )

    def lost(self) -> str | None:
        """Say what is lost in the nodes' databases; None if nothing is."""
        nodes: dict[str, Holdings] = {}
        for each in self._nodes():
            try:
                nodes[each.name] = holdings(each.folder.database)
            except sqlite3.Error as error:
                return f"the database of {each.name} can't be read: {error}"
        roster = self.processes["brain"].folder.roster()
        devices = {name: device for device, name in self._names.items()}
        return lost(
            nodes,
            [each.name for each in self.running() if each.name in nodes],
            lambda name, feed: roster.may_hold(devices[name], feed),
        )

    def _nodes(self) -> list[Process]:
        """Return those that hold ops; the home's database is its own affair."""
        return [each for each in self.processes.values() if each.part != "home"]

    async def _provision(self) -> None:
        scenario = self._scenario
        servers = ["brain", "home"] if scenario.home else ["brain"]
        ports = {name: _free_port() for name in servers}
        addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        states = self._product.found(self.folder / "h", scenario, addresses)
        for number, (name, state) in enumerate(states.items()):
            part: Part = "brain" if name == "brain" else "home" if name == "home" else "end"
            command = self._product.command(part, state)
            room = self.folder / f"{number}"
            process = Process(name, part, state, command, room, self.watch.seen, self._leash[0])
            self.processes[name] = process
            self._names[process.folder.config().device] = name
        for name in states:
            for server in servers:
                if name not in ("home", server):
                    proxy = Proxy("127.0.0.1", ports[server])
                    proxy.start()
                    self._proxies[name, server] = proxy
                    self._product.route(states[name], server, proxy.address)

    async def _open(self, server: str) -> None:
        """Let those connect to a process that runs who are not cut off from it."""
        for (name, to), proxy in self._proxies.items():
            if to == server and frozenset({name, to}) not in self._cuts:
                await proxy.heal()

    def _ended(self, name: str) -> None:
        """Refuse connections to a process that is gone, as its machine would."""
        self.watch.ended(name)
        for (_, server), proxy in self._proxies.items():
            if server == name:
                proxy.refuse()

    def _between(self, one: str, other: str) -> list[Proxy]:
        pairs = ((one, other), (other, one))
        return [self._proxies[each] for each in pairs if each in self._proxies]

    async def _clear(self) -> None:
        for process in self.processes.values():
            process.kill_at_once()
        for process in self.processes.values():
            await process.clear()
        for proxy in self._proxies.values():
            await proxy.stop()
        for each in self._leash:
            os.close(each)
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


async def _counters(process: Process) -> Counters | None:
    """Return a process's counters; None if it is gone meanwhile."""
    try:
        async with asyncio.timeout(_SLOWEST_ANSWER):
            return await process.counters()
    except TimeoutError:
        raise TroubleError(f"{process.name} did not answer for {_SLOWEST_ANSWER:.0f} s") from None
    except TroubleError:
        if process.ready:
            raise
        return None


def _free_port() -> int:
    while True:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with socket.socket() as each:
            try:
                each.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
