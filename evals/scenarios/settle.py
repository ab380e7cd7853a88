"""The rule that says when a step has settled; pure, fed with samples of every process's counters.

A step has settled when each process reports no open turn, no moving task and nothing unsent, the
frames of each link add up between its two sides, and nothing has changed for `QUIET` seconds;
where nodes must be served, also when each that can reach a serving node has one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

QUIET = 0.3
"""Seconds for which nothing may change."""


class Link(BaseModel):
    """One side's count of the frames of a link; `peer` is the other side's device id."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    peer: str
    out: int
    # `in` is a word of Python.
    into: int


class Counters(BaseModel):
    """What a process reports of itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    open_turns: int
    moving_tasks: int
    unsent: int
    serving: bool
    links: dict[str, Link]
    changes: int
    told: int

    @classmethod
    def read(cls, answer: Mapping[str, object]) -> "Counters":
        """Read the answer to `counters`; `ValueError` if something is missing or wrong."""
        links = answer.get("links")
        if not isinstance(links, dict):
            raise ValueError("the counters have no links")
        renamed = {name: {**each, "into": each.get("in")} for name, each in links.items()}
        return cls.model_validate({**answer, "links": renamed})


@dataclass(frozen=True)
class World:
    """What the runner itself did to the processes and the network."""

    names: Mapping[str, str] = field(default_factory=dict)
    """The name of each device id."""
    dead: frozenset[str] = frozenset()
    """Processes that do not run."""
    cuts: frozenset[frozenset[str]] = frozenset()
    """Pairs that cannot reach each other."""
    servers: frozenset[str] = frozenset({"brain"})
    """Those that can serve others."""
    unserved: frozenset[str] = frozenset({"home"})
    """Those that need nobody to serve them."""

    def apart(self, one: str, other: str) -> bool:
        """Say whether the two can't have a working link now."""
        return other in self.dead or one in self.dead or frozenset({one, other}) in self.cuts


Sample = Mapping[str, Counters]
"""The counters of every process that runs, by name."""


def unrest(sample: Sample, world: World) -> str | None:
    """Say what is still moving, in words; None if nothing is."""
    for name, each in sample.items():
        for count, what in (
            (each.open_turns, "open turn"),
            (each.moving_tasks, "moving task"),
            (each.unsent, "unsent op"),
        ):
            if count:
                return f"{name} has {count} {what}{'s' if count != 1 else ''}"
    return _uneven(sample, world)


def _uneven(sample: Sample, world: World) -> str | None:
    sides: dict[str, list[tuple[str, Link]]] = {}
    for name, each in sample.items():
        for number, link in each.links.items():
            sides.setdefault(number, []).append((name, link))
    for ends in sides.values():
        if len(ends) == 1:
            name, link = ends[0]
            peer = world.names.get(link.peer)
            if peer is not None and not world.apart(name, peer):
                return f"{name} has a link to {peer} of which {peer} does not know"
        elif len(ends) == 2:
            (one, here), (other, there) = ends
            if here.out != there.into or there.out != here.into:
                return f"frames between {one} and {other} are still under way"
    return None


def unserved(sample: Sample, world: World) -> str | None:
    """Say which node has no serving node although it could; None if all have."""
    for name, each in sample.items():
        if name in world.unserved or each.serving:
            continue
        if any(server in sample and not world.apart(name, server) for server in world.servers):
            return f"{name} has no serving node"
    return None


class Settling:
    """Follows samples until they have been quiet for long enough."""

    def __init__(self, quiet: float = QUIET) -> None:
        """Begin; `quiet` is in seconds."""
        self._quiet = quiet
        self._last: Sample | None = None
        self._since = 0.0
        self.reason: str | None = "nothing was seen yet"
        """What is still moving; None once all is at rest, changes apart."""

    def feed(
        self,
        at: float,
        sample: Sample,
        world: World,
        look: Callable[[Sample, World], str | None] = unrest,
    ) -> bool:
        """Take a sample of the moment `at` (seconds); say whether all has settled."""
        reason = look(sample, world)
        if reason is not None or sample != self._last:
            self._since = at
        self._last = dict(sample)
        calm = at - self._since >= self._quiet
        self.reason = reason or (None if calm else "something changed a moment ago")
        return reason is None and calm


def unrest_or_unserved(sample: Sample, world: World) -> str | None:
    """Say what keeps a `start`, a `kill` or a `heal` from having settled."""
    return unrest(sample, world) or unserved(sample, world)
