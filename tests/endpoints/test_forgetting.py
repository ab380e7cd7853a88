"""What a shared device may not keep it erases, and what is derived can be built again."""

from typing import TYPE_CHECKING

from manyends.endpoints.migrations import DERIVED
from manyends.endpoints.replica import rebuild

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net

SECRET = "zanzibar"


async def busy(net: "Net") -> None:
    """Let many kinds of things happen."""
    await net.request("watch", "say", text="add milk to the shopping list")
    await net.request("watch", "say", text="set a timer for 5 minutes")
    await net.request("watch", "say", text="remember that the code is 17")
    task = await net.ask("watch", "lock.unlock", on="laptop", target="front door")
    await net.deliver()
    await net.request("watch", "approve")
    await net.ask("phone", "lock.unlock", on="brain", person="Ben", target="front door")
    await net.deliver()
    await net.request("phone", "deny")
    await net.ask("watch", "laptop.open_page", url="https://example.org/")
    await net.deliver()
    assert net.state(task) == "succeeded"
    await net.request("watch", "say", text="remove milk from the shopping list")
    await net.deliver()


def tables(net: "Net", name: str) -> dict[str, list[tuple[object, ...]]]:
    """Return the content of the derived tables."""
    found = {table: net.rows(name, f"SELECT * FROM {table}") for table in DERIVED}
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


async def test_the_derived_tables_equal_a_rebuild(net: "Net") -> None:
    async with net.running():
        await busy(net)
        for name in ("brain", "laptop", "watch", "phone"):
            before = tables(net, name)
            assert any(before.values())
            node = net.nodes[name]
            await node.core.write(lambda tx: rebuild(tx.connection))
            assert tables(net, name) == before, name


async def test_a_shared_device_keeps_nothing_private_once_a_holder_has_it(net: "Net") -> None:
    async with net.running():
        for text in (f"why is {SECRET} so far away", f"do you know {SECRET}"):
            await net.request("hub", "say", text=text, **{"as": "Ana"})
        assert _holds(net, "hub")
        await net.deliver()
        assert not _holds(net, "hub")
        assert _holds(net, "brain")
        assert _holds(net, "watch")
        assert not _holds(net, "phone")
        # Its place and its digest stay, so that nobody misses an op.
        assert net.rows("hub", "SELECT count(*) FROM ops WHERE feed LIKE 'person:%'")[0][0] > 0


async def test_while_a_task_is_unfinished_its_keeper_forgets_nothing(net: "Net") -> None:
    async with net.running():
        net.home.gate.clear()
        task = await net.ask(
            "hub", "light.turn_on", person="Ana", claimed=True, target="kitchen light"
        )
        await net.deliver()
        assert net.state(task, "hub") == "running"
        net.home.gate.set()
        await net.deliver()
        assert net.state(task) == "succeeded"


def _holds(net: "Net", name: str) -> bool:
    """Say whether a node's database has the secret in any row."""
    path = net.nodes[name].core.store.path
    names = [
        row[0]
        for row in net.rows(name, "SELECT name FROM sqlite_master WHERE type = 'table'")
        if not row[0].startswith("_")
    ]
    assert path.exists()
    return any(
        SECRET in repr(row) for table in names for row in net.rows(name, f"SELECT * FROM {table}")
    )
