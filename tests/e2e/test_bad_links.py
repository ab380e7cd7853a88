"""What breaks the protocol is told its mistake and cut off; everybody else is served on."""

import asyncio
import contextlib
import json
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from manyends.protocol.codec import MAX_TEXT_FRAME
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.identity import Identity, b64
from manyends.protocol.ids import new_id
from manyends.protocol.io.folder import StateFolder, split_address
from manyends.protocol.io.tls import client_context, make_certificate, server_context
from manyends.protocol.io.websockets import Wire
from manyends.protocol.messages import VERSION, Challenge, Error

from .household import Household, household, until
from .peers import member, raw, stranger, told


@asynccontextmanager
async def brain_and_watch() -> AsyncIterator[Household]:
    """Two nodes that talk to each other; at the end they still do."""
    async with household() as house:
        await house.start("brain", "watch")
        await house.linked()
        yield house
        assert (await house.ask("watch", "status"))["serving"] == "brain"
        call = {"action": "notes.add", "args": {"text": "still here"}, "on": "brain"}
        assert (await house.ask("watch", "call", **call))["state"] == "succeeded"


def refusals(house: Household) -> list[str]:
    """Return the codes of the refusals that the brain told those who watch it."""
    return [
        seen["code"]
        for who, seen in house.heard
        if (who, seen["observation"]) == ("brain", "refused")
    ]


async def refusal(wire: Wire) -> ProtocolError | Error:
    """Return how the peer ended an open link: by an error in words, or by the limit below it."""
    try:
        while True:
            message = await wire.receive()
            if isinstance(message, Error):
                return message
    except ProtocolError as error:
        return error


@pytest.mark.parametrize(
    "frame", ["{", "[]", "\x00", '{"no": "type"}', '{"type": "ops", "ops": 3}']
)
async def test_a_frame_that_is_no_message_ends_its_link_only(frame: str) -> None:
    async with brain_and_watch() as house, member(house, "laptop", "brain") as wire:
        await raw(wire).send(frame)
        assert (await told(raw(wire)))["code"] == ErrorCode.BAD_MESSAGE


async def test_a_frame_too_big_gets_the_same_error_whichever_limit_it_breaks() -> None:
    async with brain_and_watch() as house:
        for size in (MAX_TEXT_FRAME + 1, 3 * MAX_TEXT_FRAME):
            async with member(house, "laptop", "brain") as wire:
                with contextlib.suppress(OSError):
                    await raw(wire).send(json.dumps({"type": "bye", "reason": "x" * size}))
                error = await refusal(wire)
                assert error.code == ErrorCode.TOO_BIG
                assert str(MAX_TEXT_FRAME) in error.reason


async def test_a_message_of_a_later_version_is_answered_and_passed_over() -> None:
    async with brain_and_watch() as house, member(house, "laptop", "brain") as wire:
        await raw(wire).send('{"type": "hologram"}')
        await raw(wire).send('{"type": "ping", "id": 5}')
        answers: list[dict[str, str]] = []
        while not answers or answers[-1]["type"] != "pong":
            answers.append(json.loads(await raw(wire).recv()))
        assert [e["code"] for e in answers if e["type"] == "error"] == [ErrorCode.UNSUPPORTED]


async def test_another_version_is_refused_by_name() -> None:
    async with brain_and_watch() as house, stranger(house.addresses["brain"]) as socket:
        assert json.loads(await socket.recv())["versions"] == [VERSION]
        entry = StateFolder(house.nodes["laptop"]).config()
        nonce = b64(secrets.token_bytes(16))
        hello = {"version": VERSION + 1, "device": entry.device, "nonce": nonce, "signature": "x"}
        await socket.send(json.dumps({"type": "hello", **hello}))
        error = await told(socket)
        assert error["code"] == ErrorCode.UNSUPPORTED_VERSION
        assert str(VERSION) in error["reason"]


async def test_an_unknown_device_learns_nothing_but_that_it_is_one() -> None:
    async with brain_and_watch() as house, stranger(house.addresses["brain"]) as socket:
        await socket.recv()
        nobody = Identity(secrets.token_bytes(32))
        hello = {
            "version": VERSION,
            "device": new_id("dev", secrets.token_bytes),
            "nonce": b64(secrets.token_bytes(16)),
            "signature": nobody.sign(b"let me in"),
        }
        await socket.send(json.dumps({"type": "hello", **hello}))
        error = await told(socket)
        assert (error["code"], error["retry"]) == (ErrorCode.NOT_PAIRED, "no")
        await until(lambda: _true("not_paired" in refusals(house)), "the brain's owner can see it")


@pytest.mark.parametrize(
    "message", ['{"type": "ping", "id": 1}', '{"type": "vectors", "feeds": {}}']
)
async def test_a_stranger_gets_past_the_challenge_with_nothing(message: str) -> None:
    async with brain_and_watch() as house, stranger(house.addresses["brain"]) as socket:
        await socket.recv()
        await socket.send(message)
        assert (await told(socket))["code"] == ErrorCode.NOT_PAIRED


async def test_connections_that_say_nothing_block_nobody_and_are_shut() -> None:
    async with brain_and_watch() as house:
        host, port = split_address(house.addresses["brain"])
        context = client_context()
        context.check_hostname = False
        bare = [await asyncio.open_connection(host, port) for _ in range(20)]
        tls = [await asyncio.open_connection(host, port, ssl=context) for _ in range(5)]
        async with stranger(house.addresses["brain"]) as silent:
            await silent.recv()
            await house.start("laptop")
            await house.linked()
            await house.say("watch", "add bread to the shopping list")
            assert await told(silent) != {}
        for reader, writer in (*bare, *tls):
            async with asyncio.timeout(20):
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await reader.read()
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


async def test_an_impostor_of_the_brain_is_not_believed() -> None:
    async with household() as house:
        heard: list[bytes] = []

        async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read(100))
            writer.close()

        host, port = split_address(house.addresses["brain"])
        pem = house.folder / "other.pem"
        pem.write_bytes(make_certificate()[0])
        server = await asyncio.start_server(pretend, host, port, ssl=server_context(pem))
        await house.start("watch")
        await until(lambda: _true(len(heard) > 1), "the watch tried, and tried again")
        assert all(each.startswith(b"GET / HTTP") for each in heard)
        server.close()
        await server.wait_closed()
        await house.start("brain")
        await house.linked()


async def test_a_server_of_another_version_is_told_to_the_owner() -> None:
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.typing import Subprotocol

    async with household() as house:
        brain = StateFolder(house.nodes["brain"])

        async def later(socket: ServerConnection) -> None:
            challenge = Challenge(
                versions=[VERSION + 1],
                device=brain.config().device,
                nonce=b64(secrets.token_bytes(16)),
                time=0,
            )
            await socket.send(challenge.model_dump_json())
            await socket.wait_closed()

        host, port = split_address(house.addresses["brain"])
        tls = server_context(brain.tls)
        async with serve(later, host, port, ssl=tls, subprotocols=[Subprotocol("manyends.1")]):
            await house.start("watch")

            async def said() -> bool:
                errors = [seen for _, seen in house.heard if seen["observation"] == "error"]
                return any(each["code"] == ErrorCode.UNSUPPORTED_VERSION for each in errors)

            await until(said, "the watch says which version it can't speak")


async def _true(value: bool) -> bool:
    return value
