"""A small household with fixed keys, its links, and one example of everything on the wire."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel

from manyends.protocol.errors import ErrorCode, Retry
from manyends.protocol.identity import Identity
from manyends.protocol.ids import DeviceId, Entropy, device_feed, new_id, person_feed
from manyends.protocol.messages import (
    Ack,
    Bye,
    Challenge,
    Error,
    Hello,
    HomeCommand,
    HomeRead,
    HomeResult,
    HomeState,
    Message,
    Ops,
    Ping,
    Pong,
    Presence,
    TurnDelta,
    Vectors,
    Welcome,
)
from manyends.protocol.ops import Op, OpId, write
from manyends.protocol.payloads import (
    KINDS,
    AskClosed,
    AskOpen,
    Genesis,
    GrantGiven,
    GrantRefused,
    Payload,
    RecordDrop,
    RecordPut,
    Route,
    TaskCancel,
    TaskLease,
    TaskOffer,
    TaskReport,
    TaskSettle,
    TaskState,
    TaskStop,
    TaskUpdate,
    TurnAnswered,
    TurnAsked,
    TurnCall,
    TurnClosed,
    TurnOpened,
)
from manyends.protocol.roster import Person, Profile, Role, Roster, RosterEntry
from manyends.protocol.session import Phase, Session, Side
from manyends.protocol.task import (
    Call,
    Effect,
    Event,
    Grant,
    IfOffline,
    Result,
    Risk,
    State,
    Task,
    args_digest,
)

NOW = 1_800_000_000_000
PIN = "p" * 43
OTHER_PIN = "q" * 43


def entropy(seed: str) -> Entropy:
    """Return a source of bytes that are the same in every run."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed} {count}".encode()).digest(size)

    return draw


def identity(name: str) -> Identity:
    """Return the key pair of this name."""
    return Identity(hashlib.sha256(name.encode()).digest())


def device_id(name: str) -> DeviceId:
    """Return the device id of this name."""
    return new_id("dev", entropy(name))


ANA = new_id("person", entropy("ana"))
BEN = new_id("person", entropy("ben"))


def entry(
    name: str,
    profile: Profile,
    person: str | None = None,
    area: str | None = None,
    tls_key: str | None = None,
) -> RosterEntry:
    """Return a device whose keys follow from its name."""
    return RosterEntry(
        id=device_id(name),
        name=name,
        profile=profile,
        person=person,
        area=area,
        device_key=identity(name).public,
        tls_key=tls_key,
    )


BRAIN = entry("brain", Profile.BRAIN, tls_key=PIN)
HUB = entry("hub", Profile.HUB, area="kitchen")
LAPTOP = entry("laptop", Profile.LAPTOP, person=ANA)
PHONE = entry("phone", Profile.PHONE, person=ANA)
TABLET = entry("tablet", Profile.LAPTOP, person=BEN)
HOME = entry("home", Profile.HOME, tls_key=OTHER_PIN)
WATCH = entry("watch", Profile.THIN, person=ANA)
STRANGER = entry("stranger", Profile.LAPTOP, tls_key=PIN)

ROSTER = Roster(
    household=new_id("house", entropy("house")),
    people=(
        Person(id=ANA, name="Ana", role=Role.OWNER),
        Person(id=BEN, name="Ben", role=Role.CHILD),
    ),
    devices=(BRAIN, HUB, LAPTOP, PHONE, TABLET, HOME, WATCH),
)


def session(
    side: Side,
    me: RosterEntry,
    *,
    key: str | None = None,
    tls_key: str = PIN,
    expected: DeviceId | None = None,
    lookup: Callable[[DeviceId], RosterEntry | None] = ROSTER.device,
) -> Session:
    """Return a session of this device; `key` names the key pair that it really has."""
    return Session(
        side, me, identity(key or me.name), lookup, tls_key, entropy(f"{side} {me.name}"), expected
    )


@dataclass
class Pair:
    """Two sessions back to back, with the messages that are under way between them."""

    client: Session
    server: Session
    to_server: list[Message] = field(default_factory=list)
    to_client: list[Message] = field(default_factory=list)

    def start(self) -> None:
        self.client.start(NOW)
        self.server.start(NOW + 5)
        self.collect()

    def collect(self) -> None:
        """Take what both sides want to send."""
        self.to_server += self.client.outbox
        self.client.outbox.clear()
        self.to_client += self.server.outbox
        self.server.outbox.clear()

    def deliver(self, side: Side) -> Message | None:
        """Give the oldest message that is under way to this side."""
        receiver, queue = (
            (self.client, self.to_client) if side is Side.CLIENT else (self.server, self.to_server)
        )
        try:
            return receiver.receive(queue.pop(0), NOW)
        finally:
            self.collect()

    @property
    def open(self) -> bool:
        return self.client.phase is self.server.phase is Phase.OPEN


def pair(client: Session | None = None, server: Session | None = None) -> Pair:
    """Return a pair that would become a link, unless other sides are given."""
    return Pair(
        client or session(Side.CLIENT, LAPTOP, expected=BRAIN.id),
        server or session(Side.SERVER, BRAIN),
    )


def opened() -> Pair:
    """Return a pair with an open link."""
    both = pair()
    both.start()
    both.deliver(Side.CLIENT)
    both.deliver(Side.SERVER)
    both.deliver(Side.CLIENT)
    assert both.open
    return both


TASK_ID = new_id("task", entropy("task"))
TURN_ID = new_id("turn", entropy("turn"))
CONVERSATION_ID = new_id("conversation", entropy("conversation"))
GRANT_ID = new_id("grant", entropy("grant"))


def task(**changes: object) -> Task:
    """Return a task of Ana's for the hub, kept by the brain."""
    fields: dict[str, object] = {
        "id": TASK_ID,
        "key": "key-1",
        "action": "timers.start",
        "args": {"seconds": 300, "label": "rice"},
        "asker": LAPTOP.id,
        "for_person": ANA,
        "turn": TURN_ID,
        "target": HUB.id,
        "effect": Effect.STORED,
        "risk": Risk.LOW,
        "deadline": NOW + 60_000,
        "keeper": BRAIN.id,
    }
    return Task.model_validate({**fields, **changes})


def grant() -> Grant:
    """Return Ana's signed yes to the task."""
    unsigned = Grant(
        id=GRANT_ID,
        task=TASK_ID,
        person=ANA,
        device=PHONE.id,
        action="timers.start",
        args_digest=args_digest(TASK_ID, "timers.start", task().args),
        expires=NOW + 60_000,
    )
    signature = identity("phone").sign(unsigned.signed_bytes())
    return unsigned.model_copy(update={"signature": signature})


RESULT = Result(
    text="The timer runs.",
    error=ErrorCode.TIMEOUT,
    data={"n": 1, "deep": [{"x": None}]},
    inverse=Call(action="timers.stop", args={"id": "t1"}, target=HUB.id),
    touched=7,
)
FULL_TASK = task(
    claimed=True,
    undoes=TASK_ID,
    if_offline=IfOffline.ELSEWHERE,
    custody=2,
    lease=3,
    state=State.RUNNING,
    version=4,
    result=RESULT,
    grant=grant(),
)
OPENED = TurnOpened(
    turn=TURN_ID,
    conversation=CONVERSATION_ID,
    device=LAPTOP.id,
    person=ANA,
    claimed=True,
    utterance="a timer of five minutes for the rice",
    at=NOW,
    trace="t",
)
CALLS = [TurnCall(call=Call(action="timers.start"), verdict="yes", reason="own", task=TASK_ID)]

PAYLOAD_EXAMPLES: list[Payload] = [
    Genesis(roster=ROSTER),
    TaskOffer(task=FULL_TASK),
    TaskLease(task=FULL_TASK),
    TaskUpdate(task=TASK_ID, custody=1, lease=2, events=[Event.ACCEPT, Event.BEGIN], result=RESULT),
    TaskState(task=FULL_TASK),
    TaskReport(task=FULL_TASK),
    TaskCancel(task=TASK_ID, by=PHONE.id),
    TaskStop(task=TASK_ID),
    TaskSettle(task=TASK_ID, by=PHONE.id, done=True),
    AskOpen(task=FULL_TASK, text="May I?", expires=NOW),
    AskClosed(task=TASK_ID),
    GrantGiven(grant=grant()),
    GrantRefused(task=TASK_ID, person=ANA, device=PHONE.id),
    OPENED,
    TurnClosed(
        turn=TURN_ID, route=Route.REFLEX, reasons=["known"], calls=CALLS, reply="Done.", at=NOW
    ),
    TurnAsked(turn=OPENED, history=[("hello", "Hello.")]),
    TurnAnswered(turn=TURN_ID, route=Route.BRAIN, reasons=["asked"], calls=CALLS, text="Done."),
    RecordPut(collection="timers", id="t1", data={"due": NOW, "label": "räis 😀"}),
    RecordDrop(collection="timers", id="t1"),
]
"""One of each kind, with every field set."""


def body(payload: BaseModel) -> dict[str, object]:
    """Return a payload as it stands in an op."""
    return payload.model_dump(mode="json", exclude_none=True)


def op(seq: int = 1, payload: Payload | None = None, feed: str | None = None) -> Op:
    """Return an op of the laptop's."""
    content = payload or OPENED
    place = OpId(LAPTOP.id, feed or person_feed(ANA), seq)
    stamp = f"{NOW:012x}-{seq:04x}"
    return write(place, stamp, KINDS[type(content)], body(content), "salt", identity("laptop"))


SIGNATURE = "s" * 86
MESSAGE_EXAMPLES: list[Message] = [
    Challenge(versions=[1], device=BRAIN.id, nonce="n" * 22, time=NOW),
    Hello(version=1, device=LAPTOP.id, nonce="m" * 22, signature=SIGNATURE, software="test 1"),
    Welcome(signature=SIGNATURE, link="link"),
    Vectors(feeds={"household": {BRAIN.id: 3}, device_feed(LAPTOP.id): {}}),
    Ops(ops=[op(n + 1, each) for n, each in enumerate(PAYLOAD_EXAMPLES)], more=True),
    Ack(feeds={person_feed(ANA): {LAPTOP.id: 2}}),
    Ping(id=1),
    Pong(id=1),
    Error(code=ErrorCode.GAP, reason="one is missing", retry=Retry.NOW, re="7"),
    Bye(reason="enough"),
    Presence(online=[BRAIN.id, LAPTOP.id]),
    TurnDelta(turn=TURN_ID, to=LAPTOP.id, text="The ti"),
    HomeCommand(
        id="1", key="k", device="lamp", action="on", args={"level": 20, "to": None}, unchanged=4
    ),
    HomeRead(id="2", key="k"),
    HomeResult(
        id="1", found=False, ok=False, error="stuck", device={"on": True}, before={"on": False}
    ),
    HomeState(id="2", areas=["kitchen"], devices=[{"id": "lamp", "level": 21.5}], complete=True),
]
"""One of each type, with every field set."""
