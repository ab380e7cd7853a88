"""A home process that is killed in the middle of its work counts each command once."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from manyends.protocol.errors import ProtocolError
from manyends.skills.home.model import Outcome

if TYPE_CHECKING:
    from tests.skills.conftest import Follower, House, MakeHouse

COMMANDS = 60


@pytest.fixture
def house(new_house: "MakeHouse") -> "House":
    """A household whose home listens on a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = new_house(f"127.0.0.1:{port}")
    made.port = port
    return made


@asynccontextmanager
async def process(house: "House") -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the home as a process of its own; it listens when this is entered."""
    home = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "manyends.cli.main",
        "home",
        "--state",
        str(house.folder.path),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "MANYENDS_CLOCK_AHEAD_MS": "5000"},
    )
    assert home.stderr is not None
    try:
        while b"listening" not in (line := await home.stderr.readline()):
            assert line, "the home ended before it listened"
        yield home
    finally:
        if home.returncode is None:
            home.kill()
        await home.communicate()


async def insist(ana: "Follower", number: int) -> Outcome:
    """Command under the same key until there is an answer."""
    action = "light.turn_on" if number % 2 else "light.turn_off"
    while True:
        try:
            return await ana.link.command("light.kitchen", action, {}, f"key{number}")
        except ProtocolError:
            continue


@pytest.mark.parametrize("answers", [1, 7, 30])
async def test_a_kill_neither_loses_nor_doubles(house: "House", answers: int) -> None:
    async with house.following() as ana:
        async with process(house) as home:
            await ana.reachable()
            tasks = [asyncio.create_task(insist(ana, number)) for number in range(COMMANDS)]
            ended = asyncio.as_completed(tasks)
            for _ in range(answers):
                assert (await next(ended)).ok
            home.kill()
        async with process(house), house.user() as user:
            outcomes = await asyncio.gather(*tasks)
            assert all(each.ok for each in outcomes)
            counts = await user.ask("counts")
            assert counts["effects"] == {"light.turn_on": 30, "light.turn_off": 30}
            light = (await user.ask("state"))["devices"][0]
            again = [await insist(ana, number) for number in range(COMMANDS)]
            assert again == outcomes
            after = await user.ask("counts")
            assert after["effects"] == counts["effects"]
            assert after["repeats"] == counts["repeats"] + COMMANDS
            assert (await user.ask("state"))["devices"][0] == light


async def test_it_stops_in_good_order(house: "House") -> None:
    async with process(house) as home, house.following() as ana:
        await ana.reachable()
        home.send_signal(signal.SIGTERM)
        assert await home.wait() == 0
        await ana.reachable(False)
    assert not house.folder.socket.exists()
