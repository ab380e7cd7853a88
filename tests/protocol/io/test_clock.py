"""Wall time that can be moved, and elapsed time that can't."""

import asyncio

import pytest

from manyends.protocol.io.clock import Clock

HOUR = 3_600_000


def test_a_paused_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock()
    clock.pause()
    stood = clock.wall_ms()
    clock.pause()
    assert clock.wall_ms() == stood
    clock.advance(HOUR)
    assert clock.wall_ms() == stood + HOUR


def test_a_clock_runs_on_from_where_it_stood() -> None:
    clock = Clock(ahead_ms=HOUR)
    clock.pause()
    clock.advance(HOUR)
    stood = clock.wall_ms()
    clock.resume()
    assert stood <= clock.wall_ms() < stood + HOUR
    clock.resume()
    assert clock.wall_ms() < stood + HOUR


def test_a_clock_that_is_not_paused_can_be_moved_too() -> None:
    clock = Clock()
    before = clock.wall_ms()
    clock.advance(HOUR)
    assert clock.wall_ms() >= before + HOUR


def test_elapsed_time_is_not_moved() -> None:
    clock = Clock()
    before = clock.elapsed()
    clock.advance(HOUR)
    assert before <= clock.elapsed() < before + 3600


def test_who_waits_for_wall_time_is_woken_when_it_is_moved() -> None:
    async def scene() -> None:
        clock = Clock()
        clock.pause()
        waiting = asyncio.ensure_future(clock.until(clock.wall_ms() + HOUR, asyncio.Event()))
        await asyncio.sleep(0)
        clock.advance(HOUR - 1)
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.advance(1)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scene())


def test_who_waits_for_wall_time_need_not_be_woken() -> None:
    async def scene() -> None:
        clock = Clock()
        await asyncio.wait_for(clock.until(clock.wall_ms() + 5, asyncio.Event()), 5)

    asyncio.run(scene())


def test_who_waits_can_be_woken_before_and_the_event_is_cleared() -> None:
    async def scene() -> None:
        woken = asyncio.Event()
        waiting = asyncio.ensure_future(Clock().until(None, woken))
        await asyncio.sleep(0)
        woken.set()
        await asyncio.wait_for(waiting, 5)
        assert not woken.is_set()

    asyncio.run(scene())


def test_resuming_wakes_who_waits_so_that_it_counts_anew() -> None:
    async def scene() -> None:
        clock = Clock()
        clock.pause()
        waiting = asyncio.ensure_future(clock.until(clock.wall_ms() + 20, asyncio.Event()))
        await asyncio.sleep(0)
        clock.resume()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scene())


def test_waiting_within_a_time_ends_with_it() -> None:
    async def scene() -> None:
        clock = Clock()
        assert await clock.within(5, asyncio.sleep(0, "done")) == "done"
        with pytest.raises(TimeoutError):
            await clock.within(0, asyncio.Event().wait())

    asyncio.run(scene())
