"""Reads the nodes' databases: whether an op is lost anywhere, and how often a skill stored."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .counting import Rows


class Place(NamedTuple):
    """Where an op stands: its writer, its feed and its number there."""

    origin: str
    feed: str
    seq: int


@dataclass(frozen=True)
class Holdings:
    """What a node has of the household's ops."""

    rows: Counter[Place] = field(default_factory=Counter)
    """How many rows there are of each op; more than one was applied more than once."""
    digests: Mapping[Place, str] = field(default_factory=dict)
    vector: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By origin and feed, the last number applied."""


def holdings(database: Path) -> Holdings:
    """Return what this database has; nothing if it is not there yet."""
    ops = _rows(database, "SELECT origin, feed, seq, digest FROM ops")
    vector = _rows(database, "SELECT origin, feed, seq, '' FROM vectors")
    return Holdings(
        rows=Counter(Place(*row[:3]) for row in ops),
        digests={Place(*row[:3]): row[3] for row in ops},
        vector={(origin, feed): seq for origin, feed, seq, _ in vector},
    )


def stored(databases: Iterable[Path], rows: Rows) -> int:
    """Count the distinct records of a collection over all databases."""
    query = "SELECT id, '', 0, '' FROM records WHERE collection = ?"
    if rows.dropped:
        query += " AND dropped = 1"
    found = (_rows(each, query, rows.collection) for each in databases)
    return len({row[0] for each in found for row in each})


def _rows(database: Path, query: str, *values: str) -> list[tuple[str, str, int, str]]:
    """Ask a database without changing it; no rows if it or the table is not there."""
    if not database.exists():
        return []
    address = f"{database.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=2)) as connection:
        try:
            return connection.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


def lost(
    nodes: Mapping[str, Holdings], live: Iterable[str], may_hold: Callable[[str, str], bool]
) -> str | None:
    """Say which op a running node that may hold it lacks, or has more than once.

    `nodes` are all nodes, also those that do not run: what one of them has, all entitled must
    have. None if nothing is lost and there is at least one op.
    """
    union = frozenset().union(*(each.rows for each in nodes.values()))
    if not union:
        return "there are no ops at all"
    last: dict[tuple[str, str], int] = {}
    for place in union:
        stream = (place.origin, place.feed)
        last[stream] = max(last.get(stream, 0), place.seq)
    wanted = {
        Place(origin, feed, seq)
        for (origin, feed), until in last.items()
        for seq in range(1, until + 1)
    }
    for name in live:
        entitled = {each for each in wanted if may_hold(name, each.feed)}
        reason = _lost_at(name, nodes[name], entitled)
        if reason:
            return reason
    return _differing(nodes)


def _lost_at(name: str, node: Holdings, entitled: set[Place]) -> str | None:
    missing = sorted(each for each in entitled if each not in node.rows)
    if missing:
        return f"{name} lacks {len(missing)} of {len(entitled)} ops, for example {_say(missing[0])}"
    for place in sorted(entitled):
        if node.rows[place] > 1:
            return f"{name} has {_say(place)} {node.rows[place]} times"
    last: dict[tuple[str, str], int] = {}
    for place in sorted(entitled):
        last[place.origin, place.feed] = place.seq
    for (origin, feed), seq in last.items():
        said = node.vector.get((origin, feed), 0)
        if said != seq:
            return f"{name} has {seq} ops of {origin} in {feed}, but its vector says {said}"
    return None


def _differing(nodes: Mapping[str, Holdings]) -> str | None:
    seen: dict[Place, tuple[str, str]] = {}
    for name, node in nodes.items():
        for place, digest in node.digests.items():
            other, known = seen.setdefault(place, (name, digest))
            if digest != known:
                return f"{_say(place)} is not the same on {other} and on {name}"
    return None


def _say(place: Place) -> str:
    return f"op {place.seq} of {place.origin} in {place.feed}"
