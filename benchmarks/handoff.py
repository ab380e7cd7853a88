"""A passing message and a durable hand-off, end to brain to end over TLS, beside what they need."""

import argparse
import asyncio
import multiprocessing
import secrets
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from manyends.protocol.ids import new_id
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import StateFolder, split_address
from manyends.protocol.io.tls import client_context, make_certificate, server_context
from manyends.protocol.io.websockets import Wire, dial
from manyends.protocol.messages import TurnDelta, Vectors
from manyends.protocol.session import Session, Side

from .figures import commits, household, row, spread, timed

COMMITS_OF_A_HAND_OFF = 6
"""In turn: asker, brain, worker, brain, asker with the report, asker with the answer."""
TEXT = "x" * 120


def relay(pipe: Connection, pem: str) -> None:
    """Run a bare relay: whatever one of two clients sends goes to the other."""
    import uvloop

    async def run() -> None:
        peers: list[ServerConnection] = []

        async def handle(peer: ServerConnection) -> None:
            peers.append(peer)
            async for frame in peer:
                for other in peers:
                    if other is not peer:
                        await other.send(frame)

        context = server_context(Path(pem))
        server = await serve(handle, "127.0.0.1", 0, ssl=context, compression=None)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    uvloop.run(run())


async def bare(times: int) -> list[float]:
    """Time a round trip A → server → B → server → A with nothing but `websockets` and TLS."""
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "tls.pem"
        pem.write_bytes(make_certificate()[0])
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=relay, args=(theirs, str(pem)), daemon=True
        )
        process.start()
        try:
            port = await asyncio.to_thread(ours.recv)
            tls = client_context()
            one, two = await _client(port, tls), await _client(port, tls)

            async def round_trip() -> None:
                await one.send(TEXT)
                await two.recv()
                await two.send(TEXT)
                await one.recv()

            return await timed(round_trip, times, 100)
        finally:
            process.kill()


async def _client(port: int, tls: ssl.SSLContext) -> ClientConnection:
    return await connect(f"wss://127.0.0.1:{port}/", ssl=tls, compression=None)


async def passing(folders: dict[str, Path], times: int) -> list[float]:
    """Time the same round trip over the brain's own links, with messages of the protocol."""
    one, two = await _link(folders["watch"]), await _link(folders["laptop"])
    ids = {name: StateFolder(folders[name]).config().device for name in ("watch", "laptop")}
    turn = new_id("trn", secrets.token_bytes)

    async def hop(sender: Wire, receiver: Wire, to: str) -> None:
        await sender.send(TurnDelta(turn=turn, to=ids[to], text=TEXT))
        while not isinstance(await receiver.receive(), TurnDelta):
            pass

    async def round_trip() -> None:
        await hop(one, two, "laptop")
        await hop(two, one, "watch")

    try:
        return await timed(round_trip, times, 100)
    finally:
        await one.close()
        await two.close()


async def _link(state: Path) -> Wire:
    """Open a link to the brain with an end's own identity, which its own process then loses."""
    folder = StateFolder(state)
    config, roster = folder.config(), folder.roster()
    brain = roster.dial_order(config.device)[0]
    wire = await dial(
        *split_address(config.peers[brain.id]),
        Clock(),
        lambda pin: Session(
            Side.CLIENT,
            folder.entry(config),
            folder.identity(),
            roster.device,
            pin,
            secrets.token_bytes,
            brain.id,
        ),
        5,
    )
    await wire.send(Vectors(feeds={}))
    return wire


async def measure(times: int) -> list[str]:
    """Return the lines of the result."""
    disk = await commits(times)
    floor = await bare(times)
    async with household() as (_, nodes):

        async def hand_off() -> None:
            result = await nodes["watch"].ask(
                "call", action="notes.add", args={"text": "bread"}, on="laptop"
            )
            assert result["state"] == "succeeded", result

        async def reflex() -> None:
            result = await nodes["watch"].ask("say", text="turn on the kitchen light")
            assert "kitchen light" in result["reply"], result

        durable = await timed(hand_off, times // 4, 20)
        light = await timed(reflex, times // 4, 20)
    async with household() as (folders, nodes):
        for name in ("watch", "laptop"):
            await _stop(folders[name], nodes[name].close)
        message = await passing(folders, times)
    relay_ms, disk_ms = spread(floor)[0], spread(disk)[0]
    bound = 4 * relay_ms + COMMITS_OF_A_HAND_OFF * disk_ms
    return [
        "| ms | p50 | p99 | least | |",
        "|---|---|---|---|---|",
        row("one commit with fsync", disk),
        row("bare TLS relay, there and back", floor),
        row(
            "passing message, there and back",
            message,
            f"{spread(message)[0] / relay_ms:.1f} x the relay",
        ),
        row(
            "durable hand-off with its result",
            durable,
            f"{spread(durable)[0] / bound:.1f} x (4 relays + {COMMITS_OF_A_HAND_OFF} commits)",
        ),
        row("a light by the reflex, three commits and the home's", light),
    ]


async def _stop(state: Path, hang_up: Callable[[], Awaitable[None]]) -> None:
    """Stop one end's process, so that its identity is free."""
    import psutil

    await hang_up()
    for process in psutil.process_iter(["cmdline"]):
        if str(state) in (process.info["cmdline"] or []):
            process.terminate()
            await asyncio.to_thread(process.wait)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=2000)
    arguments = parser.parse_args()
    print("\n".join(asyncio.run(measure(arguments.times))))


if __name__ == "__main__":
    main()
