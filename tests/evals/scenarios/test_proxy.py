"""The network between two processes, with real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from manyends.evals.scenarios.proxy import Proxy


@asynccontextmanager
async def echo() -> AsyncIterator[Proxy]:
    """Serve what comes back as it went, behind a proxy."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    proxy = Proxy(*server.sockets[0].getsockname())
    proxy.start()
    await proxy.heal()
    try:
        yield proxy
    finally:
        await proxy.stop()
        server.close()
        await server.wait_closed()


async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect through the proxy."""
    host, port = proxy.address.split(":")
    return await asyncio.open_connection(host, int(port))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send a line and return what comes back."""
    writer.write(b"hello\n")
    return await reader.readline()


def test_it_passes_both_ways() -> None:
    async def scenario() -> None:
        async with echo() as proxy:
            reader, writer = await connect(proxy)
            assert await ask(reader, writer) == b"hello\n"
            writer.close()

    asyncio.run(scenario())


def test_a_cut_resets_and_refuses_and_can_be_healed() -> None:
    async def scenario() -> None:
        async with echo() as proxy:
            reader, writer = await connect(proxy)
            await ask(reader, writer)
            before = proxy.address
            await proxy.cut()
            await proxy.cut()
            with pytest.raises(ConnectionResetError):
                await reader.readline()
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await connect(proxy)
            await proxy.heal()
            await proxy.heal()
            assert proxy.address == before
            reader, writer = await connect(proxy)
            assert await ask(reader, writer) == b"hello\n"
            writer.close()

    asyncio.run(scenario())


def test_refusing_leaves_what_is_connected() -> None:
    async def scenario() -> None:
        async with echo() as proxy:
            reader, writer = await connect(proxy)
            await ask(reader, writer)
            proxy.refuse()
            proxy.refuse()
            assert await ask(reader, writer) == b"hello\n"
            with pytest.raises(ConnectionRefusedError):
                await connect(proxy)
            writer.close()

    asyncio.run(scenario())


def test_nobody_behind_it_is_a_reset() -> None:
    async def scenario() -> None:
        async with echo() as other:
            host, port = other.address.split(":")
            await other.cut()
            proxy = Proxy(host, int(port))
            proxy.start()
            await proxy.heal()
            reader, writer = await connect(proxy)
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
            writer.close()
            await proxy.stop()

    asyncio.run(scenario())


def test_an_end_of_one_side_is_passed_on() -> None:
    async def scenario() -> None:
        async with echo() as proxy:
            reader, writer = await connect(proxy)
            await ask(reader, writer)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()

    asyncio.run(scenario())
