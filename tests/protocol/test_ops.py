"""Ops: what is signed, and how they fit into a vector."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.protocol.household import BRAIN, HUB, LAPTOP, identity, op
from tests.protocol.properties import check_fit, check_op_integrity

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.identity import digest
from manyends.protocol.ops import Fit, Op, OpId, Vector, check, fit, include, lacks, merge, write

STREAMS = st.dictionaries(st.sampled_from([BRAIN.id, HUB.id]), st.integers(0, 9))
VECTORS = st.dictionaries(st.sampled_from(["household", f"device:{HUB.id}"]), STREAMS)


def test_nothing_of_an_op_can_be_changed_without_being_found() -> None:
    check_op_integrity()


def test_an_op_of_another_key_is_refused() -> None:
    with pytest.raises(ProtocolError) as caught:
        check(op(), identity("hub").public)
    assert caught.value.code is ErrorCode.FORBIDDEN


@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": "\ud800"}])
def test_a_payload_that_json_cannot_say_is_refused_and_cannot_be_written(
    payload: dict[str, object],
) -> None:
    good = op()
    with pytest.raises(ProtocolError) as caught:
        check(good.model_copy(update={"payload": payload}), identity("laptop").public)
    assert caught.value.code is ErrorCode.FORBIDDEN
    with pytest.raises(ValueError, match=r"."):
        write(good.id, good.hlc, "record.put", payload, "salt", identity("laptop"))


def test_an_erased_op_keeps_its_place_and_its_digest() -> None:
    erased = op().model_copy(update={"payload": None, "salt": None})
    assert erased.id == OpId(LAPTOP.id, op().feed, 1)
    assert erased.digest == digest("salt", op().payload)


def test_unknown_fields_of_an_op_are_kept_and_not_signed() -> None:
    text = op().model_dump_json().replace('"seq":1', '"seq":1,"colour":"red"')
    read = Op.model_validate_json(text)
    check(read, identity("laptop").public)
    assert '"colour":"red"' in read.model_dump_json()


@pytest.mark.parametrize("seq", [0, -1, 2**53, 1.0, "1", True, None])
def test_places_are_numbered_from_one_by_whole_numbers(seq: object) -> None:
    with pytest.raises(ValidationError):
        Op.model_validate({**op().model_dump(), "seq": seq})


def test_ops_fit_next_to_the_last_one_of_their_stream() -> None:
    check_fit()


@given(VECTORS, VECTORS)
def test_merging_takes_the_greater_of_each_stream(one: Vector, other: Vector) -> None:
    merged = {feed: dict(stream) for feed, stream in one.items()}
    merge(merged, other)
    for feed in {*one, *other}:
        for origin in (BRAIN.id, HUB.id):
            seqs = [each.get(feed, {}).get(origin, 0) for each in (one, other)]
            assert merged.get(feed, {}).get(origin, 0) == max(seqs)


@given(VECTORS, st.lists(st.integers(1, 9)))
def test_applying_what_fits_moves_a_vector_by_one_and_never_back(
    vector: Vector, seqs: list[int]
) -> None:
    for seq in seqs:
        place = OpId(HUB.id, "household", seq)
        last = vector.get("household", {}).get(HUB.id, 0)
        if fit(vector, place) is Fit.NEXT:
            assert lacks(vector, place)
            include(vector, place)
            assert vector["household"][HUB.id] == last + 1
        else:
            assert vector.get("household", {}).get(HUB.id, 0) == last
