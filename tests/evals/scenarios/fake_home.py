"""The home of the fake product: devices with states, and counts of what was done to them."""

import json
from typing import Any

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import Emit, Event, Handler

from .fake_process import Link, Message, Process


class Home(Process):
    """Devices with states, and counts of what was done to them."""

    def __init__(self, folder: StateFolder, mutant: str) -> None:
        super().__init__(folder, mutant)
        self.file = folder.path / "home.json"
        self.content = json.loads(self.file.read_text())
        if mutant == "forgets_the_home":
            self.content["effects"] = {}

    def handlers(self) -> dict[str, Handler]:
        return {"state": self.state, "counts": self.counts, "set": self.set}

    def received(self, link: Link, message: Message) -> None:
        self.command(message["action"], message["device"], message["state"])
        link.send({"done": message["number"]})

    def command(self, action: str, device: str, state: dict[str, Any]) -> None:
        effects = self.content["effects"]
        effects[action] = effects.get(action, 0) + 1
        self.tell("effect", action=action, device=device, count=effects[action])
        self.change(device, state, "command")

    def change(self, device: str, state: dict[str, Any], by: str) -> None:
        self.content["states"][device].update(state)
        self.changes += 1
        self.file.write_text(json.dumps(self.content))
        self.tell("state", device=device, state=self.content["states"][device], by=by)

    async def state(self, request: Event, emit: Emit) -> Event:
        states = self.content["states"].items()
        return {"devices": [{"id": device, "state": state} for device, state in states]}

    async def counts(self, request: Event, emit: Emit) -> Event:
        return {"effects": self.content["effects"], "repeats": 0}

    async def set(self, request: Event, emit: Emit) -> Event:
        if request["device"] not in self.content["states"]:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"there is no {request['device']}")
        self.change(request["device"], request["state"], "hand")
        return {}
