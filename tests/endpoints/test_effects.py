"""Effects outside: repeated where that is harmless, read back or in doubt where it is not."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from manyends.endpoints import effects
from manyends.endpoints.work import Work, put_work, work_of
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.task import Effect, Result, Risk, Task
from manyends.skills.home.model import HomeAwayError
from manyends.skills.sdk import RunContext, Scope, action

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net

LIGHT: dict[str, Any] = {"target": "kitchen light"}
PAGE: dict[str, Any] = {"url": "https://example.org/"}
LOST = ProtocolError(ErrorCode.TIMEOUT, "no answer")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is tried again be tried soon."""
    monkeypatch.setattr(effects, "RETRY_SECONDS", 0.01)


def stage(net: "Net", task: Task) -> str:
    """Return how far the laptop has come with a task."""
    work = work_of(net.nodes["laptop"].core.store.reader, task.key)
    assert work is not None
    return work.stage


async def cut_off(net: "Net", task: Task, stage: str) -> None:
    """Leave the laptop as a crash does: the intent on disk, the result not, and start it anew."""
    laptop = net.nodes["laptop"]
    known = work_of(laptop.core.store.reader, task.key)
    assert known is not None
    await laptop.core.write(lambda tx: put_work(tx.connection, Work(stage, known.task)))
    await net.start("laptop")


async def running(net: "Net", action: str, **args: Any) -> Task:
    """Let a task begin on the laptop and stay at the home's gate."""
    net.home.gate.clear()
    task = await net.ask("watch", action, on="laptop", **args)
    await net.deliver()
    return task


async def test_a_settable_effect_is_repeated_under_its_key_until_it_is_answered(net: "Net") -> None:
    async with net.running():
        net.home.refusals = [LOST, LOST]
        net.home.losses = [LOST]
        task = await net.ask("watch", "light.turn_on", on="laptop", **LIGHT)
        await net.deliver()
        assert net.state(task, "watch") == "succeeded"
        assert net.home.tried == 4
        assert net.home.devices["light.kitchen"].changes == 1


async def test_a_settable_effect_is_given_up_at_its_deadline(net: "Net") -> None:
    async with net.running():
        task = await running(net, "light.turn_on", **LIGHT)
        net.home.refusals = [LOST] * 3
        net.clock.advance(61_000)
        net.home.gate.set()
        await net.deliver()
        assert net.state(task, "watch") == "failed"
        result = net.seen("watch", task).result
        assert result is not None
        assert result.error is ErrorCode.EXPIRED
        assert net.home.devices["light.kitchen"].state["power"] == "off"


async def test_a_home_that_was_never_reached_is_said_and_nothing_was_done(net: "Net") -> None:
    async with net.running():
        net.home.refusals = [HomeAwayError()]
        task = await net.ask("watch", "light.turn_on", on="laptop", **LIGHT)
        await net.deliver()
        result = net.seen("watch", task).result
        assert result is not None
        assert net.state(task, "watch") == "failed"
        assert "nothing was done" in result.text


@pytest.mark.parametrize(
    ("refusals", "losses", "blind", "state", "locked"),
    [
        ([], [LOST], False, "succeeded", False),
        ([LOST], [], False, "failed", True),
        ([LOST], [], True, "in_doubt", True),
        ([], [LOST], True, "in_doubt", False),
    ],
)
async def test_a_once_effect_without_an_answer_is_read_back_never_repeated(
    net: "Net",
    refusals: list[Exception],
    losses: list[Exception],
    blind: bool,
    state: str,
    locked: bool,
) -> None:
    async with net.running():
        net.home.refusals, net.home.losses, net.home.blind = list(refusals), list(losses), blind
        task = await net.ask("watch", "lock.unlock", on="laptop", target="front door")
        await net.deliver()
        await net.request("watch", "approve")
        await net.deliver()
        assert net.state(task, "watch") == state
        assert net.home.devices["lock.front"].state["locked"] is locked
        assert net.home.tried == 1


async def test_a_doubt_is_settled_by_the_home_once_it_can_be_asked(net: "Net") -> None:
    async with net.running():
        net.home.losses, net.home.blind = [LOST], True
        task = await net.ask("watch", "lock.unlock", on="laptop", target="front door")
        await net.deliver()
        await net.request("watch", "approve")
        await net.deliver()
        assert net.state(task, "watch") == "in_doubt"
        laptop = net.nodes["laptop"]
        laptop.effects.settle_doubts()
        await net.deliver()
        assert net.state(task, "watch") == "in_doubt"
        net.home.blind = False
        laptop._on_home({"observation": "home", "reachable": True})
        laptop.effects.settle_doubts()
        await net.deliver()
        assert net.state(task, "watch") == "succeeded"
        texts = [each["text"] for each in (await net.request("watch", "notices"))["notices"]]
        assert any("unlocked" in each for each in texts)


async def test_after_a_crash_a_settable_effect_runs_again_under_its_key(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "light.turn_on", on="laptop", **LIGHT)
        await net.deliver()
        await cut_off(net, task, "accepted")
        await net.deliver()
        assert stage(net, task) == "done"
        assert net.home.tried == 2
        assert net.home.devices["light.kitchen"].changes == 1


async def test_after_a_crash_a_once_effect_nobody_can_tell_of_is_in_doubt(net: "Net") -> None:
    async with net.running():
        net.nodes["laptop"].effects.opener = lambda url: None
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver()
        await cut_off(net, task, "intent")
        await net.deliver()
        assert stage(net, task) == "doubt"
        assert net.pages == []
        # A further restart asks nobody and changes nothing.
        await net.start("laptop")
        net.nodes["laptop"].effects.settle_doubts()
        await net.deliver()
        assert stage(net, task) == "doubt"


async def test_an_action_that_is_gone_after_a_restart_leaves_a_doubt(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "light.turn_on", on="laptop", **LIGHT)
        await net.deliver()
        laptop = net.nodes["laptop"]
        known = work_of(laptop.core.store.reader, task.key)
        assert known is not None
        gone = known.task.model_copy(update={"action": "light.juggle"})
        await laptop.core.write(lambda tx: put_work(tx.connection, Work("intent", gone)))
        await net.start("laptop")
        await net.idle()
        assert stage(net, task) == "doubt"


async def test_a_browser_that_can_not_be_started_is_an_honest_failure(net: "Net") -> None:
    def broken(url: str) -> None:
        raise OSError("no browser could be started")

    async with net.running():
        net.nodes["laptop"].effects.opener = broken
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver()
        result = net.seen("watch", task).result
        assert result is not None
        assert net.state(task, "watch") == "failed"
        assert "could not open" in result.text


@action("test.diary", risk=Risk.LOW, effect=Effect.SETTABLE)
async def diary(context: RunContext, words: int = 1) -> Result:
    """Remember something, then command the home."""
    context.put("diary", "today", {"text": "x" * words}, Scope.PERSON)
    await context.home.command("light.kitchen", "light.turn_on", {}, context.task.key)
    return Result(text="Dear diary.")


async def test_what_an_action_remembers_is_written_once_with_its_result(net: "Net") -> None:
    async with net.running():
        for each in net.nodes.values():
            each.registry.actions[diary.name] = diary
        net.home.refusals = [LOST, LOST]
        task = await net.ask("watch", "test.diary", on="laptop")
        await net.deliver()
        assert net.state(task, "watch") == "succeeded"
        query = "SELECT count(*) FROM ops JOIN payloads ON op = n WHERE kind = 'record.put' AND"
        query += " json_extract(body, '$.collection') = 'diary'"
        assert net.rows("laptop", query) == [(1,)]


async def test_what_is_too_long_to_be_remembered_fails_its_task(net: "Net") -> None:
    async with net.running():
        for each in net.nodes.values():
            each.registry.actions[diary.name] = diary
        task = await net.ask("watch", "test.diary", on="laptop", words=200_000)
        await net.deliver()
        result = net.seen("watch", task).result
        assert result is not None
        assert (net.state(task, "watch"), result.error) == ("failed", ErrorCode.TOO_BIG)
        assert net.rows("laptop", "SELECT id FROM records WHERE collection = 'diary'") == []


async def test_a_result_that_finds_no_room_is_written_when_there_is(net: "Net") -> None:
    async with net.running():
        task = await running(net, "lock.unlock", target="front door")
        await net.request("watch", "approve")
        await net.deliver()
        laptop = net.nodes["laptop"]
        write, refused = laptop.core.store.write, asyncio.Event()

        async def full(*anything: object) -> object:
            refused.set()
            raise ProtocolError(ErrorCode.STORAGE, "the disk is full")

        laptop.core.store.write = full  # type: ignore[method-assign, assignment]
        net.home.gate.set()
        await refused.wait()
        laptop.core.store.write = write  # type: ignore[method-assign]
        await net.deliver()
        assert net.state(task, "watch") == "succeeded"
        assert net.home.tried == 1
