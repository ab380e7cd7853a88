"""JSON lines over a real Unix socket."""

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io import lines
from manyends.protocol.io.lines import Emit, Event, LinesClient, LinesServer


async def echo(request: Event, emit: Emit) -> Event:
    for number in range(request.get("times", 0)):
        emit({"number": number})
    return {"said": request["text"]}


async def refuse(request: Event, emit: Emit) -> Event:
    raise ProtocolError(ErrorCode.FORBIDDEN, "no")


async def for_ever(request: Event, emit: Emit) -> Event:
    emit({"began": True})
    await asyncio.Event().wait()
    return {}


async def broken(request: Event, emit: Emit) -> Event:
    raise RuntimeError("a bug")


Scene = Callable[[LinesServer, Path], Awaitable[None]]


def play(folder: Path, scene: Scene) -> None:
    """Run a scene while a server serves."""

    async def all_of_it() -> None:
        path = folder / "s"
        server = LinesServer(
            path, {"echo": echo, "refuse": refuse, "for_ever": for_ever, "broken": broken}
        )
        await server.start()
        try:
            async with asyncio.timeout(20):
                await scene(server, path)
        finally:
            await server.stop()

    asyncio.run(all_of_it())


async def raw(path: Path, *sent: bytes) -> list[Any]:
    """Send lines as they are, and return the answers."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    answers = []
    for line in sent:
        writer.write(line)
        answers.append(json.loads(await reader.readline()))
    writer.close()
    await writer.wait_closed()
    return answers


def test_a_request_gets_its_events_and_then_its_result(tmp_path: Path) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        client = await LinesClient.connect(path)
        got = [each async for each in client.stream("echo", text="hü", times=2)]
        assert got == [
            ("event", {"number": 0}),
            ("event", {"number": 1}),
            ("result", {"said": "hü"}),
        ]
        await client.close()

    play(tmp_path, scene)


def test_many_requests_run_at_the_same_time(tmp_path: Path) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        client = await LinesClient.connect(path)
        endless = client.stream("for_ever")
        assert await anext(endless) == ("event", {"began": True})
        answers = await asyncio.gather(*(client.ask("echo", text=str(n)) for n in range(5)))
        assert [each["said"] for each in answers] == list("01234")
        await endless.aclose()  # type: ignore[attr-defined]
        await client.close()

    play(tmp_path, scene)


def test_a_refusal_is_raised_at_the_callers(tmp_path: Path) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        client = await LinesClient.connect(path)
        with pytest.raises(ProtocolError, match="no") as caught:
            await client.ask("refuse")
        assert caught.value.code is ErrorCode.FORBIDDEN
        with pytest.raises(ProtocolError) as caught:
            await client.ask("dance")
        assert caught.value.code is ErrorCode.UNSUPPORTED
        assert "echo" in caught.value.reason
        with pytest.raises(ProtocolError, match="a bug") as caught:
            await client.ask("broken")
        assert caught.value.code is ErrorCode.INTERNAL
        with pytest.raises(ProtocolError) as caught:
            await client.ask("echo")
        assert caught.value.code is ErrorCode.BAD_MESSAGE
        await client.close()

    play(tmp_path, scene)


def test_a_line_that_is_no_request_is_answered_and_the_next_one_works(tmp_path: Path) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        good = b'{"id": 7, "do": "echo", "text": "x"}\n'
        bad = (b"\n", b"[]\n", b"{\n", b'"x"\n', b'{"do": []}\n', b"\xff\n")
        for line in bad:
            refused, answered = await raw(path, line, good)
            assert refused["error"]["code"] == "bad_message"
            assert answered == {"id": 7, "result": {"said": "x"}}

    play(tmp_path, scene)


def test_a_line_that_is_too_long_ends_the_connection_and_not_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_LIMIT", 1000)

    async def scene(server: LinesServer, path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"x" * 5000 + b"\n")
        assert await reader.read() == b""
        writer.close()
        (answer,) = await raw(path, b'{"id": 1, "do": "echo", "text": "x"}\n')
        assert answer["result"] == {"said": "x"}

    play(tmp_path, scene)


def test_an_answer_that_is_too_long_for_the_caller_is_an_end_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        monkeypatch.setattr(lines, "_LIMIT", 1000)
        client = await LinesClient.connect(path)
        with pytest.raises(ProtocolError, match="went away"):
            await client.ask("echo", text="x" * 5000)
        await client.close()

    play(tmp_path, scene)


def test_only_the_user_can_reach_the_socket_and_an_old_one_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("left over")

    async def scene(server: LinesServer, path: Path) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (answer,) = await raw(path, b'{"id": 1, "do": "echo", "text": "x"}\n')
        assert answer["id"] == 1

    play(tmp_path, scene)
    assert not (tmp_path / "s").exists()


def test_who_waits_hears_that_the_process_went_away(tmp_path: Path) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        client = await LinesClient.connect(path)
        waiting = client.stream("for_ever")
        assert await anext(waiting) == ("event", {"began": True})
        client._writer.close()  # what the kernel does to a killed process's sockets
        with pytest.raises(ProtocolError) as caught:
            await anext(waiting)
        assert caught.value.code is ErrorCode.INTERNAL
        with pytest.raises(ProtocolError, match="went away"):
            await client.ask("echo", text="x")
        await client.close()

    play(tmp_path, scene)


def test_what_a_caller_waited_for_ends_when_it_hangs_up(tmp_path: Path) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        client = await LinesClient.connect(path)
        await anext(client.stream("for_ever"))
        (running,) = server._running
        await client.close()
        await asyncio.wait([running])
        assert running.cancelled()

    play(tmp_path, scene)


def test_stopping_ends_what_is_being_answered(tmp_path: Path) -> None:
    async def scene(server: LinesServer, path: Path) -> None:
        client = await LinesClient.connect(path)
        await anext(client.stream("for_ever"))
        (running,) = server._running
        await server.stop()
        assert running.cancelled()
        await client.close()

    play(tmp_path, scene)


def test_stopping_hangs_up_on_a_caller_that_does_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_HANG_UP_SECONDS", 0.1)

    async def all_of_it() -> None:
        flooded = asyncio.Event()

        async def flood(request: Event, emit: Emit) -> Event:
            emit({"text": "x" * 3_000_000})
            flooded.set()
            await asyncio.Event().wait()
            return {}

        server = LinesServer(tmp_path / "s", {"flood": flood})
        await server.start()
        _reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"), limit=10)
        writer.write(b'{"id": 1, "do": "flood"}\n')
        await flooded.wait()
        async with asyncio.timeout(20):
            await server.stop()
        writer.close()

    asyncio.run(all_of_it())


def test_nobody_listens_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"."):
        asyncio.run(LinesClient.connect(tmp_path / "nobody"))
    asyncio.run(LinesServer(tmp_path / "never", {}).stop())
