"""`manyends brain`, `end` and `home`: one process of the household, until it is told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from manyends.endpoints.logs import set_up_logs
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import ConfigError, NodeConfig, StateFolder
from manyends.protocol.roster import Profile

from .places import models_folder


def serve(part: str, state: Path) -> int:
    """Run a node until SIGTERM, SIGINT or the end of its starter; return the exit code.

    Raises `ConfigError` if it can't start.
    """
    folder = StateFolder(state)
    config = folder.config()
    wanted = {"brain": Profile.BRAIN, "home": Profile.HOME}.get(part)
    if (wanted or config.profile) != config.profile or (
        wanted is None and config.profile in (Profile.BRAIN, Profile.HOME)
    ):
        raise ConfigError(
            f"{state} is the folder of a {config.profile}; run: manyends {_command(config)}"
        )
    set_up_logs(config.name, config.log)
    # The store's thread and the loop hand each other small things: the default of 5 ms, for which
    # one may keep the interpreter from the other, would be most of a hand-off's time.
    sys.setswitchinterval(0.0002)
    _run(lambda stop: _node(folder, config, stop), part)
    return 0


async def _node(folder: StateFolder, config: NodeConfig, stop: asyncio.Event) -> None:
    clock = Clock(int(os.environ.get("MANYENDS_CLOCK_AHEAD_MS", "0")))
    if config.profile is Profile.HOME:
        from manyends.skills.home.virtual import VirtualHome

        control = os.environ.get("MANYENDS_CONTROL")
        await VirtualHome(folder, clock, Path(control) if control else None).run(stop)
    elif config.profile is Profile.BRAIN:
        from manyends.brain.node import Brain
        from manyends.models.errors import ModelError

        try:
            brain = Brain(folder, config, clock, models_folder())
        except ModelError as error:
            raise ConfigError(str(error)) from None
        await brain.run(stop)
    else:
        from manyends.endpoints.node import Node

        await Node(folder, config, clock).run(stop)


def _run(work: Callable[[asyncio.Event], Awaitable[None]], part: str) -> None:
    async def until_told() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        _watch_starter(loop, stop)
        await work(stop)

    if part == "brain":
        try:
            import uvloop
        except ImportError:
            asyncio.run(until_told())
        else:
            uvloop.run(until_told())
    else:
        asyncio.run(until_told())


def _watch_starter(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when the starter is gone: its end of the pipe on our standard input is then closed."""
    if os.environ.get("MANYENDS_STARTER") != "pipe":
        return

    def gone() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, gone)


def _command(config: NodeConfig) -> str:
    return config.profile if config.profile in (Profile.BRAIN, Profile.HOME) else "end"
