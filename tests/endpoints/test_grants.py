"""A yes: whose it is, what it is for, once and for a while; and a no."""

from typing import TYPE_CHECKING, Any

import pytest

from manyends.endpoints.grants import GRANT_MS, give_grant
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.payloads import GrantGiven, GrantRefused
from manyends.protocol.task import Grant, Task, args_digest

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net

DOOR: dict[str, Any] = {"target": "lock.front"}


async def asked(net: "Net", asker: str = "watch", person: str | None = "Ana") -> Task:
    """Ask for the door to be unlocked by the laptop, which asks for a yes."""
    task = await net.ask(asker, "lock.unlock", on="laptop", person=person, **DOOR)
    await net.deliver()
    assert net.state(task) == "asking"
    return net.seen("laptop", task)


def grant(net: "Net", task: Task, device: str = "watch", person: str = "Ana") -> Grant:
    """Return a yes, given on a device for a person."""
    core = net.nodes[device].core
    who = net.person(person)
    assert who is not None
    return give_grant(
        task, who, core.me.id, core.replica.identity, core.clock.wall_ms(), core.replica.entropy
    )


async def use(net: "Net", given: Grant, origin: str = "watch") -> ErrorCode | None:
    """Bring a yes to the laptop; return the code of its refusal."""
    laptop = net.nodes["laptop"]
    content = GrantGiven(grant=given)
    try:
        await laptop.core.write(lambda tx: laptop.worker.on_grant(tx, net.device(origin), content))
    except ProtocolError as refusal:
        assert net.home.devices["lock.front"].state["locked"] is True
        return refusal.code
    await net.deliver()
    return None


async def test_a_yes_opens_the_door_once(net: "Net") -> None:
    async with net.running():
        task = await asked(net)
        assert [each["action"] for each in (await net.request("laptop", "asks"))["asks"]] == [
            "lock.unlock"
        ]
        given = grant(net, task)
        assert await use(net, given) is None
        assert net.state(task, "watch") == "succeeded"
        assert net.home.devices["lock.front"].state["locked"] is False
        assert (await net.request("laptop", "asks"))["asks"] == []
        laptop = net.nodes["laptop"]
        with pytest.raises(ProtocolError) as caught:
            await laptop.core.write(
                lambda tx: laptop.worker.on_grant(tx, net.device("watch"), GrantGiven(grant=given))
            )
        assert caught.value.code is ErrorCode.EXPIRED
        assert net.home.tried == 1


async def test_a_used_grant_is_no_good_even_for_a_task_that_waits(net: "Net") -> None:
    async with net.running():
        task = await asked(net)
        given = grant(net, task)
        laptop = net.nodes["laptop"]
        await laptop.core.write(
            lambda tx: tx.connection.execute(
                "INSERT INTO grants_used VALUES (?, ?)", (given.id, task.id)
            )
        )
        assert await use(net, given) is ErrorCode.EXPIRED


async def test_a_yes_is_good_for_these_arguments_only(net: "Net") -> None:
    async with net.running():
        task = await asked(net)
        for other in (
            task.model_copy(update={"args": {"target": "back door"}}),
            task.model_copy(update={"action": "lock.lock"}),
        ):
            assert await use(net, grant(net, other)) is ErrorCode.FORBIDDEN
        # Also if the rest of it says otherwise.
        given = grant(net, task)
        digest = args_digest(task.id, task.action, {"target": "back door"})
        assert await use(net, given.model_copy(update={"args_digest": digest})) is (
            ErrorCode.FORBIDDEN
        )


async def test_a_yes_comes_too_late(net: "Net") -> None:
    async with net.running():
        given = grant(net, await asked(net))
        net.clock.advance(GRANT_MS + 1)
        assert await use(net, given) is ErrorCode.EXPIRED


async def test_a_yes_of_the_wrong_device_person_or_key_is_refused(net: "Net") -> None:
    async with net.running():
        task = await asked(net)
        given = grant(net, task)
        assert await use(net, given, origin="laptop") is ErrorCode.FORBIDDEN
        # A shared device, another person's, one of a person without the right, a stranger's.
        assert await use(net, grant(net, task, "hub"), "hub") is ErrorCode.FORBIDDEN
        assert await use(net, grant(net, task, "phone"), "phone") is ErrorCode.FORBIDDEN
        assert await use(net, grant(net, task, "phone", "Ben"), "phone") is ErrorCode.FORBIDDEN
        assert await use(net, grant(net, task, "tablet", "Gus"), "tablet") is ErrorCode.FORBIDDEN
        forged = grant(net, task, "phone").model_copy(update={"device": net.device("watch")})
        assert await use(net, forged) is ErrorCode.FORBIDDEN
        longer = given.model_copy(update={"expires": given.expires + 1})
        assert await use(net, longer) is ErrorCode.FORBIDDEN
        unsigned = given.model_copy(update={"signature": ""})
        assert await use(net, unsigned) is ErrorCode.FORBIDDEN
        assert net.home.tried == 0


async def test_a_yes_for_what_does_not_wait_is_refused(net: "Net") -> None:
    async with net.running():
        task = net.task("watch", "lock.unlock", on="laptop", **DOOR)
        assert await use(net, grant(net, task)) is ErrorCode.EXPIRED


async def test_an_adult_may_allow_what_they_asked_for_themselves(net: "Net") -> None:
    async with net.running():
        task = await net.ask("phone", "lock.unlock", on="brain", person="Ben", **DOOR)
        await net.deliver()
        assert (await net.request("watch", "asks"))["asks"] == []
        await net.request("phone", "approve")
        await net.deliver()
        assert net.state(task, "phone") == "succeeded"


async def test_at_a_shared_device_the_owner_is_asked_whoever_speaks(net: "Net") -> None:
    async with net.running():
        for person, claimed in ((None, False), ("Ana", True), ("Ben", True)):
            net.home.devices["lock.front"] = net.home.devices["lock.front"].model_copy(
                update={"state": {"locked": True}}
            )
            task = await net.ask(
                "hub", "lock.unlock", on="brain", person=person, claimed=claimed, **DOOR
            )
            await net.deliver()
            with pytest.raises(ProtocolError, match="shared"):
                await net.request("hub", "approve")
            with pytest.raises(ProtocolError, match="Nothing waits"):
                await net.request("phone", "approve")
            assert len((await net.request("watch", "asks"))["asks"]) == 1
            await net.request("watch", "approve", task=task.id)
            await net.deliver()
            assert net.state(task) == "succeeded", person


async def test_a_no_ends_it(net: "Net") -> None:
    async with net.running():
        task = await asked(net)
        said = await net.request("watch", "deny")
        assert "don't allow" in said["text"]
        await net.deliver()
        assert net.state(task, "watch") == "cancelled"
        assert net.seen("watch", task).result.text == "Ana said no."  # type: ignore[union-attr]
        assert net.home.tried == 0
        # A no that comes again, or for nothing, is passed over.
        laptop = net.nodes["laptop"]
        ana = net.person("Ana")
        assert ana is not None
        refused = GrantRefused(task=task.id, person=ana, device=net.device("watch"))
        await laptop.core.write(
            lambda tx: laptop.worker.on_refused(tx, net.device("watch"), refused)
        )
        assert net.state(task, "watch") == "cancelled"


async def test_only_who_was_asked_says_no(net: "Net") -> None:
    async with net.running():
        task = await asked(net)
        laptop = net.nodes["laptop"]

        async def refused(name: str) -> ErrorCode:
            person, phone = net.person(name), net.device("phone")
            assert person is not None
            no = GrantRefused(task=task.id, person=person, device=phone)
            with pytest.raises(ProtocolError) as caught:
                await laptop.core.write(lambda tx: laptop.worker.on_refused(tx, phone, no))
            return caught.value.code

        assert await refused("Ana") is ErrorCode.FORBIDDEN
        assert await refused("Ben") is ErrorCode.FORBIDDEN
        assert net.state(task) == "asking"


async def test_a_question_that_nobody_answers_expires(net: "Net") -> None:
    async with net.running():
        task = await asked(net)
        net.clock.advance(11 * 60_000)
        assert (await net.request("watch", "asks"))["asks"] == []
        with pytest.raises(ProtocolError, match="Nothing waits"):
            await net.request("watch", "approve")
        await net.nodes["brain"].scheduler._do_due()
        await net.deliver()
        assert net.state(task, "watch") == "expired"
        assert net.rows("laptop", "SELECT stage FROM effects") == [("done",)]


async def test_a_claim_to_be_another_person_answers_nothing(net: "Net") -> None:
    async with net.running():
        await asked(net)
        with pytest.raises(ProtocolError, match="is Ana's"):
            await net.request("watch", "approve", **{"as": "Ben"})
        await net.request("watch", "approve", **{"as": "ana"})
        await net.deliver()
        assert net.home.tried == 1


async def test_the_question_says_who_wants_what_where(net: "Net") -> None:
    async with net.running():
        await asked(net)
        texts = [seen["text"] for who, seen in net.told if seen["observation"] == "asked"]
        assert texts
        assert set(texts) == {"Ana at the watch wants to unlock the front door. Allow it?"}
        await net.ask("hub", "lock.unlock", on="brain", person="Ben", claimed=True, **DOOR)
        await net.deliver()
        texts = [seen["text"] for who, seen in net.told if seen["observation"] == "asked"]
        assert "who says to be Ben, at the hub" in texts[-1]
