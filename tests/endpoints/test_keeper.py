"""The keeper: takes offers, leases them, moves states by reports, gives up what is too late."""

from typing import TYPE_CHECKING, Any

import pytest

from manyends.endpoints import keeper
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.payloads import TaskCancel, TaskOffer, TaskUpdate
from manyends.protocol.task import Event, IfOffline, State

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net

PAGE: dict[str, Any] = {"url": "https://example.org/"}
HOUR = 3600_000


async def test_an_offer_is_leased_run_and_reported(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        assert net.state(task, "watch") == "offered"
        await net.deliver("watch", "brain")
        assert net.state(task) == "offered"
        await net.deliver()
        assert [net.state(task, name) for name in ("brain", "watch", "laptop")] == ["succeeded"] * 3
        assert net.pages == ["https://example.org/"]
        # Others of the household do not see Ana's task.
        assert net.rows("phone", "SELECT id FROM tasks") == []
        assert net.rows("hub", "SELECT id FROM tasks") == []


async def test_an_offer_that_comes_again_changes_nothing(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver()
        brain = net.nodes["brain"]
        before = net.rows("brain", "SELECT count(*) FROM ops")
        offer = TaskOffer(task=task)
        await brain.core.write(lambda tx: brain.keeper.on_offer(tx, task.asker, offer))
        assert net.rows("brain", "SELECT count(*) FROM ops") == before
        assert net.state(task) == "succeeded"


async def test_an_offer_for_another_keeper_or_in_anothers_name_is_refused(net: "Net") -> None:
    async with net.running():
        task = net.task("watch", "laptop.open_page", **PAGE)
        other = task.model_copy(update={"keeper": net.device("hub")})
        brain = net.nodes["brain"]

        async def refused(offer: TaskOffer, origin: str) -> ErrorCode:
            with pytest.raises(ProtocolError) as caught:
                await brain.core.write(lambda tx: brain.keeper.on_offer(tx, origin, offer))
            return caught.value.code

        assert await refused(TaskOffer(task=other), task.asker) is ErrorCode.FORBIDDEN
        assert await refused(TaskOffer(task=task), net.device("phone")) is ErrorCode.FORBIDDEN
        assert net.rows("brain", "SELECT id FROM tasks") == []


async def test_a_forged_offer_in_the_mail_leaves_no_trace_but_the_op(net: "Net") -> None:
    async with net.running():
        task = net.task("watch", "laptop.open_page", **PAGE)
        phone = net.nodes["phone"]
        await phone.core.write(lambda tx: tx.mail(task.keeper, TaskOffer(task=task)))
        await net.deliver()
        assert net.rows("brain", "SELECT count(*) FROM ops WHERE kind = 'task.lease'") == [(0,)]
        assert net.pages == []


async def test_a_target_that_is_unknown_fails(net: "Net") -> None:
    async with net.running():
        task = net.task("watch", "laptop.open_page", **PAGE)
        task = await net.offer(task.model_copy(update={"target": "dev_" + "a" * 16}))
        await net.deliver()
        assert net.state(task, "watch") == "failed"
        result = net.seen("watch", task).result
        assert result is not None
        assert result.error is ErrorCode.NOT_FOUND


async def test_a_task_that_may_not_wait_fails_if_its_target_is_away(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", if_offline=IfOffline.FAIL, **PAGE)
        await net.deliver()
        result = net.seen("watch", task).result
        assert result is not None
        assert (result.text, result.error) == ("The laptop is away.", ErrorCode.TIMEOUT)
        assert net.pages == []


async def test_elsewhere_is_refused_until_it_is_built(net: "Net") -> None:
    async with net.running():
        with pytest.raises(ProtocolError, match="not built yet"):
            net.task("watch", "laptop.open_page", if_offline=IfOffline.ELSEWHERE, **PAGE)


async def test_too_many_open_tasks_are_refused_as_busy(
    net: "Net", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "MAX_OPEN_TASKS", 2)
    async with net.running():
        tasks = [await net.ask("watch", "laptop.open_page", **PAGE) for _ in range(3)]
        await net.deliver("watch", "brain")
        assert [net.state(each) for each in tasks] == ["offered", "offered", "failed"]
        result = net.seen("watch", tasks[2]).result
        assert result is not None
        assert result.error is ErrorCode.BUSY
        await net.deliver()
        assert len(net.pages) == 2


async def test_what_has_not_begun_by_its_deadline_expires_and_is_never_run(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver("watch", "brain")
        net.clock.advance(25 * HOUR)
        await net.nodes["brain"].scheduler._do_due()
        await net.deliver()
        assert net.state(task, "watch") == "expired"
        assert net.pages == []
        texts = [each["text"] for each in (await net.request("watch", "notices"))["notices"]]
        assert texts == ["There was no time left for it."]


async def test_a_lease_that_arrives_too_late_is_refused_by_the_worker(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver("watch", "brain")
        net.clock.advance(25 * HOUR)
        await net.deliver()
        assert net.state(task, "watch") == "failed"
        assert net.pages == []


async def test_cancelled_before_the_target_has_it(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver("watch", "brain")
        said = await net.request("watch", "cancel")
        assert "cancelled" in said["text"]
        await net.deliver("watch", "brain")
        assert net.state(task, "watch") == "cancelled"
        await net.deliver()
        assert net.state(task, "watch") == "cancelled"
        assert net.pages == []


async def test_another_device_of_the_same_person_may_cancel(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver("watch", "brain")
        laptop = net.nodes["laptop"]
        cancel = TaskCancel(task=task.id, by=laptop.core.me.id)
        await laptop.core.write(lambda tx: tx.mail(task.keeper, cancel))
        await net.deliver("laptop", "brain")
        await net.deliver()
        # Either the stop was there first, or the page was open before it.
        assert net.state(task, "watch") in ("cancelled", "succeeded")
        assert len(net.pages) == (net.state(task, "watch") == "succeeded")


async def test_somebody_else_may_not_cancel(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver("watch", "brain")
        brain = net.nodes["brain"]
        cancel = TaskCancel(task=task.id, by=net.device("phone"))
        with pytest.raises(ProtocolError) as caught:
            await brain.core.write(
                lambda tx: brain.keeper.on_cancel(tx, net.device("phone"), cancel)
            )
        assert caught.value.code is ErrorCode.FORBIDDEN
        unknown = TaskCancel(task="tsk_" + "a" * 16, by=net.device("watch"))
        with pytest.raises(ProtocolError) as caught:
            await brain.core.write(
                lambda tx: brain.keeper.on_cancel(tx, net.device("watch"), unknown)
            )
        assert caught.value.code is ErrorCode.NOT_FOUND
        assert net.state(task) == "offered"


async def test_cancelling_what_has_begun_lets_it_end_as_it_ends(net: "Net") -> None:
    async with net.running():
        net.home.gate.clear()
        task = await net.ask("watch", "light.turn_on", on="laptop", target="kitchen light")
        await net.deliver()
        assert net.state(task) == "running"
        await net.request("watch", "cancel", task=task.id)
        await net.deliver()
        net.home.gate.set()
        await net.deliver()
        assert net.state(task, "watch") == "succeeded"
        assert net.home.devices["light.kitchen"].state["power"] == "on"
        # And over is over.
        brain = net.nodes["brain"]
        cancel = TaskCancel(task=task.id, by=net.device("watch"))
        await brain.core.write(lambda tx: brain.keeper.on_cancel(tx, net.device("watch"), cancel))
        assert net.state(task) == "succeeded"


async def test_a_report_counts_only_from_the_worker_under_its_lease(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver("watch", "brain")
        brain = net.nodes["brain"]

        async def refused(origin: str, **changes: object) -> ErrorCode:
            content: dict[str, object] = {"task": task.id, "custody": 1, "lease": 1}
            update = TaskUpdate.model_validate({**content, "events": [Event.ACCEPT], **changes})
            with pytest.raises(ProtocolError) as caught:
                await brain.core.write(lambda tx: brain.keeper.on_update(tx, origin, update))
            return caught.value.code

        laptop = net.device("laptop")
        assert await refused(net.device("phone")) is ErrorCode.FORBIDDEN
        assert await refused(laptop, task="tsk_" + "a" * 16) is ErrorCode.FORBIDDEN
        assert await refused(laptop, lease=2) is ErrorCode.STALE_EPOCH
        assert await refused(laptop, custody=0) is ErrorCode.STALE_EPOCH
        assert await refused(laptop, events=[Event.SUCCEED]) is ErrorCode.OUT_OF_ORDER
        assert net.state(task) == State.OFFERED


async def test_a_restarted_keeper_knows_its_tasks(net: "Net") -> None:
    async with net.running():
        task = await net.ask("watch", "laptop.open_page", **PAGE)
        await net.deliver("watch", "brain")
        await net.start("brain")
        assert net.state(task) == "offered"
        await net.deliver()
        assert net.state(task, "watch") == "succeeded"
        assert len(net.pages) == 1
