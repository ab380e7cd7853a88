"""Timers: each lives on the device where it was set and rings there until it is dismissed.

The actions keep records; when one is due the device's scheduler, with the pure functions at the
end of this file, lets it ring.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from manyends.protocol.errors import ErrorCode
from manyends.protocol.ids import device_feed
from manyends.protocol.task import Call, Effect, Result, Risk

from ..durations import Duration, seconds_of, written
from ..phrases import begin, joined, spoken_duration
from ..sdk import ReadContext, Record, Scope, StoredContext, action

COLLECTION = "timers"
"""Records `{label, seconds, due, set_by}`, while it rings with `ringing` and `rang_at`."""


def _bare(label: str) -> str | None:
    """Return a label without "the" and "timer"; None if nothing is left."""
    bare = " ".join(label.split()).removeprefix("the ")
    return bare.removesuffix("timer").strip() or None


Label = Annotated[str, Field(max_length=80), AfterValidator(_bare)]


@action("timer.start", risk=Risk.LOW, effect=Effect.STORED)
def start(
    context: StoredContext,
    duration: Duration,
    label: Label | None = None,
    due: SkipJsonSchema[int | None] = None,
) -> Result:
    """Set a timer."""
    # `due`, wall milliseconds, is for undo: a timer that comes back rings when it would have.
    seconds = seconds_of(duration)
    data = {
        "label": label,
        "seconds": seconds,
        "due": context.now_ms + 1000 * seconds if due is None else due,
        "set_by": context.task.for_person,
    }
    context.put(COLLECTION, context.task.id, data, Scope.DEVICE)
    name = f"{begin(label)} timer" if label else "Timer"
    return Result(
        text=f"{name} set for {spoken_duration(seconds)}.",
        data={"timer": context.task.id, "due": data["due"]},
        inverse=Call(action="timer.cancel", args={"id": context.task.id}),
    )


@action("timer.status", risk=Risk.READ, effect=Effect.STORED)
def status(context: ReadContext, label: Label | None = None) -> Result:
    """Say how long the timers have still to run."""
    found = _here(context, label)
    if not found:
        return _unknown(label)
    said = [_left(each, context.now_ms) for each in found]
    data = {"timers": [{"id": each.id, **each.data} for each in found]}
    return Result(text=begin(f"{joined(said)}."), data=data)


@action("timer.cancel", risk=Risk.LOW, effect=Effect.STORED)
def cancel(
    context: StoredContext,
    label: Label | None = None,
    all: bool = False,  # noqa: A002 - what people say: "cancel all timers"
    id: SkipJsonSchema[str | None] = None,  # noqa: A002 - a record's id, for undo
) -> Result:
    """Cancel a timer, or all of them."""
    found = [each for each in _here(context, label) if id in (None, each.id)]
    if not found:
        return _unknown(label)
    if len(found) > 1 and not all:
        which = joined([_name(each) for each in found])
        return Result(text=f"Which one: {which}?", error=ErrorCode.NOT_FOUND)
    for each in found:
        context.drop(each)
    if len(found) > 1:
        return Result(text=f"I cancelled all {len(found)} timers.")
    data = found[0].data
    again = {"duration": written(data["seconds"]), "label": data["label"], "due": data["due"]}
    return Result(
        text=f"I cancelled {_name(found[0])}.", inverse=Call(action="timer.start", args=again)
    )


@action("timer.dismiss", risk=Risk.LOW, effect=Effect.STORED)
def dismiss(context: StoredContext) -> Result:
    """Stop what is ringing."""
    loud = [each for each in _here(context, None) if each.data.get("ringing")]
    for each in loud:
        context.drop(each)
    return Result(text="OK." if loud else "Nothing is ringing.")


def next_due(records: Iterable[Record]) -> int | None:
    """Return when the next timer is to ring, in wall milliseconds; None if none is set."""
    return min((int(each.data["due"]) for each in _quiet(records)), default=None)


def due(records: Iterable[Record], now_ms: int) -> list[Record]:
    """Return the timers that are to ring now, the earliest first."""
    late = [each for each in _quiet(records) if each.data["due"] <= now_ms]
    return sorted(late, key=lambda each: int(each.data["due"]))


def ringing(record: Record, now_ms: int) -> dict[str, Any]:
    """Return the data of a timer that begins to ring; it stays until it is dismissed."""
    return {**record.data, "ringing": True, "rang_at": now_ms}


def ring_text(record: Record) -> str:
    """Say that a timer is done."""
    return begin(f"{_name(record)} is done.")


def _quiet(records: Iterable[Record]) -> list[Record]:
    return [each for each in records if not each.data.get("ringing")]


def _here(context: ReadContext, label: str | None) -> list[Record]:
    """Return this device's timers, those with the label if one is given, the next one first."""
    mine = device_feed(context.device.id)
    found = [
        each
        for each in context.find(COLLECTION)
        if each.feed == mine and (label is None or _same(each, label))
    ]
    return sorted(found, key=lambda each: int(each.data["due"]))


def _same(record: Record, label: str) -> bool:
    """Say whether the label, or the length of a timer without one, is meant."""
    seconds = record.data["seconds"]
    names = (record.data["label"] or "", spoken_duration(seconds), _length(seconds))
    return label.lower() in {name.lower() for name in (*names, written(seconds))}


def _length(seconds: int) -> str:
    """Say a length before a noun: "1 hour 30 minute"."""
    return spoken_duration(seconds).replace("s ", " ").removesuffix("s")


def _name(record: Record) -> str:
    return f"the {record.data['label'] or _length(record.data['seconds'])} timer"


def _left(record: Record, now_ms: int) -> str:
    if record.data.get("ringing"):
        return f"{_name(record)} is ringing"
    left = max(0, -((now_ms - record.data["due"]) // 1000))
    return f"{spoken_duration(left)} left on {_name(record)}"


def _unknown(label: str | None) -> Result:
    text = f"There is no {label} timer." if label else "No timer is set."
    return Result(text=text, error=ErrorCode.NOT_FOUND if label else None)
