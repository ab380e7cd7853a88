"""Links over real sockets with real TLS: who gets in, what breaks them, and who hears of it."""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.protocol.household import BRAIN, LAPTOP, ROSTER, STRANGER, entropy, identity
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from manyends.protocol.codec import MAX_TEXT_FRAME, decode
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io import websockets
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.tls import client_context, make_certificate, server_context
from manyends.protocol.io.websockets import LinkLostError, Wire, dial, serving
from manyends.protocol.messages import SUBPROTOCOL, Bye, Error, HomeCommand, Message, Ping, Pong
from manyends.protocol.roster import Roster, RosterEntry
from manyends.protocol.session import Phase, Session, Side

CERTIFICATE, PIN = make_certificate()
LISTENING = BRAIN.model_copy(update={"tls_key": PIN})
HOUSEHOLD = ROSTER.model_copy(update={"devices": (LISTENING, *ROSTER.devices[1:])})


@dataclass
class Server:
    """What a scene has of the listening side."""

    port: int = 0
    links: asyncio.Queue[Wire] = field(default_factory=asyncio.Queue)
    refusals: asyncio.Queue[ProtocolError] = field(default_factory=asyncio.Queue)

    async def dial(
        self, me: RosterEntry = LAPTOP, roster: Roster = HOUSEHOLD, key: str | None = None
    ) -> Wire:
        def new_session(shown: str) -> Session:
            keys = identity(key or me.name)
            return Session(Side.CLIENT, me, keys, roster.device, shown, entropy(me.name), BRAIN.id)

        return await dial("127.0.0.1", self.port, Clock(), new_session, 10)

    def session(self) -> Session:
        """Return a new session of the listening side."""
        keys = identity("brain")
        return Session(Side.SERVER, LISTENING, keys, HOUSEHOLD.device, PIN, secrets.token_bytes)

    async def raw(self, subprotocol: str | None = SUBPROTOCOL) -> ClientConnection:
        """Connect without a session."""
        return await connect(
            f"wss://127.0.0.1:{self.port}/",
            ssl=client_context(),
            subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
            proxy=None,
            close_timeout=1,
        )

    async def both(self) -> tuple[Wire, Wire]:
        """Return the client's and the server's end of a link."""
        return await self.dial(), await self.links.get()


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    path = tmp_path / "tls.pem"
    path.write_bytes(CERTIFICATE)
    return server_context(path)


def play(tls: ssl.SSLContext, scene: Callable[[Server], Awaitable[None]]) -> None:
    """Run a scene while a server listens. Links live until the scene is over."""

    async def all_of_it() -> None:
        server, over = Server(), asyncio.Event()

        async def on_link(wire: Wire) -> None:
            server.links.put_nowait(wire)
            await over.wait()

        async with asyncio.timeout(30):
            async with serving(
                "127.0.0.1",
                0,
                tls,
                Clock(),
                server.session,
                on_link,
                server.refusals.put_nowait,
            ) as server.port:
                try:
                    await scene(server)
                finally:
                    over.set()

    asyncio.run(all_of_it())


async def breach(wire: Wire) -> ErrorCode:
    with pytest.raises(ProtocolError) as caught:
        await wire.receive()
    return caught.value.code


async def lost(wire: Wire) -> None:
    with pytest.raises(LinkLostError):
        await wire.receive()
    assert wire.session.phase is Phase.CLOSED


async def error(wire: Wire) -> ErrorCode:
    message = await wire.receive()
    assert isinstance(message, Error)
    return message.code


def command(text: str) -> Message:
    return HomeCommand(id="1", key="k", device="d", action="a", args={"text": text})


def test_messages_go_both_ways_in_order(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        assert client.session.peer == LISTENING
        assert peer.session.peer == LAPTOP
        assert client.session.link == peer.session.link
        for sender, receiver in ((client, peer), (peer, client)):
            sent = [command("ü" * size) for size in (0, 10, 100_000)]
            for message in sent:
                await sender.send(message)
            assert [await receiver.receive() for _ in sent] == sent
        await client.close()

    play(tls, scene)


def test_pings_are_not_counted_as_frames(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await client.send(Ping(id=1))
        assert await peer.receive() == Ping(id=1)
        await peer.send(Pong(id=1))
        assert await client.receive() == Pong(id=1)
        await client.send(command("x"))
        await peer.receive()
        assert (client.frames_out, client.frames_in) == (1, 0)
        assert (peer.frames_out, peer.frames_in) == (0, 1)
        await client.close()

    play(tls, scene)


@pytest.mark.parametrize(("me", "key"), [(STRANGER, None), (LAPTOP, "thief")])
def test_a_client_that_is_refused_hears_the_code(
    tls: ssl.SSLContext, me: RosterEntry, key: str | None
) -> None:
    async def scene(server: Server) -> None:
        with pytest.raises(ProtocolError, match="not of the household") as caught:
            await server.dial(me, key=key)
        assert caught.value.code is ErrorCode.NOT_PAIRED
        assert (await server.refusals.get()).code is ErrorCode.NOT_PAIRED
        assert server.links.empty()

    play(tls, scene)


def test_a_certificate_that_is_not_in_the_roster_is_refused_before_anything_is_said(
    tls: ssl.SSLContext,
) -> None:
    async def scene(server: Server) -> None:
        with pytest.raises(ProtocolError, match="TLS key") as caught:
            await server.dial(roster=ROSTER)
        assert caught.value.code is ErrorCode.NOT_PAIRED
        assert (await server.refusals.get()).code is ErrorCode.NOT_PAIRED

    play(tls, scene)


def test_where_nobody_answers_there_is_no_link(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        other = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        server.port = other.sockets[0].getsockname()[1]
        for _ in range(2):
            with pytest.raises(LinkLostError, match="no answer"):
                await server.dial()
            other.close()

    play(tls, scene)


def test_a_server_that_speaks_something_else_is_no_link(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        async def not_found(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        other = await asyncio.start_server(not_found, "127.0.0.1", 0, ssl=tls)
        server.port = other.sockets[0].getsockname()[1]
        with pytest.raises(LinkLostError, match="404"):
            await server.dial()
        other.close()

    play(tls, scene)


@pytest.mark.parametrize("subprotocol", [None, "manyends.2"])
def test_a_connection_without_the_subprotocol_is_refused(
    tls: ssl.SSLContext, subprotocol: str | None
) -> None:
    async def scene(server: Server) -> None:
        with pytest.raises(InvalidStatus) as caught:
            await server.raw(subprotocol)
        assert caught.value.response.status_code == 400

    play(tls, scene)


def test_a_client_that_does_not_greet_is_shut_out(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "HANDSHAKE_SECONDS", 0.2)

    async def scene(server: Server) -> None:
        socket = await server.raw()
        assert decode(await socket.recv()).type == "challenge"
        with pytest.raises(ConnectionClosed, match="1002"):
            await socket.recv()
        assert server.links.empty()
        assert server.refusals.empty()

    play(tls, scene)


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\n"])
def test_a_connection_without_tls_is_shut(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(websockets, "HANDSHAKE_SECONDS", 0.2)

    async def scene(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(first)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    play(tls, scene)


def test_a_connection_that_never_becomes_a_websocket_is_shut(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "HANDSHAKE_SECONDS", 0.2)

    async def scene(server: Server) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=client_context()
        )
        await reader.read()
        writer.close()

    play(tls, scene)


def test_a_server_that_does_not_challenge_is_given_up(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "HANDSHAKE_SECONDS", 0.2)

    async def silent(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async def scene(server: Server) -> None:
        protocols = [Subprotocol(SUBPROTOCOL)]
        async with serve(silent, "127.0.0.1", 0, ssl=tls, subprotocols=protocols) as other:
            server.port = other.sockets[0].getsockname()[1]
            with pytest.raises(LinkLostError, match="too long"):
                await server.dial()

    play(tls, scene)


@pytest.mark.parametrize("frame", ['{"type":"later","x":1}', b"\x00\x01"])
def test_what_is_not_supported_is_answered_and_the_link_goes_on(
    tls: ssl.SSLContext, frame: str | bytes
) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await client._socket.send(frame)
        await client.send(command("x"))
        assert await peer.receive() == command("x")
        assert await error(client) is ErrorCode.UNSUPPORTED
        await peer.send(command("y"))
        assert await client.receive() == command("y")
        await client.close()

    play(tls, scene)


@pytest.mark.parametrize("frame", ['{"type":"later"}', b"\x00", '{"type":"ping","id":1}'])
def test_before_the_handshake_nothing_else_is_answered_and_the_connection_closed(
    tls: ssl.SSLContext, frame: str | bytes
) -> None:
    async def scene(server: Server) -> None:
        socket = await server.raw()
        await socket.recv()
        await socket.send(frame)
        assert decode(await socket.recv()).type == "error"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert server.links.empty()
        await server.refusals.get()

    play(tls, scene)


@pytest.mark.parametrize("frame", ["", "{}", '{"type":"ping"}'])
def test_a_bad_message_is_told_and_closes_the_link(tls: ssl.SSLContext, frame: str) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await client._socket.send(frame)
        assert await breach(peer) is ErrorCode.BAD_MESSAGE
        assert await error(client) is ErrorCode.BAD_MESSAGE
        await lost(client)

    play(tls, scene)


def test_a_second_handshake_is_told_and_closes_the_link(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await peer._socket.send('{"type":"welcome","signature":"","link":""}')
        assert await breach(client) is ErrorCode.OUT_OF_ORDER
        assert await error(peer) is ErrorCode.OUT_OF_ORDER
        await lost(peer)

    play(tls, scene)


def test_an_error_on_an_open_link_does_not_close_it(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await client._socket.send('{"type":"error","code":"gap","retry":"now"}')
        assert await error(peer) is ErrorCode.GAP
        await peer.send(command("x"))
        assert await client.receive() == command("x")
        await client.close()

    play(tls, scene)


@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_frame_over_our_limit_is_too_big_on_both_sides(tls: ssl.SSLContext, letter: str) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        over = MAX_TEXT_FRAME // len(letter.encode())
        await client._socket.send(command(letter * over).model_dump_json())
        assert await breach(peer) is ErrorCode.TOO_BIG
        assert await error(client) is ErrorCode.TOO_BIG
        await lost(client)

    play(tls, scene)


def test_a_frame_over_the_librarys_limit_is_too_big_on_both_sides(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await client._socket.send("x" * (2 * MAX_TEXT_FRAME + 1))
        assert await breach(peer) is ErrorCode.TOO_BIG
        assert await breach(client) is ErrorCode.TOO_BIG
        with pytest.raises(LinkLostError):
            await client.send(command("x"))

    play(tls, scene)


def test_what_no_peer_would_take_is_not_sent_and_the_link_goes_on(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        with pytest.raises(ProtocolError) as caught:
            await client.send(command("x" * MAX_TEXT_FRAME))
        assert caught.value.code is ErrorCode.TOO_BIG
        await client.send(command("x"))
        assert await peer.receive() == command("x")
        await client.close()

    play(tls, scene)


def test_who_closes_says_goodbye(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await client.close("enough")
        await client.close("twice")
        assert await peer.receive() == Bye(reason="enough")
        await lost(peer)
        with pytest.raises(LinkLostError):
            await client.send(command("x"))

    play(tls, scene)


def test_a_goodbye_before_the_handshake_is_no_refusal(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        socket = await server.raw()
        await socket.recv()
        await socket.send('{"type":"bye"}')
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert server.links.empty()
        assert server.refusals.empty()

    play(tls, scene)


def test_who_ends_a_link_for_a_breach_says_which(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        await peer.fail(ProtocolError(ErrorCode.FORBIDDEN, "not yours"))
        assert await error(client) is ErrorCode.FORBIDDEN
        await lost(client)

    play(tls, scene)


def test_a_peer_that_vanishes_is_a_lost_link(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        client, peer = await server.both()
        client._socket.transport.abort()
        await lost(peer)
        with pytest.raises(LinkLostError):
            await client.send(command("x"))
        await client.close()
        other, peer = await server.both()
        other._socket.transport.abort()
        await peer._socket.wait_closed()
        await peer.close("it will not be heard")
        assert peer.session.phase is Phase.CLOSED

    play(tls, scene)


def test_a_link_whose_owner_has_enough_of_it_is_closed(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        async def refuse(wire: Wire) -> None:
            raise ProtocolError(ErrorCode.BUSY, "not now")

        async with serving(
            "127.0.0.1",
            0,
            tls,
            Clock(),
            server.session,
            refuse,
            server.refusals.put_nowait,
        ) as server.port:
            client = await server.dial()
            await lost(client)

    play(tls, scene)


def test_a_port_that_is_taken_is_said(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        with pytest.raises(OSError, match=r"."):
            async with serving(
                "127.0.0.1",
                server.port,
                tls,
                Clock(),
                lambda: pytest.fail("nobody dials"),
                lambda wire: asyncio.sleep(0),
                server.refusals.put_nowait,
            ):
                pass

    play(tls, scene)


def test_when_the_server_ends_its_links_do(tls: ssl.SSLContext) -> None:
    async def scene(server: Server) -> None:
        async with serving(
            "127.0.0.1", 0, tls, Clock(), server.session, lost, server.refusals.put_nowait
        ) as server.port:
            client = await server.dial()
        await lost(client)

    play(tls, scene)
