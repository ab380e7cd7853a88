"""Effects that touch the world: run, read back after a crash, or called in doubt."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.task import Effect, Event, Result, Task
from manyends.skills.home.model import HomeAwayError
from manyends.skills.registry import Registry
from manyends.skills.sdk import Action, HomePort

from .contexts import OpenPage, Running
from .core import Core
from .failpoint import failpoint
from .replica import Transaction
from .work import Work, ending, put_work, report, work_of

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
"""How long a result that the disk refused waits before it is written again."""


@dataclass
class Effects:
    """Runs `settable` and `once` actions on the event loop."""

    core: Core
    registry: Registry
    home: HomePort
    opener: OpenPage
    started: set[str] = field(default_factory=set)
    """Keys whose effect has begun in this process."""

    def start(self, task: Task, action: Action) -> None:
        """Start an effect in the loop's next round, so that a stop that came with it is first."""
        self.core.spawn(f"run {task.id}", self._run(task, action))

    def cancel_unless_started(self, task: Task) -> None:
        """Cancel an effect that has not begun."""
        if task.key not in self.started:
            self.started.add(task.key)
            result = Result(text="It was cancelled.")
            self.core.spawn(f"cancel {task.id}", self._end(task, [Event.CANCEL], result))

    def recover(self) -> None:
        """After a start: run again what may be; find out about the rest."""
        for work in self._unfinished("accepted", "intent"):
            action = self.registry.get(work.task.action)
            if action is not None and work.stage == "accepted":
                self.start(work.task, action)
            else:
                self.started.add(work.task.key)
                self.core.spawn(f"read back {work.task.id}", self._find_out(work))

    def settle_doubts(self) -> None:
        """Ask the world once more about what is in doubt, now that it can be reached."""
        for work in self._unfinished("doubt"):
            if work.task.key not in self.started:
                self.started.add(work.task.key)
                self.core.spawn(f"read back {work.task.id}", self._find_out(work))

    def _unfinished(self, *stages: str) -> Sequence[Work]:
        keys = [
            row[0]
            for stage in stages
            for row in self.core.store.reader.execute(
                "SELECT key FROM effects WHERE stage = ?", (stage,)
            )
        ]
        return [work for key in keys if (work := work_of(self.core.store.reader, key))]

    async def _run(self, task: Task, action: Action) -> None:
        """Run an effect, unless it has begun already or was cancelled meanwhile."""
        work = work_of(self.core.store.reader, task.key)
        if task.key in self.started or work is None or work.stage == "done":
            return
        self.started.add(task.key)
        context = self._context(task)
        try:
            result = await self._try(task, action, context)
        except ProtocolError as refusal:
            if refusal.code is ErrorCode.TIMEOUT and action.effect is Effect.ONCE:
                await self._find_out(Work("intent", task))
                return
            result = Result(text=refusal.reason, error=refusal.code)
        except Exception:
            # Skills are other people's code: whatever it throws must not take the node down.
            log.exception("%s broke", task.action, extra={"trace": task.turn})
            result = _broke(task)
        failpoint("worker.after_effect")
        try:
            await self._end(task, ending(result), result, None if result.error else context)
        except ProtocolError as refusal:
            # It was done, but what the skill wants to remember of it can't be kept.
            result = Result(text=refusal.reason, error=refusal.code)
            await self._end(task, ending(result), result)
        except Exception:
            log.exception("what %s says can't be kept", task.action, extra={"trace": task.turn})
            await self._end(task, [Event.FAIL], _broke(task))

    async def _try(self, task: Task, action: Action, context: Running) -> Result:
        """Run the action; a `settable` one again, under the same key, while there is time."""
        while True:
            try:
                if task.deadline <= self.core.clock.wall_ms():
                    raise ProtocolError(ErrorCode.EXPIRED, "There was no time left for it.")
                context.forget()
                running = action.run(context, **action.check(task.args))
                assert not isinstance(running, Result), f"{task.action} must be async"
                return await running
            except HomeAwayError:
                raise ProtocolError(ErrorCode.NOT_FOUND, "The home does not answer.") from None
            except ProtocolError as refusal:
                if refusal.code is not ErrorCode.TIMEOUT or action.effect is Effect.ONCE:
                    raise
            await asyncio.sleep(RETRY_SECONDS)

    async def _find_out(self, work: Work) -> None:
        """Read back what became of a `once` effect; if nobody can know, it is in doubt."""
        task, result = work.task, None
        action = self.registry.get(task.action)
        if action is not None and action.read_back is not None:
            try:
                result = await action.read_back(self._context(task))
            except ProtocolError as away:
                log.warning("%s can't be read back: %s", task.id, away.reason)
            except Exception:
                log.exception("reading back %s broke", task.action)
        doubt = [Event.DOUBT] if work.stage == "intent" else []
        if result is not None:
            verdict = Event.REFUTE if result.error else Event.CONFIRM
            await self._end(task, [*doubt, verdict], result)
        elif doubt:
            text = f"I was interrupted and don't know whether it was done: {task.action}."
            await self._end(task, doubt, Result(text=text))
        self.started.discard(task.key)

    async def _end(
        self, task: Task, events: list[Event], result: Result, context: Running | None = None
    ) -> None:
        """Write down how it ended, at last when the disk has room: nobody else knows it."""

        def end(tx: Transaction) -> None:
            failpoint("worker.before_result")
            stage = "doubt" if events[-1] is Event.DOUBT else "done"
            put_work(tx.connection, Work(stage, task, result))
            if context is not None:
                context.write(tx)
            report(tx, task, events, result)

        while True:
            try:
                await self.core.write(end)
                break
            except ProtocolError as refusal:
                if refusal.code is not ErrorCode.STORAGE:
                    raise
                log.error("the end of %s can't be written down yet: %s", task.id, refusal.reason)
            await asyncio.sleep(RETRY_SECONDS)
        self.started.discard(task.key)

    def _context(self, task: Task) -> Running:
        core = self.core
        return Running(
            core.clock.wall_ms(), task, core.me, core.store.reader, self.home, self.opener
        )


def _broke(task: Task) -> Result:
    return Result(text=f"{task.action} broke; the log says why.", error=ErrorCode.INTERNAL)
