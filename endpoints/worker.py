"""The worker: takes leased tasks, asks where the policy wants it, and runs `stored` effects.

`effects` holds one row for each task, by its key, and is what a restart goes by:

    asking    waits for a person's yes        intent  a `once` effect that may have happened
    accepted  may be run (again)              doubt   one of which nobody knows
    done      finished, with its result

A `stored` effect goes from the lease to `done` in one transaction; the others are `Effects`' work.
"""

import logging
import sqlite3
from dataclasses import dataclass

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import DeviceId, person_feed
from manyends.protocol.payloads import (
    AskClosed,
    AskOpen,
    GrantGiven,
    GrantRefused,
    TaskLease,
    TaskSettle,
    TaskStop,
)
from manyends.protocol.task import Effect, Event, Result, Task
from manyends.skills.policy import Decision, Verdict
from manyends.skills.registry import Registry
from manyends.skills.sdk import Action

from .contexts import Storing
from .effects import Effects
from .failpoint import failpoint
from .grants import ask_text, check_grant, decide_for
from .replica import Transaction
from .work import Work, ending, put_work, report, work_by_task, work_of

log = logging.getLogger(__name__)

ASK_MS = 10 * 60_000
"""How long a question for a yes stays open."""
MOST_ASKED = 2000
"""Characters of such a question."""


@dataclass
class Worker:
    """What this node does for the tasks that it runs, inside transactions."""

    registry: Registry
    effects: Effects

    def on_lease(self, tx: Transaction, origin: DeviceId, lease: TaskLease) -> None:
        """Take a leased task: refuse, ask, or begin it. Known keys are not run twice."""
        task = lease.task
        if task.target != tx.me.id or origin != task.keeper:
            raise ProtocolError(ErrorCode.FORBIDDEN, "the lease is not the keeper's for this node")
        failpoint("worker.before_intent")
        known = work_of(tx.connection, task.key)
        if known is not None:
            if known.stage == "done":
                again = [Event.ACCEPT, Event.BEGIN, *ending(known.result)]
                report(tx, task, again, known.result)
            return
        try:
            self._accept(tx, task)
        except ProtocolError as refusal:
            finish(tx, task, [Event.FAIL], Result(text=refusal.reason, error=refusal.code))

    def on_grant(self, tx: Transaction, origin: DeviceId, given: GrantGiven) -> None:
        """Begin what waited for this yes; the grant is checked here, where it is used."""
        grant = given.grant
        work = work_by_task(tx.connection, grant.task)
        if work is None or work.stage != "asking":
            raise ProtocolError(ErrorCode.EXPIRED, "nothing waits for this yes")
        check_grant(tx, work.task, grant, origin)
        tx.connection.execute("INSERT INTO grants_used VALUES (?, ?)", (grant.id, grant.task))
        _close_asks(tx, work)
        task = work.task.model_copy(update={"grant": grant})
        self._begin(tx, task, self._action(task), [])

    def on_refused(self, tx: Transaction, origin: DeviceId, refused: GrantRefused) -> None:
        """Drop what waited: somebody who was asked said no."""
        work = work_by_task(tx.connection, refused.task)
        if work is None or work.stage != "asking":
            return
        device = tx.roster.device(origin)
        if device is None or device.person != refused.person or refused.person not in work.asked:
            raise ProtocolError(ErrorCode.FORBIDDEN, "that no is not theirs to say")
        _close_asks(tx, work)
        person = tx.roster.person(refused.person)
        name = person.name if person else "They"
        finish(tx, work.task, [Event.CANCEL], Result(text=f"{name} said no."))

    def on_stop(self, tx: Transaction, origin: DeviceId, stop: TaskStop) -> None:
        """Cancel what has not begun. What is under way says itself how it ends."""
        work = work_by_task(tx.connection, stop.task)
        if work is None or origin != work.task.keeper:
            return
        if work.stage == "asking":
            _close_asks(tx, work)
            finish(tx, work.task, [Event.CANCEL], Result(text="It was cancelled."))
        elif work.stage in ("accepted", "intent"):
            # Whether it has begun is known on the event loop only; there the two can't cross.
            tx.after(lambda: self.effects.cancel_unless_started(work.task))

    def on_settle(self, tx: Transaction, origin: DeviceId, settle: TaskSettle) -> None:
        """Take a person's word for what became of a task in doubt."""
        work = work_by_task(tx.connection, settle.task)
        if work is None or work.stage != "doubt":
            raise ProtocolError(ErrorCode.EXPIRED, "nothing is in doubt")
        device = tx.roster.device(origin)
        if device is None or device.person != work.task.for_person:
            raise ProtocolError(ErrorCode.FORBIDDEN, "only the person it was for can say")
        result = Result(text="It was done." if settle.done else "It was not done.")
        finish(tx, work.task, [Event.CONFIRM if settle.done else Event.REFUTE], result)

    def _action(self, task: Task) -> Action:
        action = self.registry.get(task.action)
        if action is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"There is no action {task.action} here.")
        return action

    def _accept(self, tx: Transaction, task: Task) -> None:
        action = self._action(task)
        if action.profiles and tx.me.profile not in action.profiles:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"The {tx.me.name} can't do that.")
        if task.deadline <= tx.replica.wall_ms():
            raise ProtocolError(ErrorCode.EXPIRED, "There was no time left for it.")
        action.check(task.args)
        # What the action is, this device knows best; the asker's word for it is not taken.
        task = task.model_copy(update={"risk": action.risk, "effect": action.effect})
        decision = decide_for(tx.roster, task, tx.replica.wall_ms())
        if decision.verdict is Verdict.NO:
            raise ProtocolError(ErrorCode.FORBIDDEN, decision.reason)
        if decision.verdict is Verdict.ASK:
            self._ask(tx, task, decision)
        else:
            self._begin(tx, task, action, [Event.ACCEPT])

    def _ask(self, tx: Transaction, task: Task, decision: Decision) -> None:
        put_work(tx.connection, Work("asking", task, None, decision.asks))
        expires = min(task.deadline, tx.replica.wall_ms() + ASK_MS)
        text = ask_text(tx.roster, task, self.effects.home.view())[:MOST_ASKED]
        for person in decision.asks:
            tx.append(person_feed(person), AskOpen(task=task, text=text, expires=expires))
        names = [found.name for each in decision.asks if (found := tx.roster.person(each))]
        asked = Result(text=f"I've asked {' and '.join(names)}.", data={"reason": decision.reason})
        report(tx, task, [Event.ACCEPT, Event.ASK], asked)

    def _begin(self, tx: Transaction, task: Task, action: Action, events: list[Event]) -> None:
        """Begin the effect; a `stored` one is over in this very transaction."""
        events = [*events, Event.BEGIN]
        if action.effect is Effect.STORED:
            self._store(tx, task, action, events)
            return
        stage = "intent" if action.effect is Effect.ONCE else "accepted"
        put_work(tx.connection, Work(stage, task))
        report(tx, task, events, None)
        tx.after(lambda: failpoint("worker.after_intent"))
        tx.after(lambda: self.effects.start(task, action))

    def _store(self, tx: Transaction, task: Task, action: Action, events: list[Event]) -> None:
        failpoint("worker.after_intent")
        try:
            with tx.attempt():
                context = Storing(tx.replica.wall_ms(), task, tx.me, tx.connection, tx)
                result = action.run(context, **action.check(task.args))
                assert isinstance(result, Result), f"{task.action} is stored and must not be async"
                result.model_dump_json()
        except ProtocolError as refusal:
            result = Result(text=refusal.reason, error=refusal.code)
        except sqlite3.Error:
            raise  # the disk's doing, not the skill's: all of the transaction is lost
        except Exception:
            # Skills are other people's code: whatever it throws must not take the node down.
            log.exception("%s broke", task.action, extra={"trace": task.turn})
            result = Result(
                text=f"{task.action} broke; the log says why.", error=ErrorCode.INTERNAL
            )
        failpoint("worker.after_effect")
        finish(tx, task, [*events, *ending(result)], result)
        failpoint("worker.before_result")


def finish(tx: Transaction, task: Task, events: list[Event], result: Result) -> None:
    """Write down how a task ended, and report it to its keeper."""
    put_work(tx.connection, Work("done", task, result))
    report(tx, task, events, result)


def _close_asks(tx: Transaction, work: Work) -> None:
    for person in work.asked:
        tx.append(person_feed(person), AskClosed(task=work.task.id))
