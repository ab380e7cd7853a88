"""How the home's actions are carried out: find the thing, command it, say what came of it.

What differs from action to action stands in one table: what is said, and how it is undone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.task import Call, Result

from ..phrases import begin, joined, number, the
from ..sdk import RunContext
from .model import Device, HomeAwayError, HomeView, Kind, Outcome
from .rules import COMMANDS

State = dict[str, Any]


class _Way(NamedTuple):
    """One action's words, and its way back."""

    did: str
    """After "I"; may name {it} and the command's arguments."""
    already: str
    """After the thing, if the command changed nothing; empty to say what was done all the same."""
    back: Callable[[State, State], tuple[str, State] | None]
    """From the state before and the arguments: the action and arguments that undo it."""


def _lit(before: State, args: State) -> tuple[str, State]:
    if before["power"] == "on":
        return "light.set_brightness", {"brightness": before["brightness"]}
    return _dark(before)


def _colored(before: State, args: State) -> tuple[str, State]:
    if before["power"] == "on":
        return "light.set_color", {"color": before["color"]}
    return _dark(before)


def _dark(before: State) -> tuple[str, State]:
    kept = {"brightness": before["brightness"], "color": before["color"]}
    return "light.turn_off", kept


def _blown(before: State, args: State) -> tuple[str, State]:
    speed = {"speed": before["speed"]}
    return ("fan.set_speed", speed) if before["power"] == "on" else ("fan.turn_off", speed)


def _switched(before: State, args: State) -> tuple[str, State]:
    return f"switch.turn_{before['power']}", {}


def _locked(before: State, args: State) -> tuple[str, State]:
    return ("lock.lock" if before["locked"] else "lock.unlock"), {}


def _played(before: State, args: State) -> tuple[str, State]:
    if not before["playing"]:
        return "media.pause", {}
    return "media.play", {"item": before["item"] or None}


def _cleaned(before: State, args: State) -> tuple[str, State]:
    return ("vacuum.start" if before["status"] == "cleaning" else "vacuum.dock"), {}


def _no_way(before: State, args: State) -> None:
    """Skipping can't be undone; a transfer is undone by another one, with the other player."""


def _as_before(action: str, state: str, name: str) -> Callable[[State, State], tuple[str, State]]:
    """Undo by setting the same thing to what it was."""
    return lambda before, args: (action, {name: before[state]})


_POSITION = _as_before("cover.set_position", "position", "position")

_WAYS: dict[str, _Way] = {
    "light.turn_on": _Way("turned on {it}", "is already on", _lit),
    "light.turn_off": _Way("turned off {it}", "is already off", _lit),
    "light.set_brightness": _Way(
        "set {it} to {brightness} percent", "is already at {brightness} percent", _lit
    ),
    "light.set_color": _Way("set {it} to {color}", "is already {color}", _colored),
    "switch.turn_on": _Way("turned on {it}", "is already on", _switched),
    "switch.turn_off": _Way("turned off {it}", "is already off", _switched),
    "lock.lock": _Way("locked {it}", "is already locked", _locked),
    "lock.unlock": _Way("unlocked {it}", "is already unlocked", _locked),
    "cover.open": _Way("opened {it}", "is already open", _POSITION),
    "cover.close": _Way("closed {it}", "is already closed", _POSITION),
    "cover.set_position": _Way(
        "set {it} to {position} percent", "is already at {position} percent", _POSITION
    ),
    "climate.set_temperature": _Way(
        "set {it} to {temperature} degrees",
        "is already set to {temperature} degrees",
        _as_before("climate.set_temperature", "target", "temperature"),
    ),
    "climate.set_mode": _Way(
        "set {it} to {mode}",
        "is already set to {mode}",
        _as_before("climate.set_mode", "mode", "mode"),
    ),
    "media.play": _Way("started {it}", "is already playing", _played),
    "media.pause": _Way("paused {it}", "is already paused", _played),
    "media.next": _Way("skipped to the next on {it}", "", _no_way),
    "media.set_volume": _Way(
        "set the volume of {it} to {volume} percent",
        "is already at volume {volume}",
        _as_before("media.set_volume", "volume", "volume"),
    ),
    "media.transfer": _Way("moved the sound from {it} to {there}", "", _no_way),
    "fan.turn_on": _Way("turned on {it}", "is already on", _blown),
    "fan.turn_off": _Way("turned off {it}", "is already off", _blown),
    "fan.set_speed": _Way("set {it} to {speed} percent", "is already at {speed} percent", _blown),
    "vacuum.start": _Way("started {it}", "is already cleaning", _cleaned),
    "vacuum.dock": _Way("sent {it} back to its dock", "is already in its dock", _cleaned),
}
"""Every action of the home."""


async def carry_out(
    context: RunContext, target: str, unchanged: int | None, **given: Any
) -> Result:
    """Carry out the task's home action with the thing called `target`.

    Raises `ProtocolError`: `not_found` for an unknown or ambiguous name, `timeout` if the home
    may or may not have done it. What the home refuses, and a home that was never reached, become
    a result with an error: then nothing was done.
    """
    action = context.task.action
    kind = COMMANDS[action].kind
    home = context.home
    device = find(home.view(), target, kind)
    args = {name: value for name, value in given.items() if value is not None}
    if "to" in args:
        args["to"] = find(home.view(), args["to"], kind).id
    try:
        outcome = await home.command(device.id, action, args, context.task.key, unchanged)
    except HomeAwayError:
        text = "The home does not answer, so nothing was done."
        return Result(text=text, error=ErrorCode.TIMEOUT)
    return result_of(home.view(), device, action, args, outcome)


async def read_back(context: RunContext) -> Result | None:
    """Ask the home what became of the task's command; None if it can't be asked."""
    task, home = context.task, context.home
    device = find(home.view(), str(task.args["target"]), COMMANDS[task.action].kind)
    try:
        outcome = await home.carried_out(task.key)
    except ProtocolError:
        return None
    if outcome is None:
        text = f"I had not yet {_words(home.view(), device, task.action, {})} when I was cut off."
        return Result(text=text, error=ErrorCode.TIMEOUT)
    return result_of(home.view(), device, task.action, {}, outcome)


def result_of(view: HomeView, device: Device, action: str, args: State, outcome: Outcome) -> Result:
    """Put what the home says into words, with the call that undoes it."""
    after = outcome.device or device
    if not outcome.ok:
        return Result(text=begin(outcome.error) + ".", error=ErrorCode.FORBIDDEN)
    data = {"device": device.id, "state": after.state, "before": outcome.before}
    already = _WAYS[action].already
    if already and outcome.before == after.state:
        text = f"{begin(the(device.name))} {already.format_map(_Words(_said(args)))}."
    else:
        text = f"I {_words(view, device, action, args)}."
    if "to" in args:
        there = view.device(args["to"])
        inverse = Call(action=action, args={"target": args["to"], "to": device.id})
        touched = there.changes if there else None
        return Result(text=text, data=data, inverse=inverse, touched=touched)
    back = _WAYS[action].back(outcome.before, args)
    undo = back and Call(action=back[0], args={"target": device.id, **back[1]})
    return Result(text=text, data=data, inverse=undo, touched=after.changes)


def find(view: HomeView, name: str, kind: Kind) -> Device:
    """Return the thing of this kind with this id, name or alias, in any case.

    Raises `ProtocolError` `not_found` if there is none, or more than one.
    """
    sought = name.strip().lower().removeprefix("the ")
    named = [each for each in view.devices if sought in _names(each)]
    fitting = [each for each in named if each.kind is kind]
    exact = [each for each in fitting if each.id.lower() == sought]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    if fitting:
        which = joined([f"one in {the(each.area or 'home')}" for each in fitting])
        reason = f"There is more than one {sought}: {which}."
    elif named:
        reason = f"{begin(the(named[0].name))} is not a {kind}."
    else:
        article = "an" if sought[:1] in "aeiou" else "a"
        reason = f"I don't know {article} {sought}."
    raise ProtocolError(ErrorCode.NOT_FOUND, reason)


def _names(device: Device) -> set[str]:
    return {each.lower().removeprefix("the ") for each in (device.id, device.name, *device.aliases)}


def _words(view: HomeView, device: Device, action: str, args: State) -> str:
    there = view.device(str(args.get("to")))
    named = {"it": the(device.name), "there": the(there.name) if there else "the other one"}
    return _WAYS[action].did.format_map(_Words({**_said(args), **named}))


def _said(args: State) -> dict[str, str]:
    return {
        name: number(value) if isinstance(value, float) else str(value).replace("_", " ")
        for name, value in args.items()
    }


class _Words(dict[str, str]):
    """Words for a sentence; one that is not known is left general."""

    def __missing__(self, key: str) -> str:
        return f"the {key} asked for"
