"""A household of real replicas on real SQLite files, with links that lose, repeat and reorder."""

import asyncio
import random
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.protocol.household import (
    ANA,
    BRAIN,
    CONVERSATION_ID,
    HUB,
    LAPTOP,
    NOW,
    PHONE,
    ROSTER,
    entropy,
    identity,
    task,
)

from manyends.endpoints import replica
from manyends.endpoints.migrations import DERIVED
from manyends.endpoints.replica import Replica, Transaction
from manyends.endpoints.store import Store
from manyends.protocol import ops
from manyends.protocol.ids import HOUSEHOLD, FeedName, device_feed, person_feed
from manyends.protocol.ops import Fit, Op, OpId, Vector
from manyends.protocol.payloads import (
    AskClosed,
    AskOpen,
    Payload,
    RecordDrop,
    RecordPut,
    Route,
    TaskState,
    TurnClosed,
    TurnOpened,
)
from manyends.protocol.roster import RosterEntry
from manyends.protocol.task import State

T = TypeVar("T")
MEMBERS = (BRAIN, HUB, LAPTOP, PHONE)
FEEDS: tuple[FeedName, ...] = (HOUSEHOLD, person_feed(ANA), *(device_feed(m.id) for m in MEMBERS))
KINDS = ("put", "drop", "task", "opened", "closed", "ask", "answered", "unknown")


class PowerCutError(Exception):
    """Ends a transaction before it is committed."""


def named(kind: str, name: str) -> str:
    """Return an id that follows from a small number."""
    return f"{kind}_" + name.rjust(16, "a").translate(str.maketrans("0189", "bcde"))


def payload(kind: str, number: int, feed: FeedName, now: int) -> Payload:
    """Return something to write; the small number says which record, task or turn it is of."""
    record = f"{number} of {feed}"
    job = task(
        id=named("task", str(number)),
        version=now % 7,
        lease=1 + now % 2,
        state=list(State)[now % len(State)],
    )
    match kind:
        case "put":
            return RecordPut(collection="lists", id=record, data={"at": now, "text": "Käse 🧀"})
        case "drop":
            return RecordDrop(collection="lists", id=record)
        case "task":
            return TaskState(task=job)
        case "opened":
            return TurnOpened(
                turn=named("turn", str(number)),
                conversation=CONVERSATION_ID,
                device=LAPTOP.id,
                utterance=f"say {number}",
                at=now,
            )
        case "closed":
            return TurnClosed(turn=named("turn", str(number)), route=Route.REFLEX, at=now)
        case "ask":
            return AskOpen(task=job, text="May I?", expires=now)
        case _:
            return AskClosed(task=job.id)


class Node:
    """One device's replica, which can be killed and started again."""

    def __init__(self, me: RosterEntry, path: Path, runner: asyncio.Runner, skew_ms: int) -> None:
        self.me = me
        self.path = path
        self.runner = runner
        self.now = NOW + skew_ms
        self.lives = 0
        self.seen: Counter[OpId] = Counter()
        self.start()

    def start(self) -> None:
        self.lives += 1
        self.store = Store(self.path)
        self.replica = Replica(
            self.me,
            identity(self.me.name),
            ROSTER,
            lambda: self.now,
            entropy(f"{self.me.name} {self.lives}"),
            witnesses=[self._witness],
        )

    def _witness(self, tx: Transaction, op: Op, content: Payload, number: int) -> None:
        tx.after(lambda: self.seen.update([op.id]))

    def kill(self) -> None:
        """Go on with what is on disk, as after a power cut: from the files as they lie."""
        place = self.path.with_name(f"{self.me.name}-{self.lives}.db")
        for suffix in ("", "-wal"):
            source = Path(f"{self.path}{suffix}")
            if source.exists():
                shutil.copy(source, f"{place}{suffix}")
        self.store.close()
        self.path = place
        self.start()

    def write(self, function: Callable[[Transaction], T]) -> T:
        opened: list[Transaction] = []

        def run(connection: sqlite3.Connection) -> T:
            self.now += 1
            tx = self.replica.begin(connection)
            opened.append(tx)
            result = function(tx)
            tx.finish()
            return result

        result = self.runner.run(self.store.write(run))
        for follow_up in opened[-1].follow_ups:
            follow_up()
        return result

    def compose(self, kind: str, number: int, feed: FeedName) -> Op:
        """Write an op of our own."""
        if kind != "unknown":
            content = payload(kind, number, feed, self.now)
            return self.write(lambda tx: tx.append(feed, content))
        seq = self.vector().get(feed, {}).get(self.me.id, 0) + 1
        place = OpId(self.me.id, feed, seq)
        made = ops.write(
            place, self.replica.tick(), "later.kind", {"n": number}, "s", identity(self.me.name)
        )
        strange = Op.model_validate({**made.model_dump(), "colour": {"shade": [number, "rö"]}})
        self.write(lambda tx: tx.apply(strange))
        return strange

    def vector(self, peer: RosterEntry = BRAIN) -> Vector:
        return replica.vector_for(self.store.reader, ROSTER, peer.id)

    def lacking(self, peer: RosterEntry, theirs: Vector) -> list[Op]:
        """Return what the peer may hold and does not have, oldest first."""
        wanted, scanned = [], 0
        while places := replica.places_after(self.store.reader, scanned, 50):
            for scanned, place in places:
                if ops.lacks(theirs, place) and ROSTER.may_hold(peer.id, place.feed):
                    wanted.append(replica.op_at(self.store.reader, scanned))
        return wanted

    def take(self, batch: list[Op], torn: bool = False) -> None:
        """Apply a batch in one transaction, up to the first gap; `torn` cuts the power before."""

        def apply(tx: Transaction) -> None:
            for op in batch:
                if tx.apply(op) is Fit.GAP:
                    break
            if torn:
                raise PowerCutError

        try:
            self.write(apply)
        except PowerCutError:
            self.kill()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.store.reader.execute(query, values)]

    def derived(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: sorted(self.rows(f"SELECT * FROM {table}"), key=repr) for table in DERIVED}


class Household:
    """All replicas and what is under way between them."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.runner = asyncio.Runner()
        folder.mkdir(parents=True, exist_ok=True)
        skews = random.Random(seed)
        self.nodes = {
            each.name: Node(
                each, folder / f"{each.name}.db", self.runner, skews.randrange(-600_000, 600_000)
            )
            for each in MEMBERS
        }
        self.written: dict[OpId, Op] = {}
        self.told: dict[tuple[str, str], Vector] = defaultdict(dict)
        self.under_way: list[tuple[str, list[Op]]] = []

    def close(self) -> None:
        for node in self.nodes.values():
            node.store.close()
        self.runner.close()
        shutil.rmtree(self.folder)

    def compose(self, name: str, kind: str, number: int, feed: FeedName) -> None:
        op = self.nodes[name].compose(kind, number, feed)
        assert op.id not in self.written, "a place was given twice"
        self.written[op.id] = op

    def tell(self, name: str, peer: str) -> None:
        """A node tells its vector; until the next time the peer goes by this one."""
        self.told[peer, name] = self.nodes[name].vector(self.nodes[peer].me)

    def send(self, name: str, peer: str, size: int) -> None:
        """Put what the peer was last known to lack on its way, in batches."""
        lacking = self.nodes[name].lacking(self.nodes[peer].me, self.told[name, peer])
        for start in range(0, len(lacking), size):
            self.under_way.append((peer, lacking[start : start + size]))

    def arrive(self, index: int, keep: bool = False, torn: bool = False) -> None:
        """Let any batch arrive; with `keep` it will arrive again."""
        if self.under_way:
            index %= len(self.under_way)
            name, batch = self.under_way[index] if keep else self.under_way.pop(index)
            self.nodes[name].take(batch, torn)

    def lose(self, index: int) -> None:
        if self.under_way:
            self.under_way.pop(index % len(self.under_way))

    def settle(self) -> None:
        """Mend all links, and exchange until nobody lacks anything."""
        self.under_way.clear()
        for _round in range(4):
            for one in self.nodes:
                for other in self.nodes:
                    if one != other:
                        self.tell(other, one)
                        self.send(one, other, 64)
                        while self.under_way:
                            self.arrive(0)

    def check(self) -> None:
        """Assert what must hold at any time."""
        for node in self.nodes.values():
            streams = node.rows("SELECT feed, origin, max(seq), count(*) FROM ops GROUP BY 1, 2")
            assert all(last == count for _, _, last, count in streams), "a stream has a hole"
            vector = node.rows("SELECT feed, origin, seq, seq FROM vectors")
            assert sorted(vector) == sorted(streams), "the vector is not what is there"
            for feed, origin, _, _ in streams:
                assert origin == node.me.id or ROSTER.may_hold(node.me.id, feed)

    def check_settled(self) -> None:
        """Assert what must hold once all was exchanged: nothing lost, nothing twice, all equal."""
        self.check()
        for node in self.nodes.values():
            held = {
                place: op
                for place, op in self.written.items()
                if place.origin == node.me.id or ROSTER.may_hold(node.me.id, place.feed)
            }
            places = replica.places_after(node.store.reader, 0, 100_000)
            assert len(places) == len(held), f"{node.me.name} has {len(places)} of {len(held)}"
            for number, place in places:
                assert replica.op_at(node.store.reader, number) == held[place]
                assert node.seen[place] <= 1, "an op was acted on twice"
            before = node.derived()
            self.nodes[node.me.name].write(lambda tx: replica.rebuild(tx.connection))
            assert node.derived() == before, f"{node.me.name}: a rebuild gives something else"
        self._check_records(HOUSEHOLD, tuple(self.nodes))
        self._check_records(person_feed(ANA), ("brain", "laptop", "phone"))

    def _check_records(self, feed: FeedName, names: tuple[str, ...]) -> None:
        """All who hold this feed see the same records in it."""
        seen = [
            sorted(self.nodes[name].rows("SELECT * FROM records WHERE feed = ?", feed))
            for name in names
        ]
        assert all(rows == seen[0] for rows in seen), f"the records of {feed} differ"


def random_run(folder: Path, seed: int, steps: int = 60) -> None:
    """Play one random history and check it; what the planted bugs are tried with."""
    dice = random.Random(seed)
    household = Household(folder, seed)
    names = list(household.nodes)
    try:
        for _step in range(steps):
            one, other = dice.sample(names, 2)
            match dice.randrange(10):
                case 0 | 1 | 2:
                    household.compose(
                        one, dice.choice(KINDS), dice.randrange(3), dice.choice(FEEDS)
                    )
                case 3:
                    household.tell(one, other)
                case 4 | 5:
                    household.send(one, other, dice.randrange(1, 4))
                case 6 | 7:
                    household.arrive(dice.randrange(99), keep=dice.random() < 0.3)
                case 8:
                    household.lose(dice.randrange(99))
                case _:
                    if dice.random() < 0.5:
                        household.nodes[one].kill()
                    else:
                        household.arrive(dice.randrange(99), torn=True)
            household.check()
        household.settle()
        household.check_settled()
    finally:
        household.close()
