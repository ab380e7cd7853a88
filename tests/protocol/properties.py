"""What must hold of the protocol's core, as plain functions: the tests call them, and so does the
test that plants bugs to see them found.

They call the core through its modules, so that a planted bug is what they meet.
"""

from collections.abc import Iterator
from itertools import product

from tests.protocol.household import (
    ANA,
    BEN,
    BRAIN,
    HUB,
    LAPTOP,
    MESSAGE_EXAMPLES,
    NOW,
    OTHER_PIN,
    ROSTER,
    STRANGER,
    Pair,
    opened,
    pair,
)
from tests.protocol.household import identity as keys
from tests.protocol.household import op as example_op
from tests.protocol.household import session as new_session
from tests.protocol.household import task as example_task

from manyends.protocol import codec, hlc, identity, ops, session, task
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.hlc import Hlc
from manyends.protocol.ids import HOUSEHOLD, device_feed, person_feed
from manyends.protocol.messages import Error, Hello, HomeCommand, Message, Ping, Welcome
from manyends.protocol.ops import Fit, OpId, Vector
from manyends.protocol.session import Happening, Phase, Session, Side
from manyends.protocol.task import Epoch, Event, Result, State, Task

ENDS = {Happening.BYE: Phase.CLOSED, Happening.CLOSE: Phase.CLOSED, Happening.LOST: Phase.CLOSED}
BEFORE = {**ENDS, Happening.ERROR: Phase.CLOSED}
OPEN = {**ENDS, **dict.fromkeys((Happening.TRAFFIC, Happening.SEND, Happening.ERROR), Phase.OPEN)}
LEGAL_MOVES: dict[tuple[Side, Phase], dict[Happening, Phase]] = {
    (Side.CLIENT, Phase.NEW): {**BEFORE, Happening.START: Phase.CHALLENGED},
    (Side.CLIENT, Phase.CHALLENGED): {**BEFORE, Happening.CHALLENGE: Phase.GREETED},
    (Side.CLIENT, Phase.GREETED): {**BEFORE, Happening.WELCOME: Phase.OPEN},
    (Side.CLIENT, Phase.OPEN): OPEN,
    (Side.SERVER, Phase.NEW): {**BEFORE, Happening.START: Phase.CHALLENGED},
    (Side.SERVER, Phase.CHALLENGED): {**BEFORE, Happening.HELLO: Phase.OPEN},
    (Side.SERVER, Phase.OPEN): OPEN,
}
"""The session's table once more, written down independently of the code."""

LEGAL_EVENTS = """
offered:  accept>accepted fail>failed cancel>cancelled expire>expired release>offered
accepted: ask>asking begin>running fail>failed cancel>cancelled expire>expired release>offered
asking:   begin>running fail>failed cancel>cancelled expire>expired
running:  succeed>succeeded fail>failed cancel>cancelled doubt>in_doubt
in_doubt: confirm>succeeded refute>failed
"""
"""The task's table, in the same way."""


def legal_events() -> dict[tuple[State, Event], State]:
    """Return the task's table as it should be."""
    table = {}
    for line in LEGAL_EVENTS.strip().splitlines():
        state, _, moves = line.partition(":")
        for move in moves.split():
            event, _, following = move.partition(">")
            table[State(state), Event(event)] = State(following)
    return table


def check_clock(last: Hlc, remote: Hlc, wall: int) -> None:
    """A clock moves forward, over what it has seen, and never far ahead of the wall."""
    own = hlc.tick(last, wall)
    assert own > last
    assert own.ms >= wall
    seen = hlc.receive(last, remote, wall)
    assert seen >= last
    if remote <= Hlc(wall + hlc.MAX_AHEAD_MS, 0):
        assert hlc.tick(seen, wall) > remote
    assert seen.ms <= max(last.ms, wall + hlc.MAX_AHEAD_MS)


def check_clocks() -> None:
    """`check_clock` at the places where it might break."""
    times = (0, 1, 1000, NOW, NOW + hlc.MAX_AHEAD_MS, NOW + 2 * hlc.MAX_AHEAD_MS)
    clocks = [Hlc(ms, counter) for ms in times for counter in (0, 0xFFFF)]
    for last, remote, wall in product(clocks, clocks, times):
        check_clock(last, remote, wall)


def in_phase(side: Side, phase: Phase) -> tuple[Session, Pair]:
    """Return a session in this phase, in the pair that it belongs to."""
    if phase in (Phase.OPEN, Phase.CLOSED):
        both = opened()
        if phase is Phase.CLOSED:
            both.client.lost()
            both.server.lost()
    else:
        both = pair()
        if phase is not Phase.NEW:
            both.start()
        elif side is Side.CLIENT:
            both.server.start(NOW)
        if phase is Phase.GREETED or (side, phase) == (Side.SERVER, Phase.CHALLENGED):
            both.deliver(Side.CLIENT)  # the genuine hello is under way then
    one = both.client if side is Side.CLIENT else both.server
    if (side, phase) == (Side.SERVER, Phase.GREETED):
        one.phase = phase  # no way leads here; the table must say so even then
    elif phase is Phase.GREETED:
        both.deliver(Side.SERVER)
    both.collect()
    return one, both


def message_of(happening: Happening, both: Pair) -> Message:
    """Return the genuine message of this kind if it is under way, else any such message."""
    under_way = [*both.to_client, *both.to_server]
    kinds = {
        Happening.CHALLENGE: "challenge",
        Happening.HELLO: "hello",
        Happening.WELCOME: "welcome",
        Happening.TRAFFIC: "ping",
        Happening.ERROR: "error",
        Happening.BYE: "bye",
    }
    return next(m for m in [*under_way, *MESSAGE_EXAMPLES] if m.type == kinds[happening])


def make_happen(one: Session, happening: Happening, both: Pair) -> None:
    """Let it happen to this session, by the way in which it would."""
    match happening:
        case Happening.START:
            one.start(NOW)
        case Happening.SEND:
            one.send(Ping(id=1))
        case Happening.CLOSE:
            one.close("enough")
        case Happening.LOST:
            one.lost()
        case _:
            one.receive(message_of(happening, both), NOW)


def session_cells() -> Iterator[tuple[Side, Phase, Happening]]:
    """Yield every cell of the session's table."""
    return product(Side, Phase, Happening)


def check_session_cell(side: Side, phase: Phase, happening: Happening) -> None:
    """What the table allows happens; everything else is refused, and a breach closes."""
    one, both = in_phase(side, phase)
    expected = LEGAL_MOVES.get((side, phase), {}).get(happening)
    assert session.TRANSITIONS.get((side, phase, happening)) == expected
    if happening is Happening.LOST and phase is Phase.CLOSED:
        one.lost()  # twice is no breach
        assert one.phase is Phase.CLOSED
        return
    try:
        make_happen(one, happening, both)
    except ProtocolError as refusal:
        told = happening is Happening.ERROR and expected is Phase.CLOSED
        assert told or expected is None
        local = happening in (Happening.START, Happening.SEND, Happening.CLOSE, Happening.LOST)
        stays = local or (happening is Happening.ERROR and not told)
        assert one.phase is (phase if stays else Phase.CLOSED)
        if not told:
            early = (side, phase) == (Side.SERVER, Phase.CHALLENGED)
            assert refusal.code is (ErrorCode.NOT_PAIRED if early else ErrorCode.OUT_OF_ORDER)
        answered = any(isinstance(message, Error) for message in one.outbox)
        assert answered is not (local or happening is Happening.ERROR)
    else:
        assert one.phase is expected


def check_session_table() -> None:
    """`check_session_cell` for every cell."""
    for cell in session_cells():
        check_session_cell(*cell)


def impostors() -> dict[str, Pair]:
    """Return pairs of which one side is not who it should be."""
    client, server = new_session(Side.CLIENT, LAPTOP), new_session(Side.SERVER, BRAIN)
    knows_all = {**{each.id: each for each in ROSTER.devices}, STRANGER.id: STRANGER}.get
    return {
        "a client that nobody knows": pair(client=new_session(Side.CLIENT, STRANGER)),
        "a client without the key": pair(client=new_session(Side.CLIENT, LAPTOP, key="thief")),
        "a client under another's id": pair(client=new_session(Side.CLIENT, HUB, key="laptop")),
        "a server without the key": pair(server=new_session(Side.SERVER, BRAIN, key="thief")),
        "a server that nobody knows": pair(
            client=client, server=new_session(Side.SERVER, STRANGER)
        ),
        "a server that was not meant": pair(
            client=new_session(Side.CLIENT, LAPTOP, expected=BRAIN.id, lookup=knows_all),
            server=new_session(Side.SERVER, STRANGER),
        ),
        "a server that does not listen": pair(server=new_session(Side.SERVER, HUB)),
        "somebody in between": pair(
            client=new_session(Side.CLIENT, LAPTOP, tls_key=OTHER_PIN), server=server
        ),
    }


def check_strangers() -> None:
    """Of a pair with an impostor in it, the honest side never opens; it says `not_paired`."""
    for name, both in impostors().items():
        both.start()
        codes = set()
        greeted = False
        for side in (Side.CLIENT, Side.SERVER, Side.CLIENT):
            if both.to_client if side is Side.CLIENT else both.to_server:
                try:
                    both.deliver(side)
                except ProtocolError as refusal:
                    codes.add(refusal.code)
            greeted |= any(isinstance(message, Hello) for message in both.to_server)
        assert codes == {ErrorCode.NOT_PAIRED}, name
        if "between" in name or ("server" in name and "key" not in name):
            assert not greeted, f"the client greeted {name}"
        honest = both.client if "server" in name or "between" in name else both.server
        assert honest.phase is Phase.CLOSED, name


def check_binding() -> None:
    """A hello or welcome is good for its own link only: both nonces, roles and the key count."""
    both = pair()
    both.start()
    both.deliver(Side.CLIENT)
    hello = both.to_server[0]
    assert isinstance(hello, Hello)
    for other in (
        pair(server=new_session(Side.SERVER, BRAIN, tls_key=OTHER_PIN)),
        pair(server=new_session(Side.SERVER, HUB)),
        pair(
            server=Session(Side.SERVER, BRAIN, keys("brain"), ROSTER.device, "p" * 43, b"x".zfill)
        ),
    ):
        other.server.start(NOW)
        assert refused(other.server, hello) is ErrorCode.NOT_PAIRED
    both.deliver(Side.SERVER)
    welcome = both.to_client[0]
    assert isinstance(welcome, Welcome)
    as_server = both.client._transcript(Side.SERVER)
    assert not identity.verify(LAPTOP.device_key, as_server, hello.signature)
    echo = welcome.model_copy(update={"signature": hello.signature})
    assert refused(both.client, echo) is ErrorCode.NOT_PAIRED


def refused(one: Session, message: Message) -> ErrorCode | None:
    """Return the code with which a session refuses a message; None if it takes it."""
    try:
        one.receive(message, NOW)
    except ProtocolError as refusal:
        assert one.phase is Phase.CLOSED
        return refusal.code
    return None


def check_task_cell(state: State, event: Event) -> None:
    """An event moves a task as the table says, counts the change, or is refused with a reason."""
    expected = legal_events().get((state, event))
    before = example_task(state=state, version=3, lease=2)
    assert task.legal(state, event) is (expected is not None)
    try:
        after = task.advance(before, event, Result(text="so"))
    except ProtocolError as refusal:
        assert expected is None
        assert refusal.code is (ErrorCode.EXPIRED if before.done else ErrorCode.OUT_OF_ORDER)
    else:
        lease = 3 if event is Event.RELEASE else 2
        changes = {"state": expected, "version": 4, "lease": lease, "result": Result(text="so")}
        assert after == before.model_copy(update=changes)
        assert after.newer_than(before)
        assert not before.newer_than(after)


def check_task_table() -> None:
    """`check_task_cell` for every cell; and a final task stays as it is."""
    for state, event in product(State, Event):
        check_task_cell(state, event)
    assert legal_events() == task.TRANSITIONS


def check_newer() -> None:
    """Of two copies the later custody counts, then the later lease, then the later version."""
    copies = [
        example_task(custody=custody, lease=lease, version=version)
        for custody, lease, version in product((1, 2), (1, 2), (0, 1))
    ]
    for (i, one), (j, other) in product(enumerate(copies), enumerate(copies)):
        assert one.newer_than(other) is (i > j)


def check_reports() -> None:
    """A report counts under the task's own epoch only; its result comes with its last event."""
    before = example_task(custody=2, lease=2)
    events = [Event.ACCEPT, Event.BEGIN, Event.SUCCEED]
    after = task.report(before, Epoch(2, 2), events, Result(text="so"))
    assert (after.state, after.version) == (State.SUCCEEDED, 3)
    assert after.result == Result(text="so")
    for epoch in (Epoch(1, 2), Epoch(2, 1), Epoch(3, 1), Epoch(2, 3)):
        assert code_of_report(before, epoch, events) is ErrorCode.STALE_EPOCH
    assert code_of_report(after, Epoch(2, 2), [Event.FAIL]) is ErrorCode.EXPIRED


def code_of_report(before: Task, epoch: Epoch, events: list[Event]) -> ErrorCode | None:
    """Return the code with which a report is refused; None if it is taken."""
    try:
        task.report(before, epoch, events, None)
    except ProtocolError as refusal:
        return refusal.code
    return None


def check_op_integrity() -> None:
    """Nothing of an op can be changed without being found; the payload may be taken away."""
    op, key = example_op(), keys("laptop").public
    ops.check(op, key)
    ops.check(op.model_copy(update={"payload": None, "salt": None}), key)
    changes: dict[str, object] = {
        "origin": HUB.id,
        "feed": "household",
        "seq": 2,
        "hlc": "0" * 12 + "-0000",
        "kind": "turn.closed",
        "digest": "d" * 43,
        "signature": "s" * 86,
        "salt": "other",
        "payload": {},
    }
    for name, value in changes.items():
        try:
            ops.check(op.model_copy(update={name: value}), key)
        except ProtocolError as refusal:
            assert refusal.code is ErrorCode.FORBIDDEN
        else:
            raise AssertionError(f"another {name} was taken")


def check_fit() -> None:
    """An op fits next to the last one of its own stream, and a vector never moves back."""
    vector: Vector = {"household": {BRAIN.id: 5}}
    for seq in range(1, 9):
        fitting = ops.fit(vector, OpId(BRAIN.id, "household", seq))
        expected = Fit.KNOWN if seq <= 5 else Fit.NEXT if seq == 6 else Fit.GAP
        assert fitting is expected
        assert ops.lacks(vector, OpId(BRAIN.id, "household", seq)) is (fitting is not Fit.KNOWN)
    assert ops.fit(vector, OpId(HUB.id, "household", 1)) is Fit.NEXT
    assert ops.fit(vector, OpId(BRAIN.id, f"device:{HUB.id}", 2)) is Fit.GAP
    for seq in (4, 6, 2):
        ops.include(vector, OpId(BRAIN.id, "household", seq))
    ops.merge(vector, {"household": {BRAIN.id: 3, HUB.id: 1}})
    assert vector == {"household": {BRAIN.id: 6, HUB.id: 1}}


def check_limits() -> None:
    """No frame over the limit is written or read, whether it is counted in characters or bytes."""
    for letter in ("x", "ü", "😀"):
        fits = codec.MAX_TEXT_FRAME // len(letter.encode()) - 100
        assert codec.decode(codec.encode(big(letter * fits))) == big(letter * fits)
        over = letter * (fits + 100)
        for attempt in (
            lambda: codec.encode(big(over)),  # noqa: B023 - called at once
            lambda: codec.decode(big(over).model_dump_json()),  # noqa: B023
        ):
            try:
                attempt()
            except ProtocolError as refusal:
                assert refusal.code is ErrorCode.TOO_BIG
            else:
                raise AssertionError("a frame that is too big went through")


def big(text: str) -> HomeCommand:
    """Return a message that is about as long as this text."""
    return HomeCommand(id="1", key="k", device="d", action="a", args={"text": text})


def check_numbers() -> None:
    """No number that isn't finite gets in, and what only looks like one does."""
    frame = codec.encode(big("?"))
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1e400", "1" * 310 + ".0", "9e308"):
        for at in (f'"text":{number}', f'"text":[{{"deep":{number}}}]'):
            try:
                codec.decode(frame.replace('"text":"?"', at))
            except ProtocolError as refusal:
                assert refusal.code is ErrorCode.BAD_MESSAGE
            else:
                raise AssertionError(f"{number} went through")
    for harmless in ('"NaN"', '"1e999"', "1e99", "1e-999", "1.7976931348623157e308"):
        codec.decode(frame.replace('"text":"?"', f'"text":{harmless}'))


def check_canonical() -> None:
    """The bytes to sign do not depend on the order in which keys came."""
    value = {"b": 1, "a": {"d": [2, {"z": 1, "y": 2}], "c": "ü"}}
    assert identity.canonical(value) == '{"a":{"c":"ü","d":[2,{"y":2,"z":1}]},"b":1}'.encode()


def check_held_feeds() -> None:
    """A device holds its own mail, the household's feed and its person's; the brain holds all."""
    persons = [person_feed(ANA), person_feed(BEN)]
    feeds = [HOUSEHOLD, *persons, *(device_feed(each.id) for each in ROSTER.devices)]
    own = {"laptop": persons[:1], "phone": persons[:1], "tablet": persons[1:], "hub": []}
    for device in (*ROSTER.devices, STRANGER):
        held = {feed for feed in feeds if ROSTER.may_hold(device.id, feed)}
        expected: set[str] = set(feeds) if device is BRAIN else set()
        if device.name in own:
            expected = {HOUSEHOLD, device_feed(device.id), *own[device.name]}
        assert held == expected, device.name
