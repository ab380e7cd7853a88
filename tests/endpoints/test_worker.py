"""The worker: checks what it is leased, runs `stored` effects, and never runs a key twice."""

from typing import TYPE_CHECKING, Any

import pytest

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.payloads import TaskLease, TaskSettle, TaskStop
from manyends.protocol.task import Effect, Result, Risk, Task
from manyends.skills.builtin import lists
from manyends.skills.sdk import ReadContext, RunContext, Scope, StoredContext, action

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net

MILK: dict[str, Any] = {"list": "shopping", "item": "milk"}


@action("test.stored_bomb", risk=Risk.LOW, effect=Effect.STORED)
def stored_bomb(context: StoredContext) -> Result:
    """Write something, then break."""
    context.put("bombs", "one", {"at": context.now_ms}, Scope.HOUSEHOLD)
    raise RuntimeError("boom")


@action("test.refusal", risk=Risk.LOW, effect=Effect.STORED)
def refusal(context: StoredContext) -> Result:
    """Write something, then refuse."""
    context.put("bombs", "two", {}, Scope.HOUSEHOLD)
    raise ProtocolError(ErrorCode.FORBIDDEN, "Not today.")


@action("test.bomb", risk=Risk.LOW, effect=Effect.SETTABLE)
async def bomb(context: RunContext) -> Result:
    """Break at once."""
    raise RuntimeError("boom")


@action("test.lazy", risk=Risk.LOW, effect=Effect.SETTABLE)
def lazy(context: ReadContext) -> Result:
    """Do not even await."""
    return Result(text="no")


def result_of(net: "Net", task: Task, name: str = "watch") -> Result:
    """Return how a task ended, as the asker knows it."""
    result = net.seen(name, task).result
    assert result is not None
    return result


async def test_a_stored_effect_is_over_with_its_lease(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "list.add", on="laptop", **MILK)
        await net.deliver("watch", "brain")
        laptop = net.nodes["laptop"]
        lease = TaskLease(task=net.seen("brain", task))
        await laptop.core.write(lambda tx: laptop.worker.on_lease(tx, task.keeper, lease))
        assert net.rows("laptop", "SELECT stage FROM effects") == [("done",)]
        assert net.rows("laptop", "SELECT count(*) FROM records") == [(1,)]
        await net.deliver()
        assert net.state(task, "watch") == "succeeded"
        count = "SELECT count(*) FROM records WHERE collection = ?"
        assert net.rows("brain", count, lists.COLLECTION) == [(1,)]


async def test_a_known_key_reports_again_and_runs_nothing(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "list.add", on="laptop", **MILK)
        await net.deliver()
        laptop = net.nodes["laptop"]
        count = "SELECT count(*) FROM ops WHERE kind = ?"
        before = net.rows("laptop", count, "task.update")[0][0]
        lease = TaskLease(task=net.seen("brain", task).model_copy(update={"lease": 2}))
        await laptop.core.write(lambda tx: laptop.worker.on_lease(tx, task.keeper, lease))
        assert net.rows("laptop", count, "task.update") == [(before + 1,)]
        assert net.rows("laptop", count, "record.put") == [(1,)]


async def test_a_known_key_that_still_runs_is_not_started_twice(net: "Net") -> None:
    async with net.running():
        net.home.gate.clear()
        task = await net.ask("watch", "light.turn_on", on="laptop", target="kitchen light")
        await net.deliver()
        laptop = net.nodes["laptop"]
        lease = TaskLease(task=net.seen("brain", task))
        await laptop.core.write(lambda tx: laptop.worker.on_lease(tx, task.keeper, lease))
        net.home.gate.set()
        await net.deliver()
        assert net.home.tried == 1
        assert net.state(task, "watch") == "succeeded"


async def test_a_lease_of_somebody_else_or_for_somebody_else_is_refused(net: "Net") -> None:
    async with net.running():
        task = net.task("watch", "list.add", on="laptop", **MILK)
        laptop = net.nodes["laptop"]

        async def refused(task: Task, origin: str) -> ErrorCode:
            lease = TaskLease(task=task)
            with pytest.raises(ProtocolError) as caught:
                await laptop.core.write(lambda tx: laptop.worker.on_lease(tx, origin, lease))
            return caught.value.code

        assert await refused(task, net.device("phone")) is ErrorCode.FORBIDDEN
        elsewhere = task.model_copy(update={"target": net.device("hub")})
        assert await refused(elsewhere, task.keeper) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"action": "list.juggle"}, ErrorCode.NOT_FOUND, "no action list.juggle"),
        ({"args": {"list": "shopping"}}, ErrorCode.BAD_MESSAGE, "item"),
        ({"deadline": 5}, ErrorCode.EXPIRED, "no time left"),
        (
            {"action": "laptop.open_page", "args": {"url": "https://example.org"}},
            ErrorCode.NOT_FOUND,
            "can't do that",
        ),
        ({"asker": "dev_" + "a" * 16}, ErrorCode.FORBIDDEN, "not here any more"),
    ],
)
async def test_what_can_not_be_done_here_is_refused_with_the_reason(
    net: "Net", changes: dict[str, Any], code: ErrorCode, says: str
) -> None:
    async with net.running():
        phone = net.nodes["phone"]
        task = net.task("watch", "list.add", on="phone", **MILK).model_copy(update=changes)
        lease = TaskLease(task=task)
        await phone.core.write(lambda tx: phone.worker.on_lease(tx, task.keeper, lease))
        (stage, result) = net.rows("phone", "SELECT stage, result FROM effects")[0]
        assert stage == "done"
        ended = Result.model_validate_json(result)
        assert ended.error is code
        assert says in ended.text
        assert net.rows("phone", "SELECT count(*) FROM records") == [(0,)]


async def test_what_the_asker_says_of_risk_and_effect_is_not_taken(net: "Net") -> None:
    async with net.running():
        task = net.task("watch", "lock.unlock", on="laptop", target="front door")
        await net.offer(task.model_copy(update={"risk": Risk.LOW, "effect": Effect.STORED}))
        await net.deliver()
        assert net.state(task, "watch") == "asking"
        assert net.home.tried == 0


async def test_a_guest_is_refused_what_is_risky_and_may_do_the_rest(net: "Net") -> None:
    async with net.running():
        unlock = await net.ask(
            "tablet", "lock.unlock", on="brain", person="Gus", target="front door"
        )
        light = await net.ask(
            "tablet", "light.turn_on", on="brain", person="Gus", target="kitchen light"
        )
        await net.deliver()
        assert net.state(unlock, "tablet") == "failed"
        assert result_of(net, unlock, "tablet").error is ErrorCode.FORBIDDEN
        assert net.state(light, "tablet") == "succeeded"
        assert net.home.devices["lock.front"].state["locked"] is True


@pytest.mark.parametrize("name", ["test.stored_bomb", "test.bomb", "test.lazy"])
async def test_a_skill_that_breaks_fails_its_task_and_nothing_else(net: "Net", name: str) -> None:
    async with net.running():
        for each in net.nodes.values():
            for made in (stored_bomb, bomb, lazy):
                each.registry.actions[made.name] = made
        task = await net.ask("watch", name, on="laptop")
        other = await net.ask("watch", "list.add", on="laptop", **MILK)
        await net.deliver()
        assert net.state(task, "watch") == "failed"
        assert result_of(net, task).error is ErrorCode.INTERNAL
        assert "the log says why" in result_of(net, task).text
        assert net.rows("laptop", "SELECT id FROM records WHERE collection = 'bombs'") == []
        assert net.state(other, "watch") == "succeeded"


async def test_a_stored_skill_that_refuses_leaves_nothing(net: "Net") -> None:
    async with net.running():
        for each in net.nodes.values():
            each.registry.actions[refusal.name] = refusal
        task = await net.ask("watch", "test.refusal", on="laptop")
        await net.deliver()
        assert result_of(net, task).text == "Not today."
        assert net.rows("laptop", "SELECT id FROM records WHERE collection = 'bombs'") == []


async def test_a_stop_before_the_effect_began_cancels_it(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "light.turn_on", on="laptop", target="kitchen light")
        await net.deliver("watch", "brain")
        laptop = net.nodes["laptop"]
        lease, stop = TaskLease(task=net.seen("brain", task)), TaskStop(task=task.id)

        def both(tx: Any) -> None:
            laptop.worker.on_lease(tx, task.keeper, lease)
            laptop.worker.on_stop(tx, task.keeper, stop)

        await laptop.core.write(both)
        await net.deliver()
        assert net.state(task, "watch") == "cancelled"
        assert net.home.tried == 0


async def test_a_stop_from_anybody_but_the_keeper_is_passed_over(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "lock.unlock", on="laptop", target="front door")
        await net.deliver()
        laptop = net.nodes["laptop"]

        async def stop(origin: str, name: str) -> None:
            content = TaskStop(task=name)
            await laptop.core.write(lambda tx: laptop.worker.on_stop(tx, origin, content))

        await stop(net.device("phone"), task.id)
        await stop(task.keeper, "tsk_" + "a" * 16)
        assert net.rows("laptop", "SELECT stage FROM effects") == [("asking",)]


async def test_a_stop_while_it_asks_takes_the_question_back(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "lock.unlock", on="laptop", target="front door")
        await net.deliver()
        assert len((await net.request("watch", "asks"))["asks"]) == 1
        await net.request("watch", "cancel", task=task.id)
        await net.deliver()
        assert net.state(task, "watch") == "cancelled"
        assert (await net.request("watch", "asks"))["asks"] == []


async def test_only_the_person_it_was_for_settles_a_doubt_and_only_once(net: "Net") -> None:
    async with net.running():
        net.home.blind = True
        net.home.losses = [ProtocolError(ErrorCode.TIMEOUT, "lost")]
        laptop = net.nodes["laptop"]
        unlock = await net.ask("watch", "lock.unlock", on="laptop", target="front door")
        await net.deliver()
        await net.request("watch", "approve")
        await net.deliver()
        assert net.state(unlock, "watch") == "in_doubt"
        settle = TaskSettle(task=unlock.id, by=net.device("phone"), done=True)
        with pytest.raises(ProtocolError) as caught:
            await laptop.core.write(
                lambda tx: laptop.worker.on_settle(tx, net.device("phone"), settle)
            )
        assert caught.value.code is ErrorCode.FORBIDDEN
        said = await net.request("watch", "settle", task=unlock.id, done=False)
        assert said["text"]
        await net.deliver()
        assert net.state(unlock, "watch") == "failed"
        with pytest.raises(ProtocolError, match="not in doubt"):
            await net.request("watch", "settle", task=unlock.id, done=True)
        with pytest.raises(ProtocolError) as caught:
            await laptop.core.write(
                lambda tx: laptop.worker.on_settle(tx, net.device("watch"), settle)
            )
        assert caught.value.code is ErrorCode.EXPIRED
