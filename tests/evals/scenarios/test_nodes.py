"""What the nodes' databases say about loss and about stored effects."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from manyends.evals.scenarios.counting import Rows
from manyends.evals.scenarios.nodes import Holdings, Place, holdings, lost, stored


def everybody(name: str, feed: str) -> bool:
    """Let all hold all, but the feed `private` only the brain."""
    return feed != "private" or name == "brain"


def node(*seqs: int, vector: int | None = None, feed: str = "household") -> Holdings:
    """Return a node with these ops of one writer."""
    rows = Counter(Place("a", feed, seq) for seq in seqs)
    last = max(seqs, default=0) if vector is None else vector
    return Holdings(rows, {each: f"digest {each.seq}" for each in rows}, {("a", feed): last})


def test_nothing_is_lost_if_all_have_all() -> None:
    nodes = {"brain": node(1, 2), "hub": node(1, 2), "dead": node(1)}
    assert lost(nodes, ["brain", "hub"], everybody) is None


@pytest.mark.parametrize(
    ("hub", "reason"),
    [
        (node(1), "hub lacks 1 of 2 ops"),
        (node(2), "hub lacks 1 of 2 ops, for example op 1 of a in household"),
        (node(1, 2, 2), "hub has op 2 of a in household 2 times"),
        (node(1, 2, vector=1), "its vector says 1"),
        (node(1, 2, 4), "lacks"),
    ],
)
def test_a_loss_is_named(hub: Holdings, reason: str) -> None:
    found = lost({"brain": node(1, 2), "hub": hub}, ["hub"], everybody)
    assert found is not None
    assert reason in found


def test_what_only_a_dead_node_has_is_missing() -> None:
    nodes = {"brain": node(1), "watch": node(1, 2)}
    assert str(lost(nodes, ["brain"], everybody)).startswith("brain lacks 1 of 2")


def test_a_node_need_not_have_what_it_may_not_hold() -> None:
    nodes = {"brain": node(1, feed="private"), "hub": node()}
    assert lost(nodes, ["brain", "hub"], everybody) is None


def test_two_ops_in_one_place_are_no_replica() -> None:
    other = node(1)
    changed = Holdings(other.rows, {Place("a", "household", 1): "another"}, other.vector)
    found = lost({"brain": node(1), "hub": changed}, ["brain", "hub"], everybody)
    assert found == "op 1 of a in household is not the same on brain and on hub"


def test_no_ops_at_all_is_a_loss() -> None:
    assert lost({"brain": node()}, ["brain"], everybody) == "there are no ops at all"


def database(path: Path, *records: tuple[str, str, int]) -> Path:
    """Make a node's database with one op and these records."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """PRAGMA journal_mode = WAL;
            CREATE TABLE ops (n INTEGER PRIMARY KEY, feed, origin, seq, digest);
            CREATE TABLE vectors (feed, origin, seq);
            CREATE TABLE records (collection, id, dropped);
            INSERT INTO ops VALUES (1, 'household', 'a', 1, 'd');
            INSERT INTO vectors VALUES ('household', 'a', 1);"""
        )
        connection.executemany("INSERT INTO records VALUES (?, ?, ?)", records)
        connection.commit()
    return path


def test_a_database_is_read(tmp_path: Path) -> None:
    place = Place("a", "household", 1)
    assert holdings(database(tmp_path / "node.db")) == Holdings(
        Counter({place: 1}), {place: "d"}, {("a", "household"): 1}
    )
    assert holdings(tmp_path / "none.db") == Holdings()


def test_a_database_whose_writer_was_killed_is_read_and_not_changed(tmp_path: Path) -> None:
    path, killed = database(tmp_path / "node.db"), tmp_path / "killed"
    killed.mkdir()
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("INSERT INTO records VALUES ('timers', 'a', 0)")
        writer.commit()
        for file in tmp_path.glob("node.db*"):
            (killed / file.name).write_bytes(file.read_bytes())
    log = killed / "node.db-wal"
    before = log.read_bytes()
    assert stored([killed / "node.db"], Rows("timers")) == 1
    assert log.read_bytes() == before


def test_distinct_records_are_counted_over_all_nodes(tmp_path: Path) -> None:
    databases = [
        database(tmp_path / "1.db", ("timers", "a", 0), ("timers", "b", 1), ("notes", "c", 0)),
        database(tmp_path / "2.db", ("timers", "a", 0), ("timers", "d", 0)),
        tmp_path / "none.db",
    ]
    (tmp_path / "empty.db").touch()
    databases.append(tmp_path / "empty.db")
    assert stored(databases, Rows("timers")) == 3
    assert stored(databases, Rows("timers", dropped=True)) == 1
    assert stored(databases, Rows("memories")) == 0
