"""Two sessions back to back, with every message at every time and a connection that drops."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.protocol.household import (
    BRAIN,
    LAPTOP,
    MESSAGE_EXAMPLES,
    NOW,
    ROSTER,
    Pair,
    entropy,
    identity,
    pair,
)
from tests.protocol.properties import LEGAL_MOVES, impostors, in_phase, message_of

from manyends.protocol.errors import ProtocolError
from manyends.protocol.messages import Challenge, Hello, Message, Ping, Welcome
from manyends.protocol.session import Happening, Phase, Session, Side

OWN = (Happening.START, Happening.SEND, Happening.CLOSE, Happening.LOST)
"""What a node does itself, or what befalls it; all else comes from the peer."""
SIDES = st.sampled_from(Side)
PAIRS = [*(["honest"] * 8), *impostors()]


def overheard() -> list[Message]:
    """Return genuine handshake messages of another link between the same devices."""
    client, server = (
        Session(side, me, identity(me.name), ROSTER.device, "p" * 43, entropy("another link"))
        for side, me in ((Side.CLIENT, LAPTOP), (Side.SERVER, BRAIN))
    )
    both = Pair(client, server)
    both.start()
    heard = [both.to_client[0]]
    both.deliver(Side.CLIENT)
    heard.append(both.to_server[0])
    both.deliver(Side.SERVER)
    return [*heard, both.to_client[0]]


OVERHEARD = overheard()


class Links(RuleBasedStateMachine):
    """Whatever happens, a session stays inside its table, and no impostor gets in."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = "honest"
        self.both = pair()

    @initialize(kind=st.sampled_from(PAIRS))
    def meet(self, kind: str) -> None:
        self.kind = kind
        if kind != "honest":
            self.both = impostors()[kind]

    @initialize(phase=st.sampled_from([Phase.NEW, Phase.CHALLENGED, Phase.GREETED, Phase.OPEN]))
    def get_along(self, phase: Phase) -> None:
        if self.kind == "honest":
            _, self.both = in_phase(Side.CLIENT, phase)

    def one(self, side: Side) -> Session:
        return self.both.client if side is Side.CLIENT else self.both.server

    def happens(self, side: Side, happening: Happening, message: Message | None = None) -> None:
        """Let it happen, and compare the phase afterwards with the table."""
        one = self.one(side)
        before = one.phase
        expected = LEGAL_MOVES.get((side, before), {}).get(happening)
        try:
            if message is not None:
                one.receive(message, NOW)
            elif happening is Happening.START:
                one.start(NOW)
            elif happening is Happening.SEND:
                one.send(Ping(id=1))
            elif happening is Happening.CLOSE:
                one.close("enough")
            else:
                one.lost()
        except ProtocolError:
            if happening in OWN or (happening is Happening.ERROR and expected is None):
                assert one.phase is before
            else:
                assert one.phase is Phase.CLOSED
        else:
            lost_again = happening is Happening.LOST and before is Phase.CLOSED
            assert one.phase is (Phase.CLOSED if lost_again else expected)
        finally:
            self.both.collect()

    @rule(side=SIDES)
    def starts(self, side: Side) -> None:
        self.happens(side, Happening.START)

    @rule(side=SIDES)
    def hears_the_next(self, side: Side) -> None:
        queue = self.both.to_client if side is Side.CLIENT else self.both.to_server
        if queue:
            message = queue.pop(0)
            self.happens(side, happening_of(message), message)

    @rule(side=SIDES, message=st.sampled_from([*MESSAGE_EXAMPLES, *OVERHEARD]))
    def hears_anything(self, side: Side, message: Message) -> None:
        self.happens(side, happening_of(message), message)

    @rule(data=st.data(), side=SIDES)
    def something_legal_happens(self, data: st.DataObject, side: Side) -> None:
        legal = LEGAL_MOVES.get((side, self.one(side).phase))
        if legal and self.kind == "honest":
            happening = data.draw(st.sampled_from(sorted(legal)))
            message = None if happening in OWN else message_of(happening, self.both)
            self.happens(side, happening, message)

    @rule(side=SIDES)
    def hears_its_own_voice(self, side: Side) -> None:
        queue = self.both.to_server if side is Side.CLIENT else self.both.to_client
        if queue:
            self.happens(side, happening_of(queue[0]), queue[0])

    @rule(side=SIDES, what=st.sampled_from([Happening.SEND, Happening.CLOSE]))
    def acts(self, side: Side, what: Happening) -> None:
        self.happens(side, what)

    @rule()
    def connection_drops(self) -> None:
        for side in Side:
            self.happens(side, Happening.LOST)
        self.both.to_client.clear()
        self.both.to_server.clear()

    @invariant()
    def no_impostor_gets_in(self) -> None:
        if self.kind == "honest":
            return
        server_is_false = "server" in self.kind or "between" in self.kind
        honest = self.both.client if server_is_false else self.both.server
        assert honest.phase is not Phase.OPEN

    @invariant()
    def a_server_that_is_open_knows_its_peer(self) -> None:
        if self.kind == "honest" and self.both.server.phase is Phase.OPEN:
            assert self.both.server.peer == LAPTOP

    @invariant()
    def both_sides_call_an_open_link_the_same(self) -> None:
        if self.both.open:
            assert self.both.client.link == self.both.server.link != ""


def happening_of(message: Message) -> Happening:
    """Return what this message is to a session."""
    special: dict[type[Any], Happening] = {
        Challenge: Happening.CHALLENGE,
        Hello: Happening.HELLO,
        Welcome: Happening.WELCOME,
    }
    if type(message) in special:
        return special[type(message)]
    return Happening(message.type) if message.type in ("error", "bye") else Happening.TRAFFIC


TestLinks = Links.TestCase
TestLinks.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
