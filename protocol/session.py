"""One link's life, from the first message to the last, without a socket.

Theory of operation. The server speaks first: `challenge`. The client, which knows the server's
device key and TLS key from the roster, answers `hello` with its signature over both nonces, both
devices and the TLS key; the server proves itself by `welcome` in the same way, and the link is
open. Binding the TLS key means that nobody in the middle can pass the handshake on. Whatever the
table below doesn't list is a breach: the session closes with an error. Bytes, time-outs and what
the messages of an open link mean are other rooms' business.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from .errors import RETRY, ErrorCode, ProtocolError
from .identity import Identity, b64, canonical, unb64, verify
from .ids import DeviceId, Entropy
from .messages import VERSION, Bye, Challenge, Error, Hello, Message, Welcome
from .roster import RosterEntry


class Side(StrEnum):
    """Who dialled is the client."""

    CLIENT = "client"
    SERVER = "server"


class Phase(StrEnum):
    """How far the link has come."""

    NEW = "new"
    CHALLENGED = "challenged"
    GREETED = "greeted"
    OPEN = "open"
    CLOSED = "closed"


class Happening(StrEnum):
    """What a session reacts to: what the peer sends, and what the node does."""

    START = "start"
    CHALLENGE = "challenge"
    HELLO = "hello"
    WELCOME = "welcome"
    TRAFFIC = "traffic"
    ERROR = "error"
    BYE = "bye"
    SEND = "send"
    CLOSE = "close"
    LOST = "lost"


TRANSITIONS: dict[tuple[Side, Phase, Happening], Phase] = {
    (Side.CLIENT, Phase.NEW, Happening.START): Phase.CHALLENGED,
    (Side.CLIENT, Phase.CHALLENGED, Happening.CHALLENGE): Phase.GREETED,
    (Side.CLIENT, Phase.GREETED, Happening.WELCOME): Phase.OPEN,
    (Side.SERVER, Phase.NEW, Happening.START): Phase.CHALLENGED,
    (Side.SERVER, Phase.CHALLENGED, Happening.HELLO): Phase.OPEN,
    **{
        (side, Phase.OPEN, happening): Phase.OPEN
        for side in Side
        for happening in (Happening.TRAFFIC, Happening.SEND, Happening.ERROR)
    },
    **{
        (side, phase, happening): Phase.CLOSED
        for side in Side
        for phase in (Phase.NEW, Phase.CHALLENGED, Phase.GREETED, Phase.OPEN)
        for happening in (Happening.ERROR, Happening.BYE, Happening.CLOSE, Happening.LOST)
        if (side, phase) != (Side.SERVER, Phase.GREETED)
        and (phase, happening) != (Phase.OPEN, Happening.ERROR)
    },
}
"""The whole of what is legal. `challenged` means: the challenge is sent, or awaited.

An error on an open link is about one message; whoever can't go on after it says `bye` or hangs up.
"""

NONCE_BYTES = 16

_FROM_PEER: dict[type, Happening] = {
    Challenge: Happening.CHALLENGE,
    Hello: Happening.HELLO,
    Welcome: Happening.WELCOME,
    Error: Happening.ERROR,
    Bye: Happening.BYE,
}


@dataclass
class Session:
    """One side of one link. Feed it messages; send what it puts into `outbox`, in order."""

    side: Side
    me: RosterEntry
    identity: Identity
    lookup: Callable[[DeviceId], RosterEntry | None]
    """The roster: the entry of a device that belongs to the household, else None."""
    tls_key: str
    """Hash of the TLS key that the server shows on this very connection."""
    entropy: Entropy
    expected: DeviceId | None = None
    """The device that the client means to reach."""
    phase: Phase = Phase.NEW
    peer: RosterEntry | None = None
    link: str = ""
    time_ahead_ms: int = 0
    """How far the server's clock is ahead of the client's, told by the challenge."""
    outbox: list[Message] = field(default_factory=list)
    _nonces: tuple[str, str] = ("", "")

    def start(self, wall_ms: int) -> None:
        """Begin: the server puts its challenge into the outbox."""
        self._move(Happening.START)
        if self.side is Side.SERVER:
            self._nonces = (b64(self.entropy(NONCE_BYTES)), "")
            self.outbox.append(
                Challenge(
                    versions=[VERSION], device=self.me.id, nonce=self._nonces[0], time=wall_ms
                )
            )

    def receive(self, message: Message, wall_ms: int) -> Message | None:
        """Take a message from the peer; return it if it is for the node to act on.

        Raises `ProtocolError` for a breach; the session is then closed, and the outbox holds the
        error to send before the connection is shut.
        """
        try:
            self._move(_FROM_PEER.get(type(message), Happening.TRAFFIC))
            match message:
                case Challenge():
                    self._greet(message, wall_ms)
                case Hello():
                    self._admit(message)
                case Welcome():
                    self._trust(message)
                case Error() if self.phase is Phase.CLOSED:
                    raise ProtocolError(message.code, message.reason)
                case _:
                    return message
        except ProtocolError as breach:
            if not isinstance(message, Error):
                self.fail(breach)
            raise
        return None

    def send(self, message: Message) -> None:
        """Queue a message of the node's on an open link; `ProtocolError` if it is not open."""
        self._move(Happening.SEND)
        self.outbox.append(message)

    def fail(self, breach: ProtocolError) -> None:
        """Close because of a breach, and queue the error that tells the peer."""
        self.phase = Phase.CLOSED
        self.outbox.append(
            Error(code=breach.code, reason=breach.reason[:2000], retry=RETRY[breach.code])
        )

    def close(self, reason: str) -> None:
        """Close in good order; on an open link the peer is told."""
        was_open = self.phase is Phase.OPEN
        self._move(Happening.CLOSE)
        if was_open:
            self.outbox.append(Bye(reason=reason[:200]))

    def lost(self) -> None:
        """The connection is gone."""
        if self.phase is not Phase.CLOSED:
            self._move(Happening.LOST)

    def _move(self, happening: Happening) -> None:
        following = TRANSITIONS.get((self.side, self.phase, happening))
        if following is None:
            # A stranger learns nothing but that it is one, whatever it sent too early.
            early = self.side is Side.SERVER and self.phase is Phase.CHALLENGED
            code = ErrorCode.NOT_PAIRED if early else ErrorCode.OUT_OF_ORDER
            raise ProtocolError(code, f"{happening} may not come while the link is {self.phase}")
        self.phase = following

    def _greet(self, challenge: Challenge, wall_ms: int) -> None:
        if VERSION not in challenge.versions:
            raise ProtocolError(
                ErrorCode.UNSUPPORTED_VERSION,
                f"the other side speaks versions {challenge.versions}, this one {VERSION}",
            )
        entry = self.lookup(challenge.device)
        if entry is None or self.expected not in (None, entry.id):
            raise ProtocolError(ErrorCode.NOT_PAIRED, "the server is not the device that was meant")
        if entry.tls_key != self.tls_key:
            raise ProtocolError(
                ErrorCode.NOT_PAIRED, "the server's TLS key is not the one in the roster"
            )
        self.time_ahead_ms = challenge.time - wall_ms
        self._nonces = (_nonce(challenge.nonce), b64(self.entropy(NONCE_BYTES)))
        self.peer = entry
        self.outbox.append(
            Hello(
                version=VERSION,
                device=self.me.id,
                nonce=self._nonces[1],
                signature=self.identity.sign(self._transcript(Side.CLIENT)),
            )
        )

    def _admit(self, hello: Hello) -> None:
        if hello.version != VERSION:
            raise ProtocolError(
                ErrorCode.UNSUPPORTED_VERSION, f"this side speaks version {VERSION} only"
            )
        entry = self.lookup(hello.device)
        self._nonces = (self._nonces[0], _nonce(hello.nonce))
        self.peer = entry
        if entry is None or not verify(
            entry.device_key, self._transcript(Side.CLIENT), hello.signature
        ):
            self.peer = None
            raise ProtocolError(ErrorCode.NOT_PAIRED, "this device is not of the household")
        self.link = self._nonces[0][:8] + self._nonces[1][:8]
        self.outbox.append(
            Welcome(signature=self.identity.sign(self._transcript(Side.SERVER)), link=self.link)
        )

    def _trust(self, welcome: Welcome) -> None:
        assert self.peer is not None
        if not verify(self.peer.device_key, self._transcript(Side.SERVER), welcome.signature):
            raise ProtocolError(ErrorCode.NOT_PAIRED, "the server can't prove who it is")
        self.link = welcome.link

    def _transcript(self, signer: Side) -> bytes:
        """Return what both sides sign: who signs, both nonces, both devices, the TLS key."""
        assert self.peer is not None
        client, server = (
            (self.me.id, self.peer.id) if self.side is Side.CLIENT else (self.peer.id, self.me.id)
        )
        return b"manyends/1 handshake\n" + canonical(
            [signer, *self._nonces, client, server, self.tls_key]
        )


def _nonce(text: str) -> str:
    """Return the nonce if it carries enough random bytes; `ProtocolError` otherwise."""
    try:
        if len(unb64(text)) >= NONCE_BYTES:
            return text
    except ValueError:
        pass
    raise ProtocolError(ErrorCode.BAD_MESSAGE, "the nonce is not 16 bytes of base 64")
