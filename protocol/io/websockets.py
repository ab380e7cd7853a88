"""Messages over real WebSockets: dialling, serving, and the handshake on top of both."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from manyends.protocol.codec import MAX_TEXT_FRAME, decode, encode
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.messages import SUBPROTOCOL, Message, Ping, Pong
from manyends.protocol.session import Phase, Session

from .clock import Clock
from .tls import certificate_pin, client_context

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 5.0
"""A connection that has not become a link by then is shut."""

_TOO_BIG = 1009
_CLIENT_TLS = client_context()


class LinkLostError(Exception):
    """The connection is gone; what was not acknowledged has to be sent again."""


class Wire:
    """An open link: a WebSocket, its session, and how many frames went each way."""

    def __init__(self, socket: ClientConnection | ServerConnection, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self.session: Session
        self.frames_out = 0
        self.frames_in = 0

    @property
    def tls_key(self) -> str:
        """The pin of the certificate that the server shows on this connection."""
        tls = self._socket.transport.get_extra_info("ssl_object")
        return certificate_pin(tls.getpeercert(binary_form=True))

    async def handshake(self, session: Session) -> None:
        """Become a link, or raise: `ProtocolError` for a refusal, `LinkLostError` for silence."""
        self.session = session
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                session.start(self._clock.wall_ms())
                await self._flush()
                while session.phase is not Phase.OPEN:
                    await self._take()
                    if session.phase is Phase.CLOSED:
                        raise LinkLostError("the peer said goodbye")
        except TimeoutError:
            session.lost()
            await self._socket.close(1002, "the handshake took too long")
            raise LinkLostError("the handshake took too long") from None

    async def send(self, message: Message) -> None:
        """Send a message of an open link; `LinkLostError` if it is gone."""
        if self.session.phase is not Phase.OPEN:
            raise LinkLostError("the link is closed")
        frame = encode(message)
        self.session.send(message)
        self.session.outbox.pop()
        if not isinstance(message, Ping | Pong):
            self.frames_out += 1
        await self._write(frame)

    async def receive(self) -> Message:
        """Return the next message that the node has to act on.

        Raises `LinkLostError` when the connection ends, `ProtocolError` for a breach by the peer:
        it was told, and the connection is closed. An unsupported message is answered with its
        error and passed over.
        """
        while True:
            message = await self._take()
            if message is not None:
                if not isinstance(message, Ping | Pong):
                    self.frames_in += 1
                return message

    async def close(self, reason: str = "") -> None:
        """Say goodbye and close."""
        if self.session.phase is Phase.OPEN:
            self.session.close(reason)
            await self._farewell()
        await self._socket.close()

    async def fail(self, breach: ProtocolError) -> None:
        """Tell the peer of its breach and close."""
        self.session.fail(breach)
        await self._farewell()
        await self._socket.close()

    async def _farewell(self) -> None:
        try:
            await self._flush()
        except LinkLostError:
            log.debug("the peer was gone before it could be told")

    async def _take(self) -> Message | None:
        try:
            message = decode(await self._socket.recv())
        except ConnectionClosed as closed:
            raise self._closed(closed) from None
        except ProtocolError as breach:
            if breach.code is ErrorCode.UNSUPPORTED and self.session.phase is Phase.OPEN:
                await self._answer(breach)
                return None
            await self.fail(breach)
            raise
        try:
            kept = self.session.receive(message, self._clock.wall_ms())
        except ProtocolError:
            await self._farewell()
            await self._socket.close()
            raise
        await self._flush()
        return kept

    async def _answer(self, breach: ProtocolError) -> None:
        phase = self.session.phase
        self.session.fail(breach)
        self.session.phase = phase
        await self._flush()

    def _closed(self, closed: ConnectionClosed) -> Exception:
        self.session.lost()
        for frame in (closed.sent, closed.rcvd):
            if frame is not None and frame.code == _TOO_BIG:
                return ProtocolError(
                    ErrorCode.TOO_BIG, f"a frame was longer than {MAX_TEXT_FRAME} bytes"
                )
        return LinkLostError(str(closed))

    async def _flush(self) -> None:
        while self.session.outbox:
            await self._write(encode(self.session.outbox.pop(0)))

    async def _write(self, frame: str) -> None:
        try:
            await self._socket.send(frame)
        except ConnectionClosed as closed:
            raise self._closed(closed) from None


async def dial(
    host: str, port: int, clock: Clock, new_session: Callable[[str], Session], timeout: float
) -> Wire:
    """Connect and shake hands; `new_session` gets the pin of the certificate that was shown.

    Raises `LinkLostError` if nobody answers there, `ProtocolError` if the other side refuses or
    is not who it should be.
    """
    try:
        async with asyncio.timeout(timeout):
            socket = await connect(
                f"wss://{f'[{host}]' if ':' in host else host}:{port}/",
                ssl=_CLIENT_TLS,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                max_size=2 * MAX_TEXT_FRAME,
                ping_interval=None,
                proxy=None,
                close_timeout=1,
            )
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError, ValueError, EOFError) as error:
        raise LinkLostError(f"no answer from {host}:{port}: {error or 'time out'}") from None
    wire = Wire(socket, clock)
    try:
        await wire.handshake(new_session(wire.tls_key))
    except BaseException:
        await socket.close()
        raise
    return wire


@asynccontextmanager
async def serving(
    host: str,
    port: int,
    tls: ssl.SSLContext,
    clock: Clock,
    new_session: Callable[[], Session],
    on_link: Callable[[Wire], Awaitable[None]],
    on_refusal: Callable[[ProtocolError], None],
) -> AsyncIterator[int]:
    """Listen while the context lasts; yield the port, and run `on_link` for each open link.

    `on_refusal` hears of every connection that did not become one. Raises `OSError` if the
    address is taken.
    """

    async def handle(socket: ServerConnection) -> None:
        wire = Wire(socket, clock)
        try:
            await wire.handshake(new_session())
        except ProtocolError as refusal:
            on_refusal(refusal)
            return
        except LinkLostError as lost:
            log.debug("a connection ended before it was a link: %s", lost)
            return
        with contextlib.suppress(LinkLostError, ProtocolError):
            await on_link(wire)

    server = await serve(
        handle,
        host,
        port,
        ssl=tls,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_size=2 * MAX_TEXT_FRAME,
        ping_interval=None,
        close_timeout=1,
        open_timeout=HANDSHAKE_SECONDS,
        ssl_handshake_timeout=HANDSHAKE_SECONDS,
        server_header=None,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
