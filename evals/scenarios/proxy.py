"""A TCP proxy that stands for the network between two processes, and can be cut."""

import asyncio
import contextlib
import socket
import struct

_BLOCK = 65536
_LINGER_NOT = struct.pack("ii", 1, 0)


class Proxy:
    """Passes connections on to an address.

    Refusing, it is as if nobody listened there; cut, also the connections that exist are reset.
    """

    def __init__(self, host: str, port: int) -> None:
        """Take the address that connections are passed on to; `start` takes a port."""
        self._target = (host, port)
        self._port = 0
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        """Where to connect; it stays the same."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Take a free port, and refuse until `heal`."""
        self._bind()

    async def heal(self) -> None:
        """Let connections through; nothing changes if they are."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, sock=self._socket)

    def refuse(self) -> None:
        """Refuse new connections; nothing changes if it does."""
        if self._server is not None:
            self._close()
            self._bind()  # bound but not listening: nobody else gets the port, and it refuses

    async def cut(self) -> None:
        """Refuse new connections and reset those that exist."""
        self.refuse()
        await self._reset_all()

    async def stop(self) -> None:
        """End all of it."""
        self._close()
        await self._reset_all()

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _reset_all(self) -> None:
        for writer in list(self._writers):
            _reset(writer)
        if self._passing:
            await asyncio.wait(self._passing)

    def _bind(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self._port))
        self._port = self._socket.getsockname()[1]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.ensure_future(self._pass(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await asyncio.open_connection(*self._target)
        except OSError:
            self._writers.discard(writer)
            _reset(writer)
            return
        self._writers.add(there)
        if self._server is None or writer.is_closing():  # cut meanwhile
            _reset(there)
        ways = [
            asyncio.ensure_future(_pump(reader, there)),
            asyncio.ensure_future(_pump(there_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, there):
            self._writers.discard(each)
            each.close()
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()
