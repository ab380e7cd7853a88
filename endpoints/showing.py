"""What this device shows of the changes that it sees: announcements, questions, tasks, rings."""

from manyends.protocol.ids import device_feed, person_feed
from manyends.protocol.ops import Op
from manyends.protocol.payloads import AskOpen, Payload, RecordDrop, RecordPut, TaskState
from manyends.protocol.roster import Roster
from manyends.protocol.task import Task
from manyends.skills.builtin import timers

from .core import Core
from .replica import Transaction


def describe(roster: Roster, task: Task) -> dict[str, object]:
    """Return a task as the command line and those who watch see it, devices by their names."""
    target, asker = roster.device(task.target), roster.device(task.asker)
    person = roster.person(task.for_person)
    return {
        "id": task.id,
        "action": task.action,
        "args": task.args,
        "on": target.name if target else task.target,
        "state": task.state,
        "for": person.name if person else None,
        "asker": asker.name if asker else task.asker,
        "custody": task.custody,
        "lease": task.lease,
        "version": task.version,
        "text": task.result.text if task.result else "",
    }


def show(core: Core, tx: Transaction, op: Op, payload: Payload) -> None:
    """Tell those who watch this device about an op, once it is on disk."""
    mine = device_feed(tx.me.id)
    match payload:
        case TaskState():
            content = describe(tx.roster, payload.task)
            tx.after(lambda: core.tell("task", **content))
        case AskOpen() if tx.me.person and op.feed == person_feed(tx.me.person):
            task, text = payload.task.id, payload.text
            tx.after(lambda: core.tell("asked", task=task, text=text))
        case RecordPut(collection="announcements") if op.feed == mine:
            said = str(payload.data.get("text", ""))
            tx.after(lambda: core.tell("reply", text=said, turn=None))
        case RecordDrop(collection=timers.COLLECTION) if op.feed == mine:
            name = payload.id
            tx.after(lambda: core.tell("quiet", id=name))
