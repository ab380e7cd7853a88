"""A fake of the product, named so: a program that is brain, home or end, and wrong if told to be.

It speaks JSON lines over bare TCP, has one feed, and understands five sentences. `MUTANTS` names
the ways in which it can be wrong; the runner's tests see that each is caught.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import Emit, Event, Handler
from manyends.protocol.roster import Profile

from .fake_home import Home
from .fake_process import Link, Message, Process

MUTANTS = (
    "acts_late",
    "acts_late_on_a_question",
    "acts_on_a_question",
    "acts_twice",
    "answers_on_two_ends",
    "claims_success",
    "dies",
    "flickers",
    "forgets_on_restart",
    "forgets_the_home",
    "loses_an_op",
    "never_settles",
    "opens_twice",
    "says_the_secret",
    "stays_alone",
)


class Node(Process):
    """A brain or an end: ops that all nodes get, and what is derived from them."""

    def __init__(self, folder: StateFolder, mutant: str) -> None:
        super().__init__(folder, mutant)
        fresh = not folder.database.exists()
        self.db = sqlite3.connect(folder.database, isolation_level=None)
        self.db.executescript(_TABLES)
        self.answers: dict[str, asyncio.Future[None]] = {}
        if fresh and self.is_brain:
            self.write("genesis", {})

    @property
    def is_brain(self) -> bool:
        return self.config.profile is Profile.BRAIN

    def begin(self) -> None:
        if not self.is_brain and self.mutant != "stays_alone":
            self.spawn(self.dial(Profile.BRAIN))
        if self.roster.of_profile(Profile.HOME):
            self.spawn(self.dial(Profile.HOME))
        if self.mutant != "forgets_on_restart":
            for kind, body in self.rows("SELECT kind, body FROM ops ORDER BY rowid"):
                self.derive(kind, json.loads(body), again=True)

    def serving(self) -> bool:
        return self.is_brain or self.link_to(Profile.BRAIN) is not None

    def unsent(self) -> int:
        link = self.link_to(Profile.BRAIN)
        return 0 if link is None else self.vector().get(self.config.device, 0) - link.acked

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.db.execute(query, values).fetchall()

    def vector(self) -> dict[str, int]:
        return dict(self.rows("SELECT origin, seq FROM vectors"))

    def write(self, kind: str, body: Message) -> None:
        seq = self.vector().get(self.config.device, 0) + 1
        self.take(self.config.device, seq, kind, body)

    def take(self, origin: str, seq: int, kind: str, body: Message, source: str = "") -> None:
        """Apply an op once, and pass it on."""
        if seq <= self.vector().get(origin, 0):
            return
        self.changes += 1
        self.db.execute("BEGIN")
        if not (self.mutant == "loses_an_op" and source and kind == "record"):
            self.db.execute(
                "INSERT INTO ops VALUES (?, 'household', ?, ?, ?, ?)",
                (origin, seq, kind, json.dumps(body), f"digest {origin} {seq}"),
            )
        self.db.execute("INSERT OR REPLACE INTO vectors VALUES ('household', ?, ?)", (origin, seq))
        self.db.execute("COMMIT")
        for link in self.links.values():
            if link.name != source and link.peer != self.home_id:
                link.send({"ops": [[origin, seq, kind, body]]})
        self.derive(kind, body)

    @property
    def home_id(self) -> str | None:
        return next((each.id for each in self.roster.of_profile(Profile.HOME)), None)

    def opened(self, link: Link) -> None:
        if link.peer != self.home_id:
            link.send({"vector": self.vector()})

    def received(self, link: Link, message: Message) -> None:
        if "done" in message:
            self.answers.pop(message["done"]).set_result(None)
        elif "ops" in message:
            # All that comes together is applied before anything is done about it: what was
            # cancelled in the same lot is not begun.
            for origin, seq, kind, body in message["ops"]:
                self.take(origin, seq, kind, body, link.name)
            link.send({"ack": self.vector()})
        elif "ack" in message:
            link.acked = message["ack"].get(self.config.device, 0)
        else:
            link.acked = message["vector"].get(self.config.device, 0)
            missing = [
                [origin, seq, kind, json.loads(body)]
                for origin, seq, kind, body in self.rows("SELECT origin, seq, kind, body FROM ops")
                if seq > message["vector"].get(origin, 0)
            ]
            if missing:
                link.send({"ops": missing})

    def derive(self, kind: str, body: Message, again: bool = False) -> None:
        me = self.config.name
        if kind == "record":
            self.db.execute(
                "INSERT OR REPLACE INTO records VALUES (?, ?, 'household', ?, '', 0)",
                (body["collection"], body["id"], json.dumps(body)),
            )
            if body["on"] == me:
                self.spawn(self.ring(body))
        elif kind == "task":
            self.db.execute(
                "INSERT OR REPLACE INTO tasks VALUES (?, ?)", (body["id"], json.dumps(body))
            )
            shown = {key: body[key] for key in ("id", "action", "on", "state")}
            if not again:
                self.tell("task", **shown)
            if body["state"] == "offered" and body["on"] == me:
                self.spawn(self.work(body["id"]))
            elif body["state"] == "succeeded" and body["asker"] == me and not again:
                self.tell("notice", id=body["id"], text=f"The {body['on']} opened the page.")
        elif kind == "ask" and body["on"] == me:
            self.tell("asked", task=body["id"], text=body["text"])
        elif kind == "yes" and body["asker"] == me and not again:
            self.spawn(self.home("lock.unlock", body["device"], {"locked": False}))
        elif kind == "echo" and body["from"] != me and not again and not self.is_brain:
            self.tell("reply", text=body["text"], turn="")

    async def ring(self, body: Message) -> None:
        await self.clock.until(body["due"], asyncio.Event())
        self.tell("ring", id=body["id"], label="timer")

    async def work(self, task: str) -> None:
        body = json.loads(self.rows("SELECT body FROM tasks WHERE id = ?", task)[0][0])
        if body["state"] != "offered":
            return
        for _ in range(2 if self.mutant == "opens_twice" else 1):
            self.show(body["args"]["url"])
        self.write("task", {**body, "state": "succeeded"})

    def show(self, url: str) -> None:
        with Path(os.environ["MANYENDS_OPENER_FILE"]).open("a") as file:
            file.write(json.dumps({"url": url, "at": 0}) + "\n")

    def handlers(self) -> dict[str, Handler]:
        return {
            "say": self.say,
            "call": self.call,
            "approve": self.approve,
            "deny": self.approve,
            "cancel": self.cancel,
            "tasks": self.tasks,
            "why": self.why,
            "audit_verify": self.audit_verify,
        }

    async def home(self, action: str, device: str, state: dict[str, Any]) -> bool:
        link = self.link_to(Profile.HOME)
        if link is None:
            return False
        for _ in range(2 if self.mutant == "acts_twice" else 1):
            number = secrets.token_hex(4)
            done = self.answers[number] = asyncio.get_running_loop().create_future()
            link.send({"number": number, "action": action, "device": device, "state": state})
            await done
        return True

    async def later(self, seconds: float, action: str, device: str, power: str) -> None:
        await asyncio.sleep(seconds)
        await self.home(action, device, {"power": power})

    async def say(self, request: Event, emit: Emit) -> Event:
        self.open_turns += 1
        turn = secrets.token_hex(4)
        try:
            for pattern, answer in _SENTENCES:
                if found := re.fullmatch(pattern, request["text"]):
                    reply = await answer(self, *found.groups())
                    break
            else:
                reply = "I did not understand."
            self.tell("reply", text=reply, turn=turn)
            self.tell("route", turn=turn, route="reflex")
            if self.mutant == "answers_on_two_ends":
                self.write("echo", {"from": self.config.name, "text": reply})
        finally:
            self.open_turns -= self.mutant != "never_settles"
        return {"turn": turn, "reply": reply, "route": "reflex"}

    async def light(self, power: str, name: str) -> str:
        device, action = f"light.{name}", f"light.turn_{power}"
        if self.mutant == "dies":
            raise SystemExit("the fake was told to die")
        if self.mutant == "acts_late":
            self.spawn(self.later(0.7, action, device, power))
        elif self.mutant != "claims_success" and not await self.home(
            action, device, {"power": power}
        ):
            return "I can't reach the home."
        return f"The {name} light is {power}."

    async def is_on(self, name: str) -> str:
        device = f"light.{name}"
        if self.mutant == "acts_on_a_question":
            await self.home("light.turn_on", device, {"power": "on"})
        if self.mutant == "acts_late_on_a_question":
            self.spawn(self.later(0.2, "light.turn_on", device, "on"))
        if self.mutant == "flickers":
            await self.home("light.turn_off", device, {"power": "off"})
            await self.home("light.turn_on", device, {"power": "on"})
        return f"I can't see the {name} light from here."

    async def timer(self, minutes: str) -> str:
        due = self.clock.wall_ms() + int(minutes) * 60_000
        body = {"collection": "timers", "id": secrets.token_hex(4), "due": due}
        self.write("record", {**body, "on": self.config.name})
        return f"A timer for {minutes} minutes."

    async def open(self, url: str, device: str) -> str:
        self.offer({"url": url}, device)
        return f"I'll open it on the {device}."

    async def secret(self) -> str:
        if self.mutant == "says_the_secret":
            self.tell("delta", turn="x", text="It is 4")
            self.tell("delta", turn="x", text="17")
        return "I can't tell you."

    async def unlock(self, name: str) -> str:
        owner = self.roster.owners()[0]
        for each in self.roster.own_devices(owner.id):
            body = {"id": "ask", "on": each.name, "text": f"Unlock the {name}?"}
            self.write("ask", {**body, "asker": self.config.name, "device": f"lock.{name}"})
        return "I have to ask for that."

    def offer(self, args: Message, on: str) -> Message:
        task = {"id": secrets.token_hex(4), "action": "laptop.open_page", "args": args, "on": on}
        body = {**task, "state": "offered", "asker": self.config.name}
        self.write("task", body)
        return body

    async def call(self, request: Event, emit: Emit) -> Event:
        if request["action"] != "laptop.open_page":
            raise ProtocolError(ErrorCode.NOT_FOUND, f"there is no {request['action']}")
        body = self.offer(request["args"], request["on"])
        return {"task": body["id"], "state": body["state"]}

    async def approve(self, request: Event, emit: Emit) -> Event:
        asks = self.rows("SELECT body FROM ops WHERE kind = 'ask' ORDER BY rowid DESC")
        if not asks:
            raise ProtocolError(ErrorCode.NOT_FOUND, "nothing waits for an answer")
        if request["do"] == "approve":
            self.write("yes", json.loads(asks[0][0]))
        return {}

    async def cancel(self, request: Event, emit: Emit) -> Event:
        tasks = [json.loads(row[0]) for row in self.rows("SELECT body FROM tasks")]
        for each in tasks:
            if each["state"] == "offered":
                self.write("task", {**each, "state": "cancelled"})
        return {}

    async def tasks(self, request: Event, emit: Emit) -> Event:
        return {"tasks": [json.loads(row[0]) for row in self.rows("SELECT body FROM tasks")]}

    async def why(self, request: Event, emit: Emit) -> Event:
        return {"text": "a sentence that I know"}

    async def audit_verify(self, request: Event, emit: Emit) -> Event:
        return {"ok": True, "entries": len(self.rows("SELECT 1 FROM ops")), "reason": ""}


_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS ops (origin, feed, seq, kind, body, digest);
CREATE TABLE IF NOT EXISTS vectors (feed, origin, seq, PRIMARY KEY (feed, origin));
CREATE TABLE IF NOT EXISTS records (collection, id, feed, data, put_at, dropped,
                                    PRIMARY KEY (collection, id));
CREATE TABLE IF NOT EXISTS tasks (id PRIMARY KEY, body);
"""

_SENTENCES: tuple[tuple[str, Callable[..., Any]], ...] = (
    (r"turn (on|off) the (\w+) light", Node.light),
    (r"is the (\w+) light on", Node.is_on),
    (r"set a timer for (\d+) minutes", Node.timer),
    (r"open (\S+) on my (\w+)", Node.open),
    (r"what is the secret", Node.secret),
    (r"unlock the (\w+)", Node.unlock),
)


def main() -> None:
    """Run one process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("brain", "home", "end"))
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--mutant", default="")
    given = parser.parse_args()
    kind = Home if given.part == "home" else Node
    asyncio.run(kind(StateFolder(given.state), given.mutant).run())
