"""Links between real nodes over real TLS: vectors, ops, acknowledgements, gaps and silence."""

import asyncio
import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.protocol.household import BRAIN, LAPTOP, ROSTER, identity

from manyends.endpoints import links
from manyends.endpoints.core import Core
from manyends.endpoints.links import Link
from manyends.endpoints.network import Network
from manyends.endpoints.replica import Replica, vector_for
from manyends.endpoints.store import Store
from manyends.protocol.errors import ErrorCode, ProtocolError, Retry
from manyends.protocol.ids import HOUSEHOLD
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.control import Observers
from manyends.protocol.io.folder import NodeConfig
from manyends.protocol.io.tls import make_certificate, server_context
from manyends.protocol.io.websockets import LinkLostError, Wire, dial, serving
from manyends.protocol.messages import Ack, Bye, Error, Message, Ops, Ping, Vectors
from manyends.protocol.ops import Op, OpId, Vector, write
from manyends.protocol.payloads import RecordPut
from manyends.protocol.roster import Profile, RosterEntry
from manyends.protocol.session import Session, Side

CERTIFICATE, PIN = make_certificate()
LISTENING = BRAIN.model_copy(update={"tls_key": PIN})
HOUSE = ROSTER.model_copy(update={"devices": (LISTENING, *ROSTER.devices[1:])})


def session(side: Side, me: RosterEntry, shown: str) -> Session:
    return Session(side, me, identity(me.name), HOUSE.device, shown, secrets.token_bytes)


@dataclass
class Brain:
    """A listening node, and what a scene needs of it."""

    core: Core
    port: int = 0

    async def dial(self) -> Wire:
        """Dial as the laptop, whose part the scene then plays by hand."""
        return await dial(
            "127.0.0.1", self.port, Clock(), lambda pin: session(Side.CLIENT, LAPTOP, pin), 10
        )

    async def write(self, number: int) -> None:
        record = RecordPut(collection="lists", id=str(number), data={"text": "x" * 100})
        await self.core.write(lambda tx: tx.append(HOUSEHOLD, record))

    @property
    def vector(self) -> Vector:
        return vector_for(self.core.store.reader, HOUSE, LAPTOP.id)


def core(me: RosterEntry, path: Path) -> Core:
    clock = Clock()
    keys = identity(me.name)
    replica = Replica(me, keys, HOUSE, clock.wall_ms, secrets.token_bytes)
    return Core(replica, Store(path), clock, Observers())


Run = Callable[[Wire], Awaitable[None]]


def link_only(core: Core) -> Run:
    """Serve each wire by a link and nothing else."""

    async def ignore(link: Link, message: Message) -> None:
        pass

    return lambda wire: Link(core, wire, ignore).run()


def network(core: Core) -> Run:
    """Serve each wire as a node does."""
    config = NodeConfig(name="brain", device=BRAIN.id, profile=Profile.BRAIN)
    return Network(core, config, lambda delta: None)._run


def play(
    folder: Path,
    scene: Callable[[Brain], Awaitable[None]],
    serve: Callable[[Core], Run] = link_only,
) -> None:
    """Run a scene while the brain serves."""
    (folder / "tls.pem").write_bytes(CERTIFICATE)
    tls: ssl.SSLContext = server_context(folder / "tls.pem")

    async def all_of_it() -> None:
        brain = Brain(core(LISTENING, folder / "brain.db"))

        async with (
            asyncio.timeout(30),
            serving(
                "127.0.0.1",
                0,
                tls,
                brain.core.clock,
                lambda: session(Side.SERVER, LISTENING, PIN),
                serve(brain.core),
                lambda refusal: None,
            ) as brain.port,
        ):
            await scene(brain)
        brain.core.store.close()

    asyncio.run(all_of_it())


def of_laptop(seq: int) -> Op:
    body: dict[str, object] = {"collection": "lists", "id": str(seq), "data": {}}
    place = OpId(LAPTOP.id, HOUSEHOLD, seq)
    return write(place, f"0000000000{seq:02x}-0000", "record.put", body, "s", identity("laptop"))


async def vectors(wire: Wire) -> Vector:
    message = await wire.receive()
    assert isinstance(message, Vectors)
    return message.feeds


async def ops(wire: Wire) -> list[int]:
    message = await wire.receive()
    assert isinstance(message, Ops)
    return [each.seq for each in message.ops]


def test_what_the_other_one_lacks_is_sent_and_acknowledged(tmp_path: Path) -> None:
    async def scene(brain: Brain) -> None:
        for number in range(5):
            await brain.write(number)
        wire = await brain.dial()
        assert await vectors(wire) == {HOUSEHOLD: {BRAIN.id: 5}}
        await wire.send(Vectors(feeds={HOUSEHOLD: {BRAIN.id: 2}}))
        assert await ops(wire) == [3, 4, 5]
        await wire.send(Ack(feeds={HOUSEHOLD: {BRAIN.id: 5}}))
        await brain.write(6)
        assert await ops(wire) == [6]
        await wire.send(Ops(ops=[of_laptop(1), of_laptop(2)]))
        acknowledged = await wire.receive()
        assert acknowledged == Ack(feeds={HOUSEHOLD: {LAPTOP.id: 2}})
        await wire.close()

    play(tmp_path, scene)


def test_what_is_known_is_acknowledged_again(tmp_path: Path) -> None:
    async def scene(brain: Brain) -> None:
        wire = await brain.dial()
        await vectors(wire)
        for batch in ([1, 2], [2, 1], [1, 2, 3]):
            await wire.send(Ops(ops=[of_laptop(seq) for seq in batch]))
            answer = await wire.receive()
            assert answer == Ack(feeds={HOUSEHOLD: {LAPTOP.id: max(batch)}})
        assert brain.vector == {HOUSEHOLD: {LAPTOP.id: 3}}
        await wire.close()

    play(tmp_path, scene)


def test_a_gap_is_told_with_what_is_there(tmp_path: Path) -> None:
    async def scene(brain: Brain) -> None:
        wire = await brain.dial()
        await vectors(wire)
        await wire.send(Ops(ops=[of_laptop(1), of_laptop(3)]))
        assert await wire.receive() == Ack(feeds={HOUSEHOLD: {LAPTOP.id: 1}})
        told = await wire.receive()
        assert isinstance(told, Error)
        assert told.code is ErrorCode.GAP
        assert await vectors(wire) == {HOUSEHOLD: {LAPTOP.id: 1}}
        await wire.send(Ops(ops=[of_laptop(2), of_laptop(3)]))
        assert await wire.receive() == Ack(feeds={HOUSEHOLD: {LAPTOP.id: 3}})
        await wire.close()

    play(tmp_path, scene)


def test_after_a_gap_at_the_peer_sending_starts_again_from_its_vector(tmp_path: Path) -> None:
    async def scene(brain: Brain) -> None:
        for number in range(3):
            await brain.write(number)
        wire = await brain.dial()
        await vectors(wire)
        await wire.send(Vectors(feeds={HOUSEHOLD: {BRAIN.id: 2}}))
        assert await ops(wire) == [3]
        await wire.send(Error(code=ErrorCode.GAP, retry=Retry.NOW))
        await wire.send(Vectors(feeds={}))
        assert await ops(wire) == [1, 2, 3]
        await wire.close()

    play(tmp_path, scene)


def test_nothing_is_acknowledged_that_is_not_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(brain: Brain) -> None:
        async def refuse(*_: object) -> None:
            raise ProtocolError(ErrorCode.STORAGE, "the disk is full")

        wire = await brain.dial()
        await vectors(wire)
        monkeypatch.setattr(brain.core, "write", refuse)
        await wire.send(Ops(ops=[of_laptop(1)]))
        told = await wire.receive()
        assert isinstance(told, Error)
        assert told.code is ErrorCode.STORAGE
        assert brain.vector == {}

    play(tmp_path, scene)


def test_a_long_list_comes_in_several_messages(tmp_path: Path) -> None:
    async def scene(brain: Brain) -> None:
        for number in range(70):
            await brain.write(number)
        wire = await brain.dial()
        await vectors(wire)
        await wire.send(Vectors(feeds={}))
        first = await wire.receive()
        assert isinstance(first, Ops)
        assert (len(first.ops), first.more) == (64, True)
        assert await ops(wire) == list(range(65, 71))
        await wire.close()

    play(tmp_path, scene)


def test_a_peer_that_answers_no_ping_is_taken_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert links.PING_SECONDS <= 25
    assert links.SILENCE_SECONDS == 10
    monkeypatch.setattr(links, "PING_SECONDS", 0.02)
    monkeypatch.setattr(links, "SILENCE_SECONDS", 0.1)

    async def scene(brain: Brain) -> None:
        wire = await brain.dial()
        await vectors(wire)
        with pytest.raises(LinkLostError):
            while True:
                message = await wire.receive()
                assert message.type in ("ping", "bye")

    play(tmp_path, scene)


def test_a_ping_is_answered_under_its_id(tmp_path: Path) -> None:
    async def scene(brain: Brain) -> None:
        wire = await brain.dial()
        await vectors(wire)
        await wire.send(Ping(id=77))
        answer = await wire.receive()
        assert (answer.type, getattr(answer, "id", None)) == ("pong", 77)
        await wire.close()

    play(tmp_path, scene)


def test_a_newer_link_takes_the_older_ones_place(tmp_path: Path) -> None:
    async def scene(brain: Brain) -> None:
        first = await brain.dial()
        second = await brain.dial()
        with pytest.raises(LinkLostError):
            while True:
                message = await first.receive()
                if isinstance(message, Bye):
                    assert "newer" in message.reason
        await second.send(Ping(id=1))
        while (message := await second.receive()).type != "pong":
            assert message.type in ("presence", "vectors")
        await second.close()

    play(tmp_path, scene, network)
