"""Who is linked to this node: it dials its serving node, and listens if it has an address."""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from manyends.protocol.errors import ProtocolError
from manyends.protocol.ids import DeviceId
from manyends.protocol.io.folder import ConfigError, NodeConfig, StateFolder, split_address
from manyends.protocol.io.tls import server_context
from manyends.protocol.io.websockets import LinkLostError, Wire, dial, serving
from manyends.protocol.messages import Message, Presence, TurnDelta
from manyends.protocol.roster import Profile, RosterEntry
from manyends.protocol.session import Session, Side

from .core import Core
from .links import Link

log = logging.getLogger(__name__)

DIAL_SECONDS = 3.0
FIRST_BACK_OFF, LAST_BACK_OFF = 0.1, 2.0


class Network:
    """The links of this node, and who is online as far as it knows."""

    def __init__(
        self, core: Core, config: NodeConfig, on_delta: Callable[[TurnDelta], None]
    ) -> None:
        """`on_delta` gets the pieces of answers that are meant for this device."""
        self._core = core
        self._config = config
        self._on_delta = on_delta
        self.links: dict[DeviceId, Link] = {}
        self.serving: Link | None = None
        """The link to the node that serves this one."""
        self._told_online: frozenset[DeviceId] = frozenset()

    @property
    def serving_node(self) -> RosterEntry | None:
        """The node that serves this one: the brain itself, or whom it could dial."""
        if self._core.me.profile is Profile.BRAIN:
            return self._core.me
        return self.serving.peer if self.serving else None

    def online(self, device: DeviceId) -> bool:
        """Say whether a device has a link now, as far as this node knows."""
        return device == self._core.me.id or device in self.links or device in self._told_online

    @asynccontextmanager
    async def listening(self, folder: StateFolder) -> AsyncIterator[None]:
        """Take links while the context lasts, if this node has an address to listen on."""
        if self._config.listen is None:
            yield
            return
        host, port = split_address(self._config.listen)
        pin = folder.pin()
        try:
            async with serving(
                host,
                port,
                server_context(folder.tls),
                self._core.clock,
                lambda: self._session(Side.SERVER, pin, None),
                self._run,
                self._refused,
            ) as bound:
                log.info("listening on %s:%d", host, bound)
                yield
        except OSError as error:
            raise ConfigError(
                f"{self._config.name} can't listen on {self._config.listen}: {error.strerror}. "
                f"Is another one running? Else change `listen` in node.toml."
            ) from None

    async def dial(self) -> None:
        """Keep a link to the first node of the roster's order that can be reached, for ever."""
        back_off = FIRST_BACK_OFF
        while True:
            for entry in self._core.roster.dial_order(self._core.me.id):
                if await self._serve_by(entry):
                    back_off = FIRST_BACK_OFF
                    break
            await asyncio.sleep(back_off * random.uniform(0.5, 1))  # noqa: S311 - a spread
            back_off = min(2 * back_off, LAST_BACK_OFF)

    async def send(self, device: DeviceId, message: Message) -> None:
        """Pass a message to a device, through the serving node if need be."""
        link = self.links.get(device) or self.serving
        if link is not None:
            await link.send(message)

    async def _serve_by(self, entry: RosterEntry) -> bool:
        """Be served by this node until the link ends; say whether it lived for a while."""
        address = self._config.peers.get(entry.id)
        if address is None:
            return False
        try:
            wire = await dial(
                *split_address(address),
                self._core.clock,
                lambda pin: self._session(Side.CLIENT, pin, entry.id),
                DIAL_SECONDS,
            )
        except LinkLostError as lost:
            log.debug("no link to %s: %s", entry.name, lost)
            return False
        except ProtocolError as refusal:
            log.error("%s refuses: %s", entry.name, refusal)
            self._core.tell("error", code=refusal.code, reason=refusal.reason)
            return False
        began = self._core.clock.elapsed()
        try:
            with contextlib.suppress(LinkLostError, ProtocolError):
                await self._run(wire)
        except Exception:
            # A fault of ours in one link must not take the lights down with it.
            log.exception("the link with %s broke", entry.name)
        return self._core.clock.elapsed() - began > LAST_BACK_OFF

    async def _run(self, wire: Wire) -> None:
        """Live with one link until it ends."""
        link = Link(self._core, wire, self._passing)
        old = self.links.get(link.peer.id)
        if old is not None:
            await old.wire.close("a newer link took its place")
        self.links[link.peer.id] = link
        dialled = wire.session.side is Side.CLIENT
        if dialled:
            self.serving = link
        log.info("linked with %s", link.peer.name)
        self._core.tell("link", peer=link.peer.name, up=True)
        await self._tell_presence()
        try:
            await link.run()
        except (LinkLostError, ProtocolError) as lost:
            log.info("the link with %s ended: %s", link.peer.name, lost)
            raise
        finally:
            if self.links.get(link.peer.id) is link:
                del self.links[link.peer.id]
            if self.serving is link:
                self.serving = None
                self._told_online = frozenset()
            self._core.tell("link", peer=link.peer.name, up=False)
            await self._tell_presence()

    async def _passing(self, link: Link, message: Message) -> None:
        match message:
            case Presence() if link is self.serving:
                self._told_online = frozenset(message.online)
            case TurnDelta() if message.to == self._core.me.id:
                self._on_delta(message)
            case TurnDelta() if message.to in self.links:
                await self.links[message.to].send(message)
            case _:
                log.debug("%s from %s is passed over", message.type, link.peer.name)

    async def _tell_presence(self) -> None:
        if self._core.me.profile is not Profile.BRAIN:
            return
        online = [self._core.me.id, *self.links]
        for link in list(self.links.values()):
            await link.send(Presence(online=online))

    def _refused(self, refusal: ProtocolError) -> None:
        log.warning("a connection was refused: %s", refusal)
        self._core.tell("refused", code=refusal.code, reason=refusal.reason)

    def _session(self, side: Side, tls_key: str, expected: DeviceId | None) -> Session:
        return Session(
            side,
            self._core.me,
            self._core.replica.identity,
            self._core.roster.device,
            tls_key,
            secrets.token_bytes,
            expected,
        )
