"""A person's yes: who is asked in which words, and whether a grant is good where it is used."""

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.identity import Identity, verify
from manyends.protocol.ids import DeviceId, Entropy, PersonId, new_id
from manyends.protocol.roster import Roster
from manyends.protocol.task import Grant, Task, args_digest
from manyends.skills.home.model import HomeView
from manyends.skills.policy import Decision, Request, decide, may_approve

from .replica import Transaction

GRANT_MS = 2 * 60_000
"""How long after the yes a grant may still be used."""


def decide_for(roster: Roster, task: Task, now_ms: int) -> Decision:
    """Return what the policy says of a task, for the device that was spoken to."""
    asker = roster.device(task.asker)
    if asker is None:
        raise ProtocolError(ErrorCode.FORBIDDEN, "The device that asked is not here any more.")
    return decide(
        Request(
            roster=roster,
            device=asker,
            person=roster.person(task.for_person),
            claimed=task.claimed,
            action=task.action,
            risk=task.risk,
            args=task.args,
            now_ms=now_ms,
        )
    )


def deed(task: Task, home: HomeView) -> str:
    """Say what a task does, for example "unlock the front door"."""
    verb = task.action.rpartition(".")[2].replace("_", " ")
    thing = home.device(str(task.args.get("target")))
    words = [str(each) for each in task.args.values() if each not in (None, False)]
    what = f"the {thing.name}" if thing else ", ".join(words)
    return f"{verb} {what}".strip()


def ask_text(roster: Roster, task: Task, home: HomeView) -> str:
    """Say what will happen and who asked for it."""
    asker = roster.device(task.asker)
    person = roster.person(task.for_person)
    who = person.name if person and not task.claimed else "Somebody"
    claim = f", who says to be {person.name}," if person and task.claimed else ""
    where = asker.name if asker else "house"
    return f"{who}{claim} at the {where} wants to {deed(task, home)}. Allow it?"


def give_grant(
    task: Task, person: PersonId, device: DeviceId, identity: Identity, now_ms: int, random: Entropy
) -> Grant:
    """Return this device's signed yes to a task."""
    grant = Grant(
        id=new_id("gra", random),
        task=task.id,
        person=person,
        device=device,
        action=task.action,
        args_digest=args_digest(task.id, task.action, task.args),
        expires=now_ms + GRANT_MS,
    )
    return grant.model_copy(update={"signature": identity.sign(grant.signed_bytes())})


def check_grant(tx: Transaction, task: Task, grant: Grant, origin: DeviceId) -> None:
    """Raise `ProtocolError` unless the grant is good for this task, here and now.

    Bound to the task, the action and its arguments; signed by a device of a person with the right;
    not expired; never used before.
    """
    device = tx.roster.device(grant.device)
    if device is None or device.id != origin or device.person != grant.person:
        raise ProtocolError(ErrorCode.FORBIDDEN, "the yes is not of that person's own device")
    if not verify(device.device_key, grant.signed_bytes(), grant.signature):
        raise ProtocolError(ErrorCode.FORBIDDEN, "the yes is not signed by that device")
    if (grant.action, grant.args_digest) != (
        task.action,
        args_digest(task.id, task.action, task.args),
    ):
        raise ProtocolError(ErrorCode.FORBIDDEN, "the yes was for something else")
    if grant.expires <= tx.replica.wall_ms():
        raise ProtocolError(ErrorCode.EXPIRED, "the yes came too late")
    if tx.connection.execute("SELECT 1 FROM grants_used WHERE id = ?", (grant.id,)).fetchone():
        raise ProtocolError(ErrorCode.EXPIRED, "the yes was used already")
    approval = may_approve(
        tx.roster,
        grant.person,
        device,
        task.action,
        task.risk,
        asker=task.for_person,
        claimed=task.claimed,
    )
    if not approval.ok:
        raise ProtocolError(ErrorCode.FORBIDDEN, approval.reason)
