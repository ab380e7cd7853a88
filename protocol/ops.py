"""Durable changes: signed ops in feeds, and the vectors that say how much of them a node has.

A feed is an ordered stream from each of its writers: the ops of one origin in one feed are
numbered from 1 without holes. A vector holds, for each feed and origin, the last number applied.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from .errors import ErrorCode, ProtocolError
from .hlc import Stamp
from .identity import Identity, canonical, digest, verify
from .ids import DeviceId, FeedName
from .numbers import Count, Place

MAX_BATCH = 64
"""Ops in one message at most; the frame limit may make it fewer."""


class OpId(NamedTuple):
    """Where an op stands: its writer, the feed, and its number there, from 1."""

    origin: DeviceId
    feed: FeedName
    seq: int


class Op(BaseModel):
    """One durable change. Without its payload it is erased: its place and its digest remain."""

    model_config = ConfigDict(frozen=True, extra="allow")

    origin: DeviceId
    feed: FeedName
    seq: Place
    hlc: Stamp
    kind: str = Field(max_length=60)
    digest: str = Field(max_length=64)
    signature: str = Field(max_length=128)
    salt: str | None = Field(default=None, max_length=64)
    payload: dict[str, Any] | None = None

    @property
    def id(self) -> OpId:
        """The op's place."""
        return OpId(self.origin, self.feed, self.seq)

    def signed_bytes(self) -> bytes:
        """Return what the writer signs: place, time, kind and the payload's digest."""
        place = [self.origin, self.feed, self.seq, self.hlc, self.kind, self.digest]
        return b"manyends/1 op\n" + canonical(place)


def write(
    place: OpId, hlc: Stamp, kind: str, payload: dict[str, Any], salt: str, identity: Identity
) -> Op:
    """Make and sign an op. `ValueError` if the payload is not JSON."""
    op = Op(
        origin=place.origin,
        feed=place.feed,
        seq=place.seq,
        hlc=hlc,
        kind=kind,
        digest=digest(salt, payload),
        signature="",
        salt=salt,
        payload=payload,
    )
    return op.model_copy(update={"signature": identity.sign(op.signed_bytes())})


def check(op: Op, public_key: str) -> None:
    """Raise `ProtocolError` `forbidden` unless the writer signed the op and its payload."""
    if not verify(public_key, op.signed_bytes(), op.signature):
        raise ProtocolError(ErrorCode.FORBIDDEN, f"op {op.id} is not signed by its origin")
    if op.payload is None:
        return
    try:
        signed = digest(op.salt or "", op.payload) == op.digest
    except (ValueError, RecursionError):
        signed = False  # it holds what JSON cannot say, so nobody signed it
    if not signed:
        raise ProtocolError(ErrorCode.FORBIDDEN, f"the payload of op {op.id} was changed")


Vector = dict[FeedName, dict[DeviceId, Count]]
"""For each feed and origin, the number of the last op applied; absent means none."""


class Fit(StrEnum):
    """How an arriving op fits to what is there."""

    NEXT = "next"
    KNOWN = "known"
    GAP = "gap"


def fit(vector: Vector, op: OpId) -> Fit:
    """Say whether the op is the next of its stream, already applied, or too early."""
    last = vector.get(op.feed, {}).get(op.origin, 0)
    if op.seq <= last:
        return Fit.KNOWN
    return Fit.NEXT if op.seq == last + 1 else Fit.GAP


def include(vector: Vector, op: OpId) -> None:
    """Move the vector over an op that was applied; it never moves back."""
    stream = vector.setdefault(op.feed, {})
    stream[op.origin] = max(op.seq, stream.get(op.origin, 0))


def merge(vector: Vector, other: Vector) -> None:
    """Move the vector to all that the other one has seen too."""
    for feed, stream in other.items():
        for origin, seq in stream.items():
            include(vector, OpId(origin, feed, seq))


def lacks(vector: Vector, op: OpId) -> bool:
    """Say whether a node with this vector still needs the op."""
    return op.seq > vector.get(op.feed, {}).get(op.origin, 0)
