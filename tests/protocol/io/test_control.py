"""The control socket: the clock is moved, and observations are streamed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from manyends.protocol.io.clock import Clock
from manyends.protocol.io.control import Observers, control_server
from manyends.protocol.io.lines import Emit, Event, LinesClient


async def extra(request: Event, emit: Emit) -> Event:
    return {"extra": True}


def play(
    folder: Path,
    observers: Observers,
    scene: Callable[[LinesClient, Clock], Awaitable[None]],
) -> None:
    async def all_of_it() -> None:
        clock = Clock()
        server = control_server(
            folder / "c", clock, observers, lambda: {"frames": 3}, {"extra": extra}
        )
        await server.start()
        client = await LinesClient.connect(folder / "c")
        try:
            async with asyncio.timeout(20):
                await scene(client, clock)
        finally:
            await client.close()
            await server.stop()

    asyncio.run(all_of_it())


def test_a_runner_moves_the_clock(tmp_path: Path) -> None:
    async def scene(client: LinesClient, clock: Clock) -> None:
        stood = (await client.ask("pause"))["wall_ms"]
        assert await client.ask("advance", ms=5000) == {"wall_ms": stood + 5000}
        assert clock.wall_ms() == stood + 5000
        assert (await client.ask("resume"))["wall_ms"] >= stood + 5000

    play(tmp_path, Observers(), scene)


def test_counters_say_how_many_observations_there_were(tmp_path: Path) -> None:
    observers = Observers()
    observers.tell({"observation": "early"})

    async def scene(client: LinesClient, clock: Clock) -> None:
        assert await client.ask("counters") == {"frames": 3, "told": 1}
        assert await client.ask("extra") == {"extra": True}

    play(tmp_path, observers, scene)


def test_who_watches_sees_all_that_is_told_from_then_on(tmp_path: Path) -> None:
    observers = Observers()
    observers.tell({"observation": "early"})

    async def scene(client: LinesClient, clock: Clock) -> None:
        watching = client.stream("observe")
        assert await anext(watching) == ("event", {"observation": "watching"})
        for name in ("one", "two"):
            observers.tell({"observation": name})
        assert await anext(watching) == ("event", {"observation": "one"})
        assert await anext(watching) == ("event", {"observation": "two"})

    play(tmp_path, observers, scene)
    observers.tell({"observation": "nobody is there"})
    assert observers.told == 4


def test_what_was_told_before_waits_for_the_first_who_watches(tmp_path: Path) -> None:
    observers = Observers(keep=True)
    observers.tell({"observation": "early"})

    async def scene(client: LinesClient, clock: Clock) -> None:
        watching = client.stream("observe")
        assert await anext(watching) == ("event", {"observation": "watching"})
        assert await anext(watching) == ("event", {"observation": "early"})
        second = client.stream("observe")
        assert await anext(second) == ("event", {"observation": "watching"})
        observers.tell({"observation": "late"})
        assert await anext(second) == ("event", {"observation": "late"})

    play(tmp_path, observers, scene)
