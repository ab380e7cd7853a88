"""Why was that done? The answer is read from the log, not made up."""

import sqlite3
from typing import Any

from manyends.protocol.payloads import TurnClosed
from manyends.protocol.roster import Roster

from .projections import task_of


def why(
    connection: sqlite3.Connection, roster: Roster, device: str | None, turn: str | None = None
) -> dict[str, Any] | None:
    """Return what is on record about a turn, the last one heard by `device` if none is named.

    Without a device, the last one of the whole household as far as this node holds it. None if
    there is none. `text` says it in sentences.
    """
    row = connection.execute(
        "SELECT * FROM turns WHERE (id = :turn OR :turn IS NULL)"
        " AND (device = :device OR :device IS NULL) ORDER BY at DESC, rowid DESC LIMIT 1",
        {"turn": turn, "device": device},
    ).fetchone()
    if row is None:
        return None
    closed = TurnClosed.model_validate_json(row["body"]) if row["body"] else None
    heard = roster.device(row["device"])
    person = roster.person(row["person"])
    calls = [_call(connection, roster, each) for each in closed.calls] if closed else []
    record = {
        "turn": row["id"],
        "utterance": row["utterance"],
        "heard_by": heard.name if heard else row["device"],
        "person": person.name if person else None,
        "route": closed.route if closed else None,
        "reasons": closed.reasons if closed else [],
        "calls": calls,
        "reply": closed.reply if closed else None,
    }
    return {**record, "text": _sentences(record)}


def _call(connection: sqlite3.Connection, roster: Roster, call: Any) -> dict[str, Any]:
    task = task_of(connection, call.task) if call.task else None
    target = roster.device(task.target) if task else None
    grant = task.grant if task else None
    by = roster.person(grant.person) if grant else None
    return {
        "action": call.call.action,
        "args": call.call.args,
        "verdict": call.verdict,
        "reason": call.reason,
        "on": target.name if target else None,
        "state": task.state if task else None,
        "result": task.result.text if task and task.result else None,
        "approved_by": by.name if by else None,
    }


def _sentences(record: dict[str, Any]) -> str:
    who = record["person"] or "Somebody"
    lines = [f"{who} said to the {record['heard_by']}: {record['utterance']!r}."]
    if record["route"]:
        lines.append(f"It was answered by the {record['route']}.")
    lines += [f"{each[:1].upper()}{each[1:]}." for each in record["reasons"]]
    for call in record["calls"]:
        args = ", ".join(f"{key} {value}" for key, value in call["args"].items() if value)
        lines.append(
            f"Call: {call['action']} ({args}); policy: {call['verdict']}, {call['reason']}"
        )
        if call["approved_by"]:
            lines.append(f"{call['approved_by']} approved it.")
        if call["state"]:
            lines.append(f"On the {call['on']} it {_ended(call['state'])}: {call['result']}")
    if record["reply"]:
        lines.append(f"The reply was: {record['reply']}")
    return "\n".join(lines)


def _ended(state: str) -> str:
    return state if state in ("succeeded", "failed") else f"is {state.replace('_', ' ')}"
