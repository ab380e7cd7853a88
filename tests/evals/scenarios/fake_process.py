"""What all processes of the fake product have in common: sockets, links and counters."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from manyends.protocol.io.clock import Clock
from manyends.protocol.io.control import Observers, control_server
from manyends.protocol.io.folder import StateFolder, split_address
from manyends.protocol.io.lines import Emit, Event, Handler, LinesServer
from manyends.protocol.roster import Profile

Message = dict[str, Any]
_RETRY = 0.05


class Link:
    """One side of a connection between two of the processes."""

    def __init__(
        self, name: str, peer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.name, self.peer = name, peer
        self.out = self.into = 0
        self.acked = 0
        self._reader, self._writer = reader, writer

    def send(self, message: Message) -> None:
        self.out += 1
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def receive(self) -> Message | None:
        with contextlib.suppress(ConnectionError):
            if line := await self._reader.readline():
                self.into += 1
                received: Message = json.loads(line)
                return received
        return None

    def close(self) -> None:
        self._writer.close()


class Process:
    """What all three have: a folder, sockets, links and somebody who watches."""

    def __init__(self, folder: StateFolder, mutant: str) -> None:
        self.folder, self.mutant = folder, mutant
        self.config = folder.config()
        self.roster = folder.roster()
        self.clock = Clock(int(os.environ.get("MANYENDS_CLOCK_AHEAD_MS", "0")))
        self.observers = Observers()
        self.links: dict[str, Link] = {}
        self.open_turns = self.changes = 0
        self.running: set[asyncio.Task[Any]] = set()

    def tell(self, observation: str, **content: Any) -> None:
        self.observers.tell({"observation": observation, **content})

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    def counters(self) -> Event:
        return {
            "name": self.config.name,
            "open_turns": self.open_turns,
            "moving_tasks": 0,
            "unsent": self.unsent(),
            "serving": self.serving(),
            "links": {
                each.name: {"peer": each.peer, "out": each.out, "in": each.into}
                for each in self.links.values()
            },
            "changes": self.changes,
        }

    def unsent(self) -> int:
        return 0

    def serving(self) -> bool:
        return False

    def handlers(self) -> dict[str, Handler]:
        return {}

    def received(self, link: Link, message: Message) -> None:
        raise NotImplementedError

    def opened(self, link: Link) -> None:
        """Hear of a new link."""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = json.loads(await reader.readline() or b"{}")
        if hello:
            await self.follow(Link(hello["link"], hello["device"], reader, writer))

    async def dial(self, profile: Profile) -> None:
        """Keep a link to the node of this profile, for ever."""
        peer = self.roster.of_profile(profile)[0].id
        while True:
            with contextlib.suppress(OSError):
                streams = await asyncio.open_connection(*split_address(self.config.peers[peer]))
                link = Link(secrets.token_hex(6), peer, *streams)
                hello = {"link": link.name, "device": self.config.device}
                streams[1].write(json.dumps(hello).encode() + b"\n")
                await self.follow(link)
            await asyncio.sleep(_RETRY)

    async def follow(self, link: Link) -> None:
        self.links[link.name] = link
        try:
            self.opened(link)
            while (message := await link.receive()) is not None:
                self.received(link, message)
        finally:
            del self.links[link.name]
            link.close()

    def link_to(self, profile: Profile) -> Link | None:
        peers = {each.id for each in self.roster.of_profile(profile)}
        return next((each for each in self.links.values() if each.peer in peers), None)

    async def touch(self, request: Event, emit: Emit) -> Event:
        return {}

    async def run(self) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        control = control_server(
            Path(os.environ["MANYENDS_CONTROL"]),
            self.clock,
            self.observers,
            self.counters,
            {"touch": self.touch},
        )
        user = LinesServer(self.folder.socket, self.handlers())
        await control.start()
        await user.start()
        if self.config.listen is not None:
            await asyncio.start_server(self.accept, *split_address(self.config.listen))
        self.begin()
        await stop.wait()
        await control.stop()
        await user.stop()

    def begin(self) -> None:
        """Start what goes on by itself."""
