"""The keeper: leases tasks to their targets, and alone moves their states.

Every function works inside one transaction. What a worker reports comes in as `TaskUpdate`; what
the keeper decides goes out as an op in the person's feed, and as a report to whoever asked.
"""

import logging
from collections.abc import Callable

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import DeviceId, device_feed, person_feed
from manyends.protocol.payloads import (
    TaskCancel,
    TaskLease,
    TaskOffer,
    TaskReport,
    TaskState,
    TaskStop,
    TaskUpdate,
)
from manyends.protocol.task import (
    TERMINAL,
    Epoch,
    Event,
    IfOffline,
    Result,
    State,
    Task,
    advance,
    report,
)

from .failpoint import failpoint
from .projections import keep_task, task_of
from .replica import Transaction

log = logging.getLogger(__name__)

MAX_OPEN_TASKS = 1000
"""Tasks that one keeper has unfinished at a time; more are refused with `busy`."""

_WORTH_A_REPORT = TERMINAL | {State.ASKING, State.IN_DOUBT}


class Keeper:
    """What this node does for the tasks that it keeps."""

    def __init__(self, online: Callable[[DeviceId], bool]) -> None:
        """Take who can say whether a device has a link now."""
        self._online = online

    def on_offer(self, tx: Transaction, origin: DeviceId, offer: TaskOffer) -> None:
        """Take a task and lease it; an offer that comes again changes nothing."""
        task = offer.task
        if task.keeper != tx.me.id or task.asker != origin:
            raise ProtocolError(ErrorCode.FORBIDDEN, "the offer names another keeper or asker")
        failpoint("keeper.before_intent")
        known = task_of(tx.connection, task.id)
        if known is not None and known.version > 0:
            return
        task = task.model_copy(update={"version": 1})
        refusal = self._refusal(tx, task)
        if refusal is not None:
            self._set(tx, advance(task, Event.FAIL, refusal))
            return
        self._set(tx, task)
        tx.mail(task.target, TaskLease(task=task))
        tx.after(lambda: failpoint("keeper.after_intent"))

    def on_update(self, tx: Transaction, origin: DeviceId, update: TaskUpdate) -> None:
        """Move a task by what its worker reports; what is too late is refused and logged."""
        task = task_of(tx.connection, update.task)
        if task is None or task.keeper != tx.me.id or origin != task.target:
            raise ProtocolError(ErrorCode.FORBIDDEN, f"{update.task} is not the reporter's")
        if update.result is not None:
            failpoint("keeper.before_result")
        epoch = Epoch(update.custody, update.lease)
        self._set(tx, report(task, epoch, update.events, update.result))

    def on_cancel(self, tx: Transaction, origin: DeviceId, cancel: TaskCancel) -> None:
        """Cancel what has not begun; whoever is at it is asked to stop."""
        task = task_of(tx.connection, cancel.task)
        if task is None or task.keeper != tx.me.id:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"{cancel.task} is not kept here")
        asker = tx.roster.device(origin)
        if origin != task.asker and (asker is None or asker.person != task.for_person):
            raise ProtocolError(ErrorCode.FORBIDDEN, "only the person it is for may cancel it")
        if task.done:
            return
        if task.state is State.OFFERED:
            _erase_lease(tx, task)
            self._set(tx, advance(task, Event.CANCEL, Result(text="It was cancelled.")))
        tx.mail(task.target, TaskStop(task=task.id))

    def expire(self, tx: Transaction, now_ms: int) -> None:
        """Give up the tasks whose deadline has passed before they began."""
        rows = tx.connection.execute(
            "SELECT id FROM tasks WHERE keeper = ? AND deadline <= ? AND state IN (?, ?, ?)",
            (tx.me.id, now_ms, State.OFFERED, State.ACCEPTED, State.ASKING),
        ).fetchall()
        for (task_id,) in rows:
            task = task_of(tx.connection, task_id)
            assert task is not None
            late = Result(text="There was no time left for it.", error=ErrorCode.EXPIRED)
            _erase_lease(tx, task)
            self._set(tx, advance(task, Event.EXPIRE, late))
            tx.mail(task.target, TaskStop(task=task.id))

    def _refusal(self, tx: Transaction, task: Task) -> Result | None:
        target = tx.roster.device(task.target)
        if target is None:
            return Result(text="That device is not here.", error=ErrorCode.NOT_FOUND)
        if task.if_offline is IfOffline.FAIL and not self._online(task.target):
            return Result(text=f"The {target.name} is away.", error=ErrorCode.TIMEOUT)
        unfinished = tx.connection.execute(
            "SELECT count(*) FROM tasks WHERE keeper = ? AND id != ? AND state IN (?, ?, ?, ?)",
            (tx.me.id, task.id, State.OFFERED, State.ACCEPTED, State.ASKING, State.RUNNING),
        ).fetchone()[0]
        if unfinished >= MAX_OPEN_TASKS:
            return Result(text="Too much is waiting already.", error=ErrorCode.BUSY)
        return None

    def _set(self, tx: Transaction, task: Task) -> None:
        """Keep the new copy now; tell of it once, at the end of the transaction."""
        keep_task(tx.connection, task)
        tx.at_end(f"task {task.id}", lambda: self._tell(tx, task))

    def _tell(self, tx: Transaction, task: Task) -> None:
        feed = person_feed(task.for_person)
        tx.append(feed, TaskState(task=task))
        log.info(
            "task %s of %s is %s", task.id, task.action, task.state, extra={"trace": task.turn}
        )
        if task.state in _WORTH_A_REPORT:
            tx.mail(task.asker, TaskReport(task=task))


def _erase_lease(tx: Transaction, task: Task) -> None:
    """Take the content out of a lease, so that a device that was away finds nothing to do.

    If it has the lease already, the stop that follows reaches it too.
    """
    tx.connection.execute(
        "DELETE FROM payloads WHERE op IN (SELECT n FROM ops WHERE kind = 'task.lease' AND feed = ?"
        " AND origin = ?) AND json_extract(body, '$.task.id') = ?",
        (device_feed(task.target), tx.me.id, task.id),
    )
