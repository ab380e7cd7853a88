"""The parts of SPEC.md that follow from the code: `python -m tests.protocol.spec` writes them."""

import json
from pathlib import Path
from typing import Any

from manyends.protocol.errors import RETRY, ErrorCode
from manyends.protocol.identity import Identity, b64, canonical, digest
from manyends.protocol.messages import Challenge, Hello, Welcome
from manyends.protocol.ops import OpId, write
from manyends.protocol.roster import Profile, RosterEntry
from manyends.protocol.session import TRANSITIONS as SESSION
from manyends.protocol.session import Happening, Phase, Session, Side
from manyends.protocol.task import TRANSITIONS as TASK
from manyends.protocol.task import Event, Grant, State, args_digest

SPEC = Path(__file__).parents[2] / "protocol" / "SPEC.md"

CLIENT_SECRET = bytes(range(32))
SERVER_SECRET = bytes(range(32, 64))
CLIENT, SERVER = "dev_clientclientclie", "dev_serverserverserv"
TLS_KEY = b64(bytes(range(64, 96)))


def entry(device: str, secret: bytes) -> RosterEntry:
    """Return the roster's line of one side of the test vectors."""
    return RosterEntry(
        id=device,
        name=device,
        profile=Profile.LAPTOP,
        device_key=Identity(secret).public,
        tls_key=TLS_KEY,
    )


def handshake() -> dict[str, Any]:
    """Play a handshake with fixed keys and nonces."""
    entries = {
        each.id: each for each in (entry(CLIENT, CLIENT_SECRET), entry(SERVER, SERVER_SECRET))
    }
    client = Session(
        Side.CLIENT,
        entries[CLIENT],
        Identity(CLIENT_SECRET),
        entries.get,
        TLS_KEY,
        lambda size: b"\x01" * size,
    )
    server = Session(
        Side.SERVER,
        entries[SERVER],
        Identity(SERVER_SECRET),
        entries.get,
        TLS_KEY,
        lambda size: b"\x02" * size,
    )
    client.start(0)
    server.start(1_800_000_000_000)
    challenge = server.outbox.pop()
    client.receive(challenge, 0)
    hello = client.outbox.pop()
    server.receive(hello, 0)
    welcome = server.outbox.pop()
    client.receive(welcome, 0)
    assert isinstance(challenge, Challenge)
    assert isinstance(hello, Hello)
    assert isinstance(welcome, Welcome)
    assert client.phase is server.phase is Phase.OPEN
    return {
        "client_secret_hex": CLIENT_SECRET.hex(),
        "client_device_key": Identity(CLIENT_SECRET).public,
        "server_secret_hex": SERVER_SECRET.hex(),
        "server_device_key": Identity(SERVER_SECRET).public,
        "tls_key": TLS_KEY,
        "challenge": challenge.model_dump(mode="json"),
        "bytes_signed_by_client": client._transcript(Side.CLIENT).decode(),
        "hello": hello.model_dump(mode="json"),
        "bytes_signed_by_server": server._transcript(Side.SERVER).decode(),
        "welcome": welcome.model_dump(mode="json"),
    }


def op() -> dict[str, Any]:
    """Write an op with fixed keys."""
    payload = {"id": "r1", "data": {"text": "Käse", "n": [1, None, True]}, "collection": "lists"}
    place = OpId(CLIENT, "household", 1)
    made = write(
        place,
        "01a3185c5000-0000",
        "record.put",
        payload,
        "00ff",
        Identity(CLIENT_SECRET),
    )
    return {
        "bytes_digested": "00ff" + canonical(payload).decode(),
        "bytes_signed": made.signed_bytes().decode(),
        "op": made.model_dump(mode="json"),
    }


def grant() -> dict[str, Any]:
    """Give a grant with fixed keys."""
    task, action = "task_tasktasktasktask", "home.unlock"
    arguments = {"target": "door"}
    unsigned = Grant(
        id="gra_grantgrantgrantg",
        task=task,
        person="person_personpersonpers",
        device=CLIENT,
        action=action,
        args_digest=args_digest(task, action, arguments),
        expires=1_800_000_600_000,
    )
    signature = Identity(CLIENT_SECRET).sign(unsigned.signed_bytes())
    return {
        "args": arguments,
        "bytes_digested": task + canonical({"action": action, "args": arguments}).decode(),
        "bytes_signed": unsigned.signed_bytes().decode(),
        "grant": unsigned.model_copy(update={"signature": signature}).model_dump(mode="json"),
    }


def digested() -> dict[str, Any]:
    """Digest an awkward value."""
    value = {"é": 1, "z": '\n\t\x00\x7f"\\/', "a": {"B": 21.5, "A": []}, "𝄞": None, "ﬀ": -0}
    return {"value": value, "canonical": canonical(value).decode(), "digest": digest("s", value)}


def error_table() -> str:
    """Return each error with what the receiver may do."""
    rows = [f"| `{code}` | {RETRY[code]} | {MEANINGS[code]} |" for code in ErrorCode]
    return "\n".join(["| code | retry | when |", "|---|---|---|", *rows])


def session_table() -> str:
    """Return the session's table: what leads where; what isn't there is a breach."""
    lines = ["| side | phase | happening → phase |", "|---|---|---|"]
    for side in Side:
        for phase in Phase:
            moves = [
                f"{happening} → {SESSION[side, phase, happening]}"
                for happening in Happening
                if (side, phase, happening) in SESSION
            ]
            if moves:
                lines.append(f"| {side} | `{phase}` | {', '.join(moves)} |")
    return "\n".join(lines)


def task_table() -> str:
    """Return the task's table."""
    lines = ["| state | event → state |", "|---|---|"]
    for state in State:
        moves = [f"`{event}` → {TASK[state, event]}" for event in Event if (state, event) in TASK]
        lines.append(f"| `{state}` | {', '.join(moves) or 'final'} |")
    return "\n".join(lines)


MEANINGS: dict[ErrorCode, str] = {
    ErrorCode.BAD_MESSAGE: "a frame is no message, or an op's payload is not what its kind says",
    ErrorCode.BUSY: "too much is open already",
    ErrorCode.DUPLICATE_IDENTITY: "another process runs under the same identity",
    ErrorCode.EXPIRED: "it came after the end: of a task, a question, a grant",
    ErrorCode.FORBIDDEN: "the sender has no right to it, or a signature or digest is wrong",
    ErrorCode.GAP: "an op came before the one that precedes it; vectors follow",
    ErrorCode.INTERNAL: "the receiver has a fault of its own",
    ErrorCode.NOT_FOUND: "there is no such device, action, task or thing",
    ErrorCode.NOT_PAIRED: "the peer is not of the household, or can't prove it",
    ErrorCode.OUT_OF_ORDER: "a message or event that may not come in this phase or state",
    ErrorCode.REVOKED: "the device was of the household and is no more",
    ErrorCode.STALE_EPOCH: "the report is of a lease that is over",
    ErrorCode.STORAGE: "it could not be written down",
    ErrorCode.TIMEOUT: "who was asked did not answer in time",
    ErrorCode.TOO_BIG: "a frame or a payload is over its limit",
    ErrorCode.UNSUPPORTED: "the type of message, or binary frames, are not known",
    ErrorCode.UNSUPPORTED_VERSION: "there is no version that both sides speak",
}


def blocks() -> dict[str, str]:
    """Return every generated part by its name."""
    vectors = {"handshake": handshake(), "op": op(), "grant": grant(), "canonical": digested()}
    return {
        "errors": error_table(),
        "session": session_table(),
        "task": task_table(),
        **{
            name: "```json\n" + json.dumps(value, indent=1, ensure_ascii=False) + "\n```"
            for name, value in vectors.items()
        },
    }


def filled(text: str) -> str:
    """Return the specification with its generated parts as they should be."""
    for name, block in blocks().items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        assert found and closed, f"{name} has no place in the specification"
        text = before + begin + block + "\n" + end + after
    return text


if __name__ == "__main__":
    SPEC.write_text(filled(SPEC.read_text()))
