"""Does what a step says, and notes what its requests gave back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.lines import Event

from .format import AnswerVerb, Step
from .moments import Turn
from .process import TroubleError
from .stage import Stage


@dataclass(frozen=True)
class Outcome:
    """What came of one verb."""

    step: Step
    turn: Turn | None = None
    code: str | None = None
    """The error that the request was answered with."""
    reason: str = ""
    """Why the verb failed; empty if it did not. Without a code nobody was there to answer."""


async def act(step: Step, stage: Stage) -> list[Outcome]:
    """Do a step; the parts of `together` at the same moment. Failures are in the outcomes."""
    return list(await asyncio.gather(*(_one(each, stage) for each in step.flat())))


async def _one(step: Step, stage: Stage) -> Outcome:
    try:
        result = await _VERBS[step.verb](step, stage)
    except ProtocolError as refusal:
        return Outcome(step, code=refusal.code, reason=f"`{step.verb}` was refused: {refusal}")
    except TroubleError as trouble:
        return Outcome(step, reason=f"`{step.verb}` failed: {trouble}")
    error = _code(result.get("error"))
    if step.say is None or step.on is None:
        return Outcome(step, code=error)
    turn, route = str(result.get("turn") or ""), result.get("route")
    stage.watch.said(step.on, "reply", str(result.get("reply") or ""), turn)
    return Outcome(step, Turn(step.on, turn, route, error), error)


def _code(error: object) -> str | None:
    if isinstance(error, dict):
        error = error.get("code")
    return None if error is None else str(error)


async def _say(step: Step, stage: Stage) -> Event:
    process = stage.processes[step.on or ""]
    person = {"as": step.as_} if step.as_ is not None else {}
    return await process.ask("say", text=step.say, **person)


async def _touch(step: Step, stage: Stage) -> Event:
    return await stage.processes[step.touch or ""].control("touch")


async def _call(step: Step, stage: Stage) -> Event:
    assert step.call is not None
    target = {"on": step.call.on} if step.call.on is not None else {}
    process = stage.processes[step.call.from_]
    return await process.ask("call", action=step.call.action, args=step.call.args, **target)


async def _answer(do: str, answer: AnswerVerb | None, stage: Stage) -> Event:
    assert answer is not None
    person = {"as": answer.as_} if answer.as_ is not None else {}
    return await stage.processes[answer.on].ask(do, **person)


async def _approve(step: Step, stage: Stage) -> Event:
    return await _answer("approve", step.approve, stage)


async def _deny(step: Step, stage: Stage) -> Event:
    return await _answer("deny", step.deny, stage)


async def _cancel(step: Step, stage: Stage) -> Event:
    assert step.cancel is not None
    return await stage.processes[step.cancel.from_].ask("cancel", task=step.cancel.task)


async def _stop(step: Step, stage: Stage) -> Event:
    await stage.stop(step.stop or "")
    return {}


async def _kill(step: Step, stage: Stage) -> Event:
    await stage.kill(step.kill or "")
    return {}


async def _start(step: Step, stage: Stage) -> Event:
    await stage.start(step.start or "")
    return {}


async def _cut(step: Step, stage: Stage) -> Event:
    assert step.cut is not None
    await stage.cut(*step.cut)
    return {}


async def _heal(step: Step, stage: Stage) -> Event:
    assert step.heal is not None
    await stage.heal(*step.heal)
    return {}


async def _advance(step: Step, stage: Stage) -> Event:
    await stage.advance(round((step.advance or 0) * 1000))
    return {}


async def _set(step: Step, stage: Stage) -> Event:
    for device, state in (step.set_ or {}).items():
        await stage.processes["home"].ask("set", device=device, state=state)
    return {}


_VERBS: dict[str, Callable[[Step, Stage], Awaitable[Event]]] = {
    "say": _say,
    "touch": _touch,
    "call": _call,
    "approve": _approve,
    "deny": _deny,
    "cancel": _cancel,
    "stop": _stop,
    "kill": _kill,
    "start": _start,
    "cut": _cut,
    "heal": _heal,
    "advance": _advance,
    "set": _set,
}
