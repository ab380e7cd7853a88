"""The virtual home: a process of its own that stands for real lights, locks and heatings.

It is a thin node of the roster. Any paired device may command it, read it, and hears of every
change; hands reach it through its user socket.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from manyends.protocol.errors import RETRY, ErrorCode, ProtocolError
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.control import Observers, control_server
from manyends.protocol.io.folder import ConfigError, StateFolder, split_address
from manyends.protocol.io.lines import Emit, Event, LinesServer
from manyends.protocol.io.tls import server_context
from manyends.protocol.io.websockets import LinkLostError, Wire, serving
from manyends.protocol.messages import (
    Bye,
    Error,
    HomeCommand,
    HomeRead,
    HomeResult,
    HomeState,
    Message,
    Ping,
    Pong,
)
from manyends.protocol.roster import Profile
from manyends.protocol.session import Session, Side

from .description import read_home
from .model import Device, Outcome
from .store import HomeStore

log = logging.getLogger(__name__)

SILENCE_SECONDS = 75.0
"""A link that says nothing for so long, three pings, is shut."""
_QUEUE = 2000
"""Messages that may wait for one link; who takes none is shut out."""
_CLOSE_SECONDS = 2.0
_DEVICES_A_FRAME = 300
"""Keeps a complete state within the frame limit: 850 bytes a device."""


class _Link:
    """One open link: what waits to be sent on it, in order."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.waiting: asyncio.Queue[Message] = asyncio.Queue(_QUEUE)
        self.patience = asyncio.timeout(None)

    def put(self, message: Message) -> None:
        """Queue a message; a link whose peer takes none is given up."""
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.patience.reschedule(asyncio.get_running_loop().time())

    async def receive(self) -> Message:
        """Return the next message; `TimeoutError` if the peer is silent or takes nothing."""
        async with asyncio.timeout(SILENCE_SECONDS) as self.patience:
            return await self.wire.receive()

    async def close(self, reason: str = "") -> None:
        """Close, without waiting long for a peer that takes nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.wire.close(reason)

    @property
    def peer(self) -> str:
        return self.wire.session.peer.id if self.wire.session.peer else ""

    async def pump(self) -> None:
        """Send what waits until the link is gone."""
        with contextlib.suppress(LinkLostError):
            while True:
                await self.wire.send(await self.waiting.get())


class VirtualHome:
    """One home, served from a state folder until it is told to stop."""

    def __init__(self, folder: StateFolder, clock: Clock, control: Path | None = None) -> None:
        """Take the folder, the clock, and where to put the control socket, if anywhere."""
        self._folder = folder
        self._clock = clock
        self._control = control
        self._observers = Observers(keep=control is not None)
        self._links: dict[str, _Link] = {}
        self._store: HomeStore
        self._changes = 0
        self.port = 0
        self.ready = asyncio.Event()
        """Set once the home listens, on `port`."""

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; `ConfigError` if the home can't be opened or can't listen."""
        self._config = self._folder.config()
        if self._config.profile is not Profile.HOME:
            raise ConfigError(f"{self._folder.path} is a {self._config.profile}, not a home")
        if self._config.listen is None:
            raise ConfigError(f"{self._folder.path / 'node.toml'}: listen: a home has to listen")
        described = read_home(self._folder.path)
        self._store = HomeStore(self._folder.database, described, self._clock.wall_ms())
        try:
            async with self._sockets(), self._listening(*split_address(self._config.listen)):
                log.info("listening on port %d", self.port)
                self.ready.set()
                await stop.wait()
                closing = (each.close("the home stops") for each in self._links.values())
                await asyncio.gather(*closing)
        finally:
            self._store.close()
        log.info("stopped")

    @contextlib.asynccontextmanager
    async def _listening(self, host: str, port: int) -> AsyncIterator[None]:
        entry = self._folder.entry(self._config)
        identity = self._folder.identity()
        roster = self._folder.roster()
        pin = self._folder.pin()

        def session() -> Session:
            return Session(Side.SERVER, entry, identity, roster.device, pin, secrets.token_bytes)

        def refused(refusal: ProtocolError) -> None:
            log.warning("a connection was refused: %s", refusal.reason)

        tls = server_context(self._folder.tls)
        async with contextlib.AsyncExitStack() as stack:
            server = serving(host, port, tls, self._clock, session, self._serve, refused)
            try:
                self.port = await stack.enter_async_context(server)
            except OSError as error:
                raise ConfigError(
                    f"the home can't listen on {host}:{port}: {error.strerror}. "
                    "Is it running already? Else change `listen` in node.toml."
                ) from None
            yield

    @contextlib.asynccontextmanager
    async def _sockets(self) -> AsyncIterator[None]:
        user = {
            "state": self._on_state,
            "counts": self._on_counts,
            "set": self._on_set,
            "watch": self._observers.stream,
        }
        servers = [LinesServer(self._folder.socket, user)]
        if self._control is not None:
            servers.append(
                control_server(self._control, self._clock, self._observers, self._counters)
            )
        try:
            for each in servers:
                await each.start()
        except OSError as error:
            raise ConfigError(f"{self._folder.socket} can't be opened: {error}") from None
        try:
            yield
        finally:
            for each in servers:
                await each.stop()

    async def _serve(self, wire: Wire) -> None:
        link = _Link(wire)
        self._links[wire.session.link] = link
        log.info("%s is connected", link.peer)
        pump = asyncio.create_task(link.pump(), name=f"send to {link.peer}")
        try:
            while True:
                message = await link.receive()
                if isinstance(message, Bye | Error):
                    break
                self._answer(link, message)
        except TimeoutError:
            log.warning("%s says or takes nothing; its link is shut", link.peer)
        finally:
            del self._links[wire.session.link]
            pump.cancel()
            await asyncio.wait([pump])
            await link.close()

    def _answer(self, link: _Link, message: Message) -> None:
        match message:
            case Ping():
                link.put(Pong(id=message.id))
            case HomeCommand():
                self._command(link, message)
            case HomeRead():
                self._read(link, message)
            case _:
                code = ErrorCode.UNSUPPORTED
                reason = f"a home takes no {message.type}"
                link.put(Error(code=code, reason=reason, retry=RETRY[code]))

    def _command(self, link: _Link, command: HomeCommand) -> None:
        try:
            carried = self._store.command(command, self._clock.wall_ms())
        except ProtocolError as failure:
            log.error("%s by %s: %s", command.action, link.peer, failure.reason)
            link.put(_result(command.id, Outcome(ok=False, error=failure.reason)))
            return
        # The change goes before the answer, so that who asked sees the new state with it.
        self._told(carried.changed, "command")
        if carried.counted is not None:
            self._observers.tell(
                {
                    "observation": "effect",
                    "action": command.action,
                    "device": command.device,
                    "count": carried.counted,
                }
            )
        link.put(_result(command.id, carried.outcome))

    def _read(self, link: _Link, read: HomeRead) -> None:
        if read.key is None:
            for message in _complete(read.id, self._store):
                link.put(message)
            return
        try:
            outcome = self._store.find(read.key)
        except ProtocolError as failure:
            link.put(_result(read.id, Outcome(ok=False, error=failure.reason)))
            return
        link.put(
            HomeResult(id=read.id, found=False, ok=False)
            if outcome is None
            else _result(read.id, outcome)
        )

    def _told(self, devices: Iterable[Device], by: str) -> None:
        """Tell every link, and who watches, of devices that changed."""
        for device in devices:
            self._changes += 1
            for link in self._links.values():
                link.put(HomeState(devices=[device.model_dump(mode="json")]))
            self._observers.tell(
                {"observation": "state", "device": device.id, "state": device.state, "by": by}
            )

    async def _on_state(self, request: Event, emit: Emit) -> Event:
        return self._store.view().model_dump(mode="json")

    async def _on_counts(self, request: Event, emit: Emit) -> Event:
        effects, repeats = self._store.counts()
        return {"effects": effects, "repeats": repeats}

    async def _on_set(self, request: Event, emit: Emit) -> Event:
        device, differs = self._store.hand(request["device"], dict(request["state"]))
        if differs:
            self._told((device,), "hand")
        return {"device": device.model_dump(mode="json")}

    def _counters(self) -> Event:
        links = {
            name: {"peer": each.peer, "out": each.wire.frames_out, "in": each.wire.frames_in}
            for name, each in self._links.items()
        }
        return {
            "name": self._config.name,
            "open_turns": 0,
            "moving_tasks": 0,
            "unsent": sum(each.waiting.qsize() for each in self._links.values()),
            "serving": self.ready.is_set(),
            "links": links,
            "changes": self._changes,
        }


def _result(message_id: str, outcome: Outcome) -> HomeResult:
    device = None if outcome.device is None else outcome.device.model_dump(mode="json")
    return HomeResult(
        id=message_id,
        ok=outcome.ok,
        error=outcome.error[:500],
        device=device,
        before=outcome.before,
    )


def _complete(message_id: str, store: HomeStore) -> list[HomeState]:
    """Return the whole home under this id, in as many messages as it takes; the last says so."""
    view = store.view()
    devices = [each.model_dump(mode="json") for each in view.devices]
    starts = range(0, max(1, len(devices)), _DEVICES_A_FRAME)
    return [
        HomeState(
            id=message_id,
            areas=list(view.areas),
            devices=devices[start : start + _DEVICES_A_FRAME],
            complete=start + _DEVICES_A_FRAME >= len(devices),
        )
        for start in starts
    ]
