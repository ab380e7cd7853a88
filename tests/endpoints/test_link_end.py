"""A link that ends in the very moment in which its node is stopped."""

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from manyends.endpoints.links import Link
from manyends.protocol.io.websockets import LinkLostError

if TYPE_CHECKING:
    from tests.endpoints.conftest import Net


class Wire:
    """A link that lasts until it is told to break."""

    def __init__(self, peer: Any) -> None:
        self.session = SimpleNamespace(peer=peer, link="link")
        self.breaks = asyncio.Event()

    async def receive(self) -> Any:
        """Break, at some time."""
        await self.breaks.wait()
        raise LinkLostError("the peer is gone")

    async def send(self, message: Any) -> None:
        """Take it."""

    async def close(self, reason: str = "") -> None:
        """Do nothing."""


@pytest.mark.parametrize("rounds", range(5))
async def test_the_end_of_a_link_does_not_hide_the_end_of_the_node(net: "Net", rounds: int) -> None:
    async with net.running():
        core = net.nodes["watch"].core
        wire: Any = Wire(net.nodes["brain"].core.me)

        async def passing(link: Link, message: Any) -> None:
            """Nothing passes."""

        running = asyncio.ensure_future(Link(core, wire, passing).run())
        for _ in range(5):
            await asyncio.sleep(0)
        wire.breaks.set()
        for _ in range(rounds):
            await asyncio.sleep(0)
        told = running.cancel()
        await asyncio.wait([running])
        # Whoever was told to end in time has ended as such, not by a link that may be dialled anew.
        assert running.cancelled() is told
        if not told:
            assert isinstance(running.exception(), LinkLostError)
        assert core.committed == []
