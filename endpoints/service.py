"""What the user's socket of a node answers: the requests behind every command."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import device_feed
from manyends.protocol.io.lines import Emit, Event, Handler
from manyends.protocol.payloads import RecordDrop
from manyends.protocol.roster import Profile
from manyends.protocol.task import Call, IfOffline, State, Task

from .commands import Commands
from .contexts import own_records
from .conversation import Conversation
from .core import Core
from .network import Network
from .requests import NOTICES, outcome_text
from .showing import describe
from .why import why


@dataclass
class Service:
    """Requests of this machine's user."""

    core: Core
    conversation: Conversation
    commands: Commands
    network: Network

    def handlers(self) -> Mapping[str, Handler]:
        """Return who answers which request."""
        return {
            "say": self._say,
            "call": self._call,
            "approve": self._approve,
            "deny": self._deny,
            "settle": self._settle,
            "cancel": self._cancel,
            "tasks": self._tasks,
            "ends": self._ends,
            "why": self._why,
            "notices": self._notices,
            "shown": self._shown,
            "asks": self._asks,
            "status": self._status,
            "watch": self.core.observers.stream,
        }

    async def _say(self, request: Event, emit: Emit) -> Event:
        turn = self.conversation.say(
            str(request["text"]), request.get("as"), lambda piece: emit({"piece": piece})
        )
        return await self.core.carry("turn", turn)

    async def _call(self, request: Event, emit: Emit) -> Event:
        """Run an action directly, as this device's person."""
        target = None
        if request.get("on") is not None:
            entry = self.core.roster.named(str(request["on"]))
            if entry is None:
                raise ProtocolError(ErrorCode.NOT_FOUND, f"There is no {request['on']} here.")
            target = entry.id
        call = Call(action=str(request["action"]), args=request.get("args") or {}, target=target)
        requests = self.conversation.requests
        speaker = self.conversation.speaker(request.get("as"))
        wish = IfOffline(request.get("if_offline", "wait"))
        run = requests.run([requests.task(call, speaker, if_offline=wish)])
        (task,) = await self.core.carry("call", run)
        error = task.result.error if task.result else None
        text = outcome_text(task) if task.state is not State.OFFERED else ""
        return {"task": task.id, "state": task.state, "text": text, "error": error}

    async def _approve(self, request: Event, emit: Emit) -> Event:
        text = await self.commands.answer(True, request.get("as"), request.get("task"))
        return {"text": text}

    async def _deny(self, request: Event, emit: Emit) -> Event:
        text = await self.commands.answer(False, request.get("as"), request.get("task"))
        return {"text": text}

    async def _settle(self, request: Event, emit: Emit) -> Event:
        return {"text": await self.commands.settle(str(request["task"]), bool(request["done"]))}

    async def _cancel(self, request: Event, emit: Emit) -> Event:
        task = request.get("task", "latest")
        speaker = self.conversation.speaker(None)
        return {"text": await self.commands.cancel(speaker, None if task == "latest" else task)}

    async def _tasks(self, request: Event, emit: Emit) -> Event:
        limit = int(request.get("limit", 200))
        rows = self.core.store.reader.execute(
            "SELECT body FROM tasks ORDER BY rowid DESC LIMIT ?", (limit,)
        ).fetchall()
        tasks = [Task.model_validate_json(row[0]) for row in reversed(rows)]
        return {"tasks": [describe(self.core.roster, each) for each in tasks]}

    async def _ends(self, request: Event, emit: Emit) -> Event:
        roster = self.core.roster
        people = {each.id: each.name for each in roster.people}
        ends = [
            {
                "name": each.name,
                "profile": each.profile,
                "person": people.get(each.person or ""),
                "area": each.area,
                "online": self._online(each.id, each.profile),
            }
            for each in roster.devices
        ]
        return {"ends": ends}

    def _online(self, device: str, profile: Profile) -> bool:
        if profile is Profile.HOME:
            return self.conversation.requests.home_reachable()
        return self.network.online(device)

    async def _why(self, request: Event, emit: Emit) -> Event:
        device = None if self.core.me.profile is Profile.BRAIN else self.core.me.id
        record = why(self.core.store.reader, self.core.roster, device, request.get("turn"))
        if record is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "Nothing was said here yet.")
        return record

    async def _notices(self, request: Event, emit: Emit) -> Event:
        found = own_records(self.core.store.reader, self.core.me.id, NOTICES)
        return {"notices": [{"id": each.id, **each.data} for each in found]}

    async def _shown(self, request: Event, emit: Emit) -> Event:
        """Drop a notice: the person has seen it."""
        drop = RecordDrop(collection=NOTICES, id=str(request["notice"]))
        await self.core.write(lambda tx: tx.append(device_feed(self.core.me.id), drop))
        return {}

    async def _asks(self, request: Event, emit: Emit) -> Event:
        return {"asks": [describe(self.core.roster, each) for each in self.commands.asks()]}

    async def _status(self, request: Event, emit: Emit) -> Event:
        serving = self.network.serving_node
        rows = self.core.store.reader.execute("SELECT count(*) FROM ops").fetchone()
        status: dict[str, Any] = {
            "name": self.core.me.name,
            "profile": self.core.me.profile,
            "serving": serving.name if serving else None,
            "home": self.conversation.requests.home_reachable(),
            "ops": rows[0],
            "links": [link.peer.name for link in self.network.links.values()],
        }
        return status
