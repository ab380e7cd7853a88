"""Starts the processes of a household, waits until they are ready, and leaves none behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.folder import ConfigError, StateFolder
from manyends.protocol.io.lines import LinesClient
from manyends.protocol.roster import Profile

READY_SECONDS = 30.0
STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.05

Nodes = dict[str, LinesClient]


@asynccontextmanager
async def started(folders: Mapping[str, Path]) -> AsyncIterator[Nodes]:
    """Run one process for each state folder while the context lasts; yield their sockets by name.

    Should this process die, theirs end too: each holds the other end of a pipe from us. Raises
    `ConfigError` with a process's own last words if it can't start.
    """
    processes: dict[str, asyncio.subprocess.Process] = {}
    nodes: Nodes = {}
    try:
        for name, folder in folders.items():
            processes[name] = await _start(StateFolder(folder))
        async with asyncio.timeout(READY_SECONDS):
            for name, folder in folders.items():
                nodes[name] = await _ready(name, StateFolder(folder), processes[name])
        yield nodes
    except TimeoutError:
        raise ConfigError(
            f"the household was not ready after {READY_SECONDS:.0f} s; its logs: "
            + ", ".join(str(folder / "node.log") for folder in folders.values())
        ) from None
    finally:
        for node in nodes.values():
            await node.close()
        await _stop(list(processes.values()))


async def _start(folder: StateFolder) -> asyncio.subprocess.Process:
    profile = folder.config().profile
    part = profile if profile in (Profile.BRAIN, Profile.HOME) else "end"
    command = [sys.executable, "-m", "manyends.cli.main", part, "--state", str(folder.path)]
    with (folder.path / "node.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "MANYENDS_STARTER": "pipe"},
            start_new_session=True,
        )


async def _ready(
    name: str, folder: StateFolder, process: asyncio.subprocess.Process
) -> LinesClient:
    """Wait until the process answers, and is linked with what it needs."""
    while True:
        if process.returncode is not None:
            raise ConfigError(f"{name} did not start: {_last_words(folder)}")
        try:
            node = await LinesClient.connect(folder.socket)
        except OSError:
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        if await _linked(node, folder):
            return node
        await node.close()
        await asyncio.sleep(_LOOK_SECONDS)


async def _linked(node: LinesClient, folder: StateFolder) -> bool:
    try:
        if folder.config().profile is Profile.HOME:
            await node.ask("counts")
            return True
        status = await node.ask("status")
    except (ProtocolError, OSError):
        return False
    return bool(status["serving"]) and bool(status["home"])


def _last_words(folder: StateFolder) -> str:
    lines = (folder.path / "node.log").read_text(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "it said nothing"
    try:
        return str(json.loads(last)["text"])
    except (ValueError, KeyError):
        return last.removeprefix("manyends: ")


async def _stop(processes: list[asyncio.subprocess.Process]) -> None:
    """Ask all to stop, and kill who doesn't."""
    running = [each for each in processes if each.returncode is None]
    for each in running:
        each.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            for each in running:
                await each.wait()
    except TimeoutError:
        for each in running:
            if each.returncode is None:
                each.kill()
                await each.wait()
