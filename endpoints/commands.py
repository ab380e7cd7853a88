"""Words about the assistant's own doings: cancel that, what is running, yes, no, stop."""

from dataclasses import dataclass

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import person_feed
from manyends.protocol.payloads import GrantGiven, GrantRefused, TaskCancel, TaskSettle
from manyends.protocol.task import TERMINAL, Call, State, Task
from manyends.skills.builtin import timers
from manyends.skills.sdk import HomePort, Record

from .contexts import own_records
from .core import Core
from .grants import deed, give_grant
from .projections import task_of
from .reflex.resolution import Verb
from .requests import Requests, Speaker

Said = list[str | Task]


@dataclass
class Commands:
    """Carries out commands for those who speak to this node."""

    core: Core
    requests: Requests
    home: HomePort

    async def run(self, verb: Verb, speaker: Speaker, turn: str) -> Said:
        """Carry out one command, and return what is to be said of it."""
        match verb:
            case Verb.CANCEL:
                return [await self.cancel(speaker)]
            case Verb.RUNNING:
                return [self.running(speaker)]
            case Verb.YES | Verb.NO:
                return [await self._answer(verb is Verb.YES)]
            case Verb.STOP:
                return self._stop(speaker, turn)
            case Verb.UNDO:
                raise AssertionError("the serving node undoes")

    async def cancel(self, speaker: Speaker, task_id: str | None = None) -> str:
        """Cancel a task, the latest that is unfinished if none is named.

        Raises `ProtocolError` `not_found` for an id that is not there.
        """
        open_tasks = self.unfinished(speaker)
        chosen = [each for each in open_tasks if task_id in (None, each.id)]
        if not chosen:
            if task_id is not None:
                raise ProtocolError(ErrorCode.NOT_FOUND, f"No unfinished task is called {task_id}.")
            return "There is nothing to cancel."
        task = chosen[-1]
        cancel = TaskCancel(task=task.id, by=self.core.me.id)
        await self.core.write(lambda tx: tx.mail(task.keeper, cancel))
        return f"I cancelled {self._named(task)}."

    def unfinished(self, speaker: Speaker) -> list[Task]:
        """Return the tasks of this speaker that are not over, oldest first."""
        marks = ", ".join("?" for _ in TERMINAL)
        rows = self.core.store.reader.execute(
            f"SELECT body FROM tasks WHERE person IS ? AND state NOT IN ({marks})"  # noqa: S608
            " ORDER BY rowid",
            (speaker.person, *TERMINAL),
        )
        return [Task.model_validate_json(row[0]) for row in rows]

    def running(self, speaker: Speaker) -> str:
        """Say what is under way or waiting."""
        said = []
        for task in self.unfinished(speaker):
            target = self.core.roster.device(task.target)
            where = f" on the {target.name}" if target else ""
            said.append(f"{self._named(task)}{where} is {task.state.replace('_', ' ')}")
        count = len([each for each in self._timers() if not each.data.get("ringing")])
        if count:
            said.append("one timer runs" if count == 1 else f"{count} timers run")
        if not said:
            return "Nothing is running."
        text = ", ".join(said)
        return f"{text[0].upper()}{text[1:]}."

    async def answer(self, yes: bool, claim: str | None = None, task_id: str | None = None) -> str:
        """Say yes or no to the question that waits on this device, the latest if none is named.

        Raises `ProtocolError`: `forbidden` if this device can't answer for that person,
        `not_found` if nothing waits.
        """
        me = self.core.me
        person = self.core.roster.person(me.person)
        if person is None:
            raise ProtocolError(
                ErrorCode.FORBIDDEN, f"The {me.name} is shared, so nobody can say yes on it."
            )
        if claim is not None and claim.lower() != person.name.lower():
            raise ProtocolError(ErrorCode.FORBIDDEN, f"The {me.name} is {person.name}'s.")
        asks = [each for each in self.asks() if task_id in (None, each.id)]
        if not asks:
            raise ProtocolError(ErrorCode.NOT_FOUND, "Nothing waits for a yes here.")
        task = asks[-1]
        if yes:
            grant = give_grant(
                task,
                person.id,
                me.id,
                self.core.replica.identity,
                self.core.clock.wall_ms(),
                self.core.replica.entropy,
            )
            given = GrantGiven(grant=grant)
            await self.core.write(lambda tx: tx.mail(task.target, given))
            return f"All right, I allow {self._named(task)}."
        refused = GrantRefused(task=task.id, person=person.id, device=me.id)
        await self.core.write(lambda tx: tx.mail(task.target, refused))
        return f"All right, I don't allow {self._named(task)}."

    def asks(self) -> list[Task]:
        """Return the tasks that wait for a yes of this device's person, oldest first."""
        if self.core.me.person is None:
            return []
        rows = self.core.store.reader.execute(
            "SELECT body FROM asks WHERE open = 1 AND expires > ? AND feed = ? ORDER BY rowid",
            (self.core.clock.wall_ms(), person_feed(self.core.me.person)),
        )
        return [Task.model_validate_json(row[0]) for row in rows]

    async def settle(self, task_id: str, done: bool) -> str:
        """Say what became of a task in doubt; `not_found` if that isn't in doubt."""
        task = task_of(self.core.store.reader, task_id)
        if task is None or task.state is not State.IN_DOUBT:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"{task_id} is not in doubt.")
        settle = TaskSettle(task=task_id, by=self.core.me.id, done=done)
        await self.core.write(lambda tx: tx.mail(task.target, settle))
        return "Thank you, I noted that."

    async def _answer(self, yes: bool) -> str:
        try:
            return await self.answer(yes)
        except ProtocolError as refusal:
            return refusal.reason

    def _named(self, task: Task) -> str:
        return f'"{deed(task, self.home.view())}"'

    def _stop(self, speaker: Speaker, turn: str) -> Said:
        if not any(each.data.get("ringing") for each in self._timers()):
            return ["OK."]
        return [self.requests.task(Call(action="timer.dismiss"), speaker, turn)]

    def _timers(self) -> list[Record]:
        return own_records(self.core.store.reader, self.core.me.id, timers.COLLECTION)
