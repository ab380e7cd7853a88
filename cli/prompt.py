"""The prompt of `manyends up`: lines typed as any end, and what the household does, live."""

import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any, TextIO

from manyends.protocol.errors import ErrorCode, ProtocolError

from .client import rest
from .starter import Nodes

HELP = """\
Type as an end:    watch> turn on the kitchen light      (without a name: as the last one)
Other commands:    /why   /tasks   /ends   /help   /quit"""

QUIET_SECONDS = 0.25
"""After an answer: how long nothing must happen before the next line of a script is read."""
SETTLE_SECONDS = 5.0


class Prompt:
    """Reads lines, says them, and prints what happens."""

    def __init__(self, nodes: Nodes, out: TextIO, as_json: bool) -> None:
        """Take the nodes by name; `home` and `brain` are watched, and can't be typed as."""
        self._nodes = nodes
        self._ends = [name for name in nodes if name not in ("home", "brain")]
        self._out = out
        self._json = as_json
        self._end = self._ends[-1]
        self._last_seen = time.monotonic()
        self._shown: set[str] = set()
        self.failed = 0

    async def run(self, source: TextIO) -> None:
        """Work through a terminal or a script until it ends."""
        interactive = source.isatty()
        watchers = [asyncio.create_task(self._watch(name)) for name in self._nodes]
        watchers += [asyncio.create_task(self._missed(name)) for name in self._nodes]
        try:
            if interactive and not self._json:
                self._print(HELP)
            async for line in _lines(source, lambda: f"{self._end}> " if interactive else ""):
                if not await self._line(line.strip(), interactive):
                    break
        finally:
            for each in watchers:
                each.cancel()
            await asyncio.wait(watchers)

    async def _line(self, line: str, interactive: bool) -> bool:
        """Do one line; say whether to go on."""
        if not line or line.startswith("#"):
            return True
        name, mark, text = line.partition(">")
        end = self._named(name.strip())
        # "What is 5 > 3" is a sentence.
        if mark and (end is not None or not name.endswith(" ")):
            if end is None:
                text = f"There is no end called {name.strip()}. There are: {', '.join(self._ends)}"
                self._fail(line, ErrorCode.NOT_FOUND, text)
                return True
            self._end, line = end, text.strip()
        if line == "/quit":
            return False
        if not interactive and not self._json:
            self._print(f"{self._end}> {line}")
        if line:
            await self._do(line)
            await self._settle(interactive)
        return True

    async def _do(self, line: str) -> None:
        node = self._nodes[self._end]
        try:
            if line.startswith("/"):
                await self._command(line)
                return
            began = time.perf_counter()
            result: dict[str, Any] = {}
            heard = ""
            async for kind, content in node.stream("say", text=line):
                if kind == "result":
                    result = content
                elif not self._json:
                    self._piece(content["piece"], first=not heard)
                    heard += content["piece"]
            milliseconds = (time.perf_counter() - began) * 1000
        except ProtocolError as refusal:
            self._fail(line, refusal.code, refusal.reason)
            return
        self.failed += bool(result.get("error"))
        note = f"[{result['route']}, {milliseconds:.0f} ms]"
        if self._json:
            self._print_json(said=line, ms=round(milliseconds, 1), **result)
        elif heard and not rest(heard, result["reply"]):
            self._print(f"  {note}")
        else:
            if heard:
                self._print("")
            self._say(self._end, f"{result['reply']}  {note}")

    async def _command(self, line: str) -> None:
        node = self._nodes[self._end]
        match line:
            case "/why":
                record = await node.ask("why")
                self._answer(line, record, record["text"])
            case "/tasks":
                found = await node.ask("tasks", limit=20)
                each_task = "  {state:<10} {action} on {on}"
                lines = [each_task.format(**each) for each in found["tasks"]]
                self._answer(line, found, "\n".join(lines) or "There are no tasks.")
            case "/ends":
                found = await node.ask("ends")
                lines = [
                    f"  {each['name']:<14} {'online' if each['online'] else 'away'}"
                    for each in found["ends"]
                ]
                self._answer(line, found, "\n".join(lines))
            case "/help":
                self._answer(line, {"help": HELP}, HELP)
            case _:
                self._fail(line, ErrorCode.UNSUPPORTED, f"{line} is not known.\n{HELP}")

    async def _settle(self, interactive: bool) -> None:
        """Let a script's next line wait until this one's effects were seen."""
        until = time.monotonic() + SETTLE_SECONDS
        while not interactive and time.monotonic() < until:
            left = self._last_seen + QUIET_SECONDS - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(left)

    async def _watch(self, name: str) -> None:
        """Print what one node lets be seen, as long as it lives."""
        try:
            async for _kind, event in self._nodes[name].stream("watch"):
                self._last_seen = time.monotonic()
                text = _describe(name, event)
                if text is not None and not self._json:
                    self._say(name, text)
                if event.get("observation") == "notice":
                    await self._notice(name, event["id"], event["text"])
        except ProtocolError as gone:
            self._fail("", gone.code, f"{name}: {gone.reason}")

    async def _missed(self, name: str) -> None:
        """Show what a node kept until somebody would be there."""
        if name == "home":
            return
        with contextlib.suppress(ProtocolError):  # who is gone is told of by `_watch`
            for each in (await self._nodes[name].ask("notices"))["notices"]:
                self._last_seen = time.monotonic()
                await self._notice(name, each["id"], each["text"])

    async def _notice(self, name: str, notice: str, text: str) -> None:
        """Show a notice, once, and have the node drop it."""
        if notice not in self._shown:
            self._shown.add(notice)
            if self._json:
                self._print(json.dumps({"end": name, "notice": text}))
            else:
                self._say(name, f"shows: {text}")
            await self._nodes[name].ask("shown", notice=notice)

    def _named(self, name: str) -> str | None:
        """Return the end of this name, or the only one with this word in its name."""
        wanted = name.lower()
        exact = [each for each in self._ends if each.lower() == wanted]
        word = [each for each in self._ends if wanted in each.lower().split()]
        found = exact or word
        return found[0] if len(found) == 1 else None

    def _say(self, name: str, text: str) -> None:
        self._print(f"  {name:<12} {text}")

    def _piece(self, text: str, first: bool) -> None:
        """Print a piece of an answer that is still being written."""
        lead = f"  {self._end:<12} " if first else ""
        print(f"{lead}{text}", end="", file=self._out, flush=True)

    def _answer(self, line: str, content: dict[str, Any], text: str) -> None:
        """Print what a command found."""
        if self._json:
            self._print_json(said=line, **content)
        else:
            self._print(text)

    def _fail(self, line: str, code: ErrorCode, text: str) -> None:
        self.failed += 1
        if self._json:
            self._print_json(said=line, error=code, reason=text)
        else:
            self._print(text)

    def _print_json(self, **content: Any) -> None:
        self._print(json.dumps({"end": self._end, **content}))

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _describe(name: str, event: dict[str, Any]) -> str | None:
    """Say an observation in a few words; None for what the prompt shows in another way."""
    match event:
        case {"observation": "effect", "action": action, "device": device}:
            return f"did {action} on {device}"
        case {"observation": "state", "device": device, "by": "hand"}:
            return f"somebody used {device}"
        case {"observation": "task", "on": on, "action": action, "state": state} if on == name:
            return f"{action} {state.replace('_', ' ')}" if state != "offered" else None
        case {"observation": "reply", "turn": None, "text": text}:
            return f"says: {text}"
        case {"observation": "asked", "text": text}:
            return f"asks: {text} (answer: {name}> yes)"
        case {"observation": "ring", "label": label}:
            return f"rings: {label} (answer: {name}> stop)"
        case {"observation": "error", "reason": reason}:
            return f"error: {reason}"
    return None


async def _lines(source: TextIO, prompt: Any) -> AsyncIterator[str]:
    """Yield the lines of a file or terminal; reading blocks a thread of its own, not the loop."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    wanted = threading.Semaphore(0)

    def read() -> None:
        while wanted.acquire():
            if text := prompt():
                sys.stdout.write(text)
                sys.stdout.flush()
            line = source.readline()
            loop.call_soon_threadsafe(queue.put_nowait, line or None)
            if not line:
                return

    # A daemon, since nothing can wake it from a terminal that nobody types at.
    threading.Thread(target=read, name="prompt", daemon=True).start()
    while True:
        wanted.release()
        line = await queue.get()
        if line is None:
            return
        yield line
