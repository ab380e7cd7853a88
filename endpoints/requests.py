"""What this node asks for: calls become tasks, their results answers now or notices later."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import DeviceId, PersonId, TurnId, device_feed, new_id
from manyends.protocol.payloads import RecordPut, TaskOffer, TaskReport
from manyends.protocol.roster import Profile
from manyends.protocol.task import (
    TERMINAL,
    Call,
    Effect,
    IfOffline,
    Risk,
    State,
    Task,
)
from manyends.skills.registry import Registry
from manyends.skills.sdk import Action, Where

from .core import Core
from .failpoint import failpoint
from .projections import task_of
from .replica import Transaction

log = logging.getLogger(__name__)

NOTICES = "notices"
"""The collection of what a device has still to show: records `{text, task}`."""

ANSWER_SECONDS = 4.0
"""How long an asker waits for a result before it says that the work goes on."""

_DAY_MS = 24 * 3600_000
_MINUTE_MS = 60_000

_SETTLED = TERMINAL | {State.ASKING, State.IN_DOUBT}
_TOLD_LATE = TERMINAL | {State.IN_DOUBT}


@dataclass(frozen=True)
class Speaker:
    """For whom something is asked: a person, proved by the device or only claimed, or nobody."""

    person: PersonId | None = None
    claimed: bool = False


@dataclass
class Requests:
    """Tasks on behalf of those who speak to this node."""

    core: Core
    registry: Registry
    online: Callable[[DeviceId], bool]
    home_reachable: Callable[[], bool]
    _waiting: dict[str, asyncio.Future[Task]] = field(default_factory=dict)

    def task(
        self,
        call: Call,
        speaker: Speaker,
        turn: TurnId | None = None,
        if_offline: IfOffline = IfOffline.WAIT,
        undoes: str | None = None,
    ) -> Task:
        """Return the task that a call becomes.

        Raises `ProtocolError`: `not_found` for an unknown action or if no device can do it,
        `bad_message` for wrong arguments.
        """
        action = self.registry.get(call.action)
        if action is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"I can't do {call.action} yet.")
        action.check(call.args)
        if if_offline is IfOffline.ELSEWHERE:
            raise ProtocolError(ErrorCode.UNSUPPORTED, "if_offline: elsewhere is not built yet")
        target = call.target or self._target(action, speaker)
        me = self.core.me.id
        now = self.core.clock.wall_ms()
        return Task(
            id=new_id("tsk", self.core.replica.entropy),
            key=new_id("key", self.core.replica.entropy),
            action=call.action,
            args=call.args,
            asker=me,
            for_person=speaker.person,
            claimed=speaker.claimed,
            turn=turn,
            undoes=undoes,
            target=target,
            effect=action.effect,
            risk=action.risk,
            deadline=now + _patience(action),
            if_offline=if_offline,
            keeper=me if target == me else self.serving_id(),
        )

    def serving_id(self) -> DeviceId:
        """Return the node that keeps what others than this one run: the brain."""
        if self.core.me.profile is Profile.BRAIN:
            return self.core.me.id
        order = self.core.roster.dial_order(self.core.me.id)
        if not order:
            raise ProtocolError(ErrorCode.NOT_FOUND, "This household has no brain.")
        return order[0].id

    def expect(self, tasks: Iterable[Task]) -> None:
        """Be ready for the results of tasks that are about to be offered."""
        for task in tasks:
            self._waiting[task.id] = asyncio.get_running_loop().create_future()

    def offer(self, tx: Transaction, tasks: Iterable[Task]) -> None:
        """Hand tasks to their keepers, inside a transaction; from then on they are not lost."""
        failpoint("asker.before_intent")
        for task in tasks:
            tx.connection.execute("INSERT INTO awaited VALUES (?, 0)", (task.id,))
            tx.mail(task.keeper, TaskOffer(task=task))
        tx.after(lambda: failpoint("asker.after_intent"))

    async def run(self, tasks: Sequence[Task]) -> list[Task]:
        """Offer tasks that belong to no turn here, and return each as it stands after a while."""
        self.expect(tasks)
        await self.core.write(lambda tx: self.offer(tx, tasks))
        done = await self.results(tasks)
        await self.core.write(lambda tx: self.told(tx, done))
        return done

    async def results(self, tasks: Sequence[Task]) -> list[Task]:
        """Wait a while for the tasks, and return each as it then stands.

        Nobody waits for a device that is away: its task is returned as offered.
        """
        waits = [
            self._waiting[task.id]
            for task in tasks
            if self.online(task.target) and self.online(task.keeper)
        ]
        if waits:
            await asyncio.wait(waits, timeout=ANSWER_SECONDS)
        reader = self.core.store.reader
        return [task_of(reader, each.id) or each for each in tasks]

    def told(self, tx: Transaction, tasks: Iterable[Task]) -> None:
        """Note, where the answer is written down, which results it tells."""
        for task in tasks:
            self._waiting.pop(task.id, None)
            if task.done:
                tx.connection.execute("UPDATE awaited SET told = 1 WHERE task = ?", (task.id,))
                continue
            # A report may have come while the answer was put into words.
            newer = task_of(tx.connection, task.id)
            if newer is not None and newer.newer_than(task) and newer.state in _TOLD_LATE:
                self._notify(tx, newer)

    def on_report(self, tx: Transaction, origin: DeviceId, report: TaskReport) -> None:
        """Take a keeper's report: an answer for who waits, else a notice, kept until shown."""
        task = report.task
        if task.asker != tx.me.id or origin != task.keeper:
            raise ProtocolError(ErrorCode.FORBIDDEN, "the report is not for this device")
        if task.state in TERMINAL:
            failpoint("asker.before_result")
        if task.id in self._waiting:
            tx.after(lambda: self._resolve(task))
        elif task.state in _TOLD_LATE:
            self._notify(tx, task)

    def notify_late(self, tx: Transaction) -> None:
        """After a restart: tell what came while nobody was there to answer."""
        rows = tx.connection.execute("SELECT task FROM awaited WHERE told = 0").fetchall()
        for (task_id,) in rows:
            task = task_of(tx.connection, task_id)
            if task is not None and task.state in _TOLD_LATE:
                self._notify(tx, task)

    def notice(self, tx: Transaction, name: str, text: str) -> None:
        """Keep something for this device to show."""
        data = {"text": text, "at": self.core.clock.wall_ms()}
        tx.append(device_feed(tx.me.id), RecordPut(collection=NOTICES, id=name, data=data))
        tx.after(lambda: self.core.tell("notice", id=name, text=text))

    def _notify(self, tx: Transaction, task: Task) -> None:
        row = tx.connection.execute(
            "SELECT told FROM awaited WHERE task = ?", (task.id,)
        ).fetchone()
        if row is None or row[0]:
            return
        if task.done:
            tx.connection.execute("UPDATE awaited SET told = 1 WHERE task = ?", (task.id,))
        self.notice(tx, task.id, outcome_text(task))

    def _resolve(self, task: Task) -> None:
        future = self._waiting.get(task.id)
        if future is not None and not future.done() and task.state in _SETTLED:
            future.set_result(task)

    def _target(self, action: Action, speaker: Speaker) -> DeviceId:
        me = self.core.me
        if action.profiles and me.profile not in action.profiles:
            return self._device_for(action, speaker)
        if action.where is Where.SERVING:
            return self.serving_id()
        if action.where is Where.HOME and not self.home_reachable():
            serving = self.serving_id()
            return serving if self.online(serving) else me.id
        return me.id

    def _device_for(self, action: Action, speaker: Speaker) -> DeviceId:
        """Find the device that can do it: the person's own, else the only one of the household."""
        able = [each for each in self.core.roster.devices if each.profile in action.profiles]
        own = [each for each in able if speaker.person and each.person == speaker.person]
        choice = own or able
        if len(choice) != 1:
            names = " or ".join(each.name for each in choice)
            raise ProtocolError(
                ErrorCode.NOT_FOUND,
                f"Which one: {names}?" if choice else "No device here can do that.",
            )
        return choice[0].id


def outcome_text(task: Task) -> str:
    """Say how a task stands, as its result does where there is one."""
    if task.result is not None and task.result.text:
        return task.result.text
    return f"{task.action} is {task.state.replace('_', ' ')}."


def _patience(action: Action) -> int:
    """Return for how many milliseconds a task is worth doing."""
    if action.risk is Risk.HIGH:
        return 10 * _MINUTE_MS
    return _MINUTE_MS if action.effect is Effect.SETTABLE else _DAY_MS
