"""Peers that misbehave: a connection of nobody in particular, and a link of a real device."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import StateFolder, split_address
from manyends.protocol.io.tls import client_context
from manyends.protocol.io.websockets import Wire, dial
from manyends.protocol.messages import SUBPROTOCOL
from manyends.protocol.session import Session, Side

from .household import Household


@asynccontextmanager
async def stranger(address: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket to a node, with nobody behind it yet."""
    async with connect(
        f"wss://{address}/",
        ssl=client_context(),
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_size=None,
        proxy=None,
        close_timeout=1,
    ) as socket:
        yield socket


@asynccontextmanager
async def member(house: Household, name: str, to: str) -> AsyncIterator[Wire]:
    """An open link of a device that does not run itself; its identity is used here."""
    folder = StateFolder(house.nodes[name])
    roster = folder.roster()
    wire = await dial(
        *split_address(house.addresses[to]),
        Clock(),
        lambda pin: Session(
            Side.CLIENT,
            folder.entry(folder.config()),
            folder.identity(),
            roster.device,
            pin,
            secrets.token_bytes,
        ),
        5,
    )
    try:
        yield wire
    finally:
        await wire.close()


def raw(wire: Wire) -> ClientConnection:
    """Return the socket below a link, to send what no well-behaved peer would."""
    socket = wire._socket
    assert isinstance(socket, ClientConnection)
    return socket


async def told(socket: ClientConnection) -> dict[str, Any]:
    """Return the error by which the peer ends the connection, and see that it does."""
    error: dict[str, Any] = {}
    try:
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == "error":
                error = message
    except ConnectionClosed as closed:
        if not error and closed.rcvd is not None:
            return {"code": closed.rcvd.code, "reason": closed.rcvd.reason}
    return error
