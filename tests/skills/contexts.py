"""Stand-ins for what a node gives an action to work with. They are for the tests of skills."""

from dataclasses import dataclass, field
from typing import Any

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import device_feed, person_feed
from manyends.protocol.roster import Profile, RosterEntry
from manyends.protocol.task import Call, Result, Task
from manyends.skills.home.model import Device, HomeView, Outcome
from manyends.skills.home.rules import apply
from manyends.skills.sdk import Action, HomePort, Record, Scope

ANA = "person_" + "a" * 16


def device(name: str, profile: Profile = Profile.HUB, area: str | None = None) -> RosterEntry:
    """Return a device of the household."""
    return RosterEntry(
        id=f"dev_{name.lower()[:1]:a<16}", name=name, profile=profile, area=area, device_key="k"
    )


class FakeHome:
    """A home in memory, by the same rules; `silent` homes do not answer."""

    def __init__(self, *devices: Device) -> None:
        self.devices = {each.id: each for each in devices}
        self.outcomes: dict[str, Outcome] = {}
        self.silent: ProtocolError | None = None

    def view(self) -> HomeView:
        return HomeView(devices=tuple(self.devices.values()))

    async def command(
        self, device: str, action: str, args: dict[str, Any], key: str, unchanged: int | None = None
    ) -> Outcome:
        if self.silent:
            raise self.silent
        before = self.devices[device]
        if unchanged not in (None, before.changes):
            return Outcome(ok=False, device=before, error="somebody has changed it since")
        after = apply(self.devices, device, action, args)
        self.devices.update({each.id: each for each in after})
        self.outcomes[key] = Outcome(ok=True, device=after[0], before=before.state)
        return self.outcomes[key]

    async def carried_out(self, key: str) -> Outcome | None:
        if self.silent:
            raise self.silent
        return self.outcomes.get(key)


@dataclass
class FakeContext:
    """All that any action may ask of its node, in memory."""

    task: Task
    device: RosterEntry
    now_ms: int = 1_800_000_000_000
    records: list[Record] = field(default_factory=list)
    home: HomePort = field(default_factory=FakeHome)
    opened: list[str] = field(default_factory=list)
    browser: bool = True

    def find(self, collection: str) -> list[Record]:
        return [each for each in self.records if each.collection == collection]

    def put(self, collection: str, record: str, data: dict[str, Any], scope: Scope) -> None:
        feed = {
            Scope.DEVICE: device_feed(self.device.id),
            Scope.PERSON: person_feed(self.task.for_person),
            Scope.HOUSEHOLD: "household",
        }[scope]
        self.records = [each for each in self.records if each.id != record]
        made = Record(collection=collection, id=record, feed=feed, data=data, put_at="")
        self.records.append(made)

    def drop(self, record: Record) -> None:
        self.records.remove(record)

    def open_page(self, url: str) -> None:
        if not self.browser:
            raise OSError("there is no browser")
        self.opened.append(url)


@dataclass
class Bench:
    """Runs actions one after the other, each as a task of its own."""

    here: RosterEntry
    home: FakeHome = field(default_factory=FakeHome)
    records: list[Record] = field(default_factory=list)
    now_ms: int = 1_800_000_000_000
    browser: bool = True
    opened: list[str] = field(default_factory=list)
    count: int = 0

    def context(self, action: Action, args: dict[str, Any]) -> FakeContext:
        """Return the context of the next task."""
        self.count += 1
        letters = "abcdefghijklmnopqrstuvwxyz"
        task = Task(
            id="task_" + letters[self.count] * 16,
            key=f"key{self.count}",
            action=action.name,
            args=args,
            asker=self.here.id,
            for_person=ANA,
            target=self.here.id,
            effect=action.effect,
            risk=action.risk,
            deadline=0,
            keeper=self.here.id,
        )
        return FakeContext(
            task, self.here, self.now_ms, self.records, self.home, self.opened, self.browser
        )

    def do(self, action: Action, **args: Any) -> Result:
        """Run a stored action; its arguments stay what they are when they are checked again."""
        checked = action.check(args)
        assert action.check(checked) == checked
        context = self.context(action, checked)
        result = action.run(context, **checked)
        assert isinstance(result, Result)
        self.records = context.records
        return result

    async def go(self, action: Action, **args: Any) -> Result:
        """Run a settable or once action."""
        checked = action.check(args)
        assert action.check(checked) == checked
        running = action.run(self.context(action, checked), **checked)
        assert not isinstance(running, Result)
        return await running

    async def undo(self, result: Result, actions: dict[str, Action]) -> Result:
        """Run the inverse of a result, as a node does."""
        back: Call | None = result.inverse
        assert back is not None
        action = actions[back.action]
        if result.touched is None:
            return self.do(action, **back.args)
        return await self.go(action, **back.args, unchanged=result.touched)


def code_of(error: BaseException) -> ErrorCode:
    """Return the code of a protocol error."""
    assert isinstance(error, ProtocolError)
    return error.code
