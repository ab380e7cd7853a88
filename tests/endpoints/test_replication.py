"""Replicas of one household: whatever links and power do, in the end all hold the same, once."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.protocol.household import ANA, BEN, BRAIN, HUB, LAPTOP, PHONE, STRANGER, identity, op
from tests.protocol.replicas import FEEDS, KINDS, MEMBERS, Household, random_run

from manyends.endpoints import replica
from manyends.endpoints.replica import Transaction, read_payload
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import HOUSEHOLD, FeedName, device_feed, person_feed
from manyends.protocol.ops import Fit, Op, OpId, write
from manyends.protocol.payloads import RecordPut

NAMES = st.sampled_from([each.name for each in MEMBERS])
ANY = st.integers(0, 99)


class Replication(RuleBasedStateMachine):
    """Ops take every way there is: hub to laptop, and hub to brain to phone to laptop."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="replicas-"))
        self.household = Household(self.folder / "all")

    @rule(
        name=NAMES,
        kind=st.sampled_from(KINDS),
        number=st.integers(0, 2),
        feed=st.sampled_from(FEEDS),
    )
    def write(self, name: str, kind: str, number: int, feed: FeedName) -> None:
        self.household.compose(name, kind, number, feed)

    @rule(name=NAMES, peer=NAMES)
    def tell_vector(self, name: str, peer: str) -> None:
        if name != peer:
            self.household.tell(name, peer)

    @rule(name=NAMES, peer=NAMES, size=st.integers(1, 4))
    def send(self, name: str, peer: str, size: int) -> None:
        if name != peer:
            self.household.send(name, peer, size)

    @rule(index=ANY, keep=st.booleans())
    def arrive_out_of_order(self, index: int, keep: bool) -> None:
        self.household.arrive(index, keep)

    @rule(index=ANY)
    def arrive_while_power_fails(self, index: int) -> None:
        self.household.arrive(index, torn=True)

    @rule(index=ANY)
    def lose(self, index: int) -> None:
        self.household.lose(index)

    @rule(name=NAMES)
    def kill(self, name: str) -> None:
        self.household.nodes[name].kill()

    @rule()
    def links_drop(self) -> None:
        self.household.under_way.clear()

    @invariant()
    def no_stream_has_a_hole(self) -> None:
        self.household.check()

    def teardown(self) -> None:
        self.household.settle()
        self.household.check_settled()
        self.household.close()
        shutil.rmtree(self.folder)


TestReplication = Replication.TestCase
TestReplication.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    made = Household(tmp_path / "household")
    yield made
    made.close()


def take(household: Household, name: str, op: Op) -> Fit:
    return household.nodes[name].write(lambda tx: tx.apply(op))


@pytest.mark.parametrize("seed", range(10))
def test_random_histories_end_in_equal_replicas(tmp_path: Path, seed: int) -> None:
    random_run(tmp_path / "run", seed, steps=120)


def test_an_op_that_comes_by_two_ways_is_applied_once(household: Household) -> None:
    household.compose("hub", "put", 1, HOUSEHOLD)
    (written,) = household.written.values()
    fits = [take(household, name, written) for name in ("brain", "laptop", "laptop", "brain")]
    assert fits == [Fit.NEXT, Fit.NEXT, Fit.KNOWN, Fit.KNOWN]
    assert household.nodes["laptop"].seen[written.id] == 1


def test_an_op_that_comes_too_early_changes_nothing(household: Household) -> None:
    for _ in range(3):
        household.compose("hub", "put", 1, HOUSEHOLD)
    first, second, third = household.written.values()
    assert take(household, "brain", second) is Fit.GAP
    assert household.nodes["brain"].vector() == {}
    household.nodes["brain"].take([first, third])
    assert household.nodes["brain"].vector() == {HOUSEHOLD: {HUB.id: 1}}
    household.nodes["brain"].take([first, second, third])
    assert household.nodes["brain"].vector() == {HOUSEHOLD: {HUB.id: 3}}


def test_a_batch_that_power_cut_short_leaves_no_trace(household: Household) -> None:
    for _ in range(3):
        household.compose("hub", "put", 1, HOUSEHOLD)
    brain = household.nodes["brain"]
    brain.take(list(household.written.values()), torn=True)
    assert brain.vector() == {}
    assert brain.rows("SELECT * FROM records") == []


def test_a_killed_node_goes_on_numbering_where_it_was(household: Household) -> None:
    household.compose("hub", "put", 1, HOUSEHOLD)
    household.nodes["hub"].kill()
    household.compose("hub", "put", 2, HOUSEHOLD)
    assert [place.seq for place in household.written] == [1, 2]
    stamps = [each.hlc for each in household.written.values()]
    assert stamps == sorted(set(stamps))


def test_a_stamp_of_the_far_future_does_not_stop_a_restarted_node(household: Household) -> None:
    body: dict[str, object] = {"collection": "lists", "id": "1", "data": {}}
    place = OpId(HUB.id, HOUSEHOLD, 1)
    late = write(place, "f" * 12 + "-ffff", "record.put", body, "s", identity("hub"))
    assert take(household, "brain", late) is Fit.NEXT
    household.nodes["brain"].kill()
    household.compose("brain", "put", 1, HOUSEHOLD)
    (written,) = household.written.values()
    assert written.hlc < "f" * 12


def test_a_node_gets_back_its_own_ops_if_it_lost_them(household: Household) -> None:
    household.compose("hub", "put", 1, HOUSEHOLD)
    household.settle()
    hub = household.nodes["hub"]
    hub.store.close()
    hub.path = hub.path.with_name("new.db")
    hub.seen.clear()
    hub.start()
    household.settle()
    household.check_settled()
    household.compose("hub", "put", 1, HOUSEHOLD)
    assert [place.seq for place in household.written] == [1, 2]


def test_unknown_kinds_and_fields_are_passed_on_as_they_came(household: Household) -> None:
    household.compose("hub", "unknown", 1, HOUSEHOLD)
    household.settle()
    (written,) = household.written.values()
    phone = household.nodes["phone"]
    assert replica.op_at(phone.store.reader, 1) == written
    assert (written.model_extra or {})["colour"] == {"shade": [1, "rö"]}


def test_a_node_takes_no_feed_that_it_may_not_hold(household: Household) -> None:
    household.compose("laptop", "put", 1, person_feed(ANA))
    (written,) = household.written.values()
    with pytest.raises(ProtocolError) as caught:
        take(household, "hub", written)
    assert caught.value.code is ErrorCode.FORBIDDEN
    household.settle()
    assert household.nodes["hub"].vector() == {}


@pytest.mark.parametrize(
    "change",
    [{"payload": {}}, {"seq": 1, "hlc": "0" * 12 + "-0000"}, {"signature": "s" * 86}],
)
def test_a_changed_op_is_refused_and_leaves_no_trace(
    household: Household, change: dict[str, object]
) -> None:
    household.compose("laptop", "opened", 1, person_feed(ANA))
    (written,) = household.written.values()
    with pytest.raises(ProtocolError) as caught:
        take(household, "brain", written.model_copy(update=change))
    assert caught.value.code is ErrorCode.FORBIDDEN
    assert household.nodes["brain"].vector() == {}
    assert take(household, "brain", written) is Fit.NEXT


def test_an_op_of_a_stranger_is_refused(household: Household) -> None:
    strange = op(feed=HOUSEHOLD).model_copy(update={"origin": STRANGER.id})
    with pytest.raises(ProtocolError) as caught:
        take(household, "brain", strange)
    assert caught.value.code is ErrorCode.FORBIDDEN


def test_a_payload_that_is_not_what_its_kind_says_is_refused(household: Household) -> None:
    place = OpId(LAPTOP.id, HOUSEHOLD, 1)
    bad = write(place, "0" * 12 + "-0001", "task.stop", {"task": "?"}, "s", identity("laptop"))
    with pytest.raises(ProtocolError) as caught:
        take(household, "brain", bad)
    assert caught.value.code is ErrorCode.BAD_MESSAGE
    assert household.nodes["brain"].vector() == {}


def test_an_erased_op_is_passed_on_without_its_payload(household: Household) -> None:
    household.compose("laptop", "put", 1, HOUSEHOLD)
    (written,) = household.written.values()
    erased = written.model_copy(update={"payload": None, "salt": None})
    assert take(household, "brain", erased) is Fit.NEXT
    passed = replica.op_at(household.nodes["brain"].store.reader, 1)
    assert passed == erased
    assert read_payload(passed) is None
    assert household.nodes["brain"].rows("SELECT * FROM records") == []


def test_a_payload_that_no_frame_could_carry_is_not_written(household: Household) -> None:
    huge = RecordPut(collection="notes", id="1", data={"text": "ü" * replica.MAX_PAYLOAD})
    with pytest.raises(ProtocolError) as caught:
        household.nodes["hub"].write(lambda tx: tx.append(HOUSEHOLD, huge))
    assert caught.value.code is ErrorCode.TOO_BIG
    assert household.nodes["hub"].vector() == {}


def test_a_vector_tells_a_peer_only_of_what_it_might_send(household: Household) -> None:
    household.compose("laptop", "put", 1, person_feed(ANA))
    household.compose("laptop", "put", 1, device_feed(BRAIN.id))
    household.compose("hub", "put", 1, person_feed(BEN))
    household.compose("hub", "put", 1, HOUSEHOLD)
    household.settle()
    brain = household.nodes["brain"]
    assert brain.vector(HUB) == {HOUSEHOLD: {HUB.id: 1}, person_feed(BEN): {HUB.id: 1}}
    assert brain.vector(PHONE) == {HOUSEHOLD: {HUB.id: 1}, person_feed(ANA): {LAPTOP.id: 1}}


def test_what_a_reaction_wrote_is_undone_when_it_refuses_but_the_op_stays(
    household: Household,
) -> None:
    def refuse(tx: Transaction, origin: str, payload: object) -> None:
        tx.append(HOUSEHOLD, RecordPut(collection="lists", id="1", data={}))
        raise ProtocolError(ErrorCode.FORBIDDEN, "no")

    brain = household.nodes["brain"]
    brain.replica.reactions = {"record.put": refuse}
    household.compose("hub", "put", 1, HOUSEHOLD)
    (written,) = household.written.values()
    assert take(household, "brain", written) is Fit.NEXT
    assert brain.vector() == {HOUSEHOLD: {HUB.id: 1}}


def test_mail_to_oneself_is_acted_on_at_once_and_other_mail_is_an_op(household: Household) -> None:
    came: list[str] = []
    hub = household.nodes["hub"]
    hub.replica.reactions = {"record.put": lambda tx, origin, payload: came.append(origin)}
    mail = RecordPut(collection="lists", id="1", data={})
    hub.write(lambda tx: tx.mail(HUB.id, mail))
    assert came == [HUB.id]
    assert hub.vector() == {}
    hub.write(lambda tx: tx.mail(LAPTOP.id, mail))
    assert hub.rows("SELECT feed FROM vectors") == [(device_feed(LAPTOP.id),)]
