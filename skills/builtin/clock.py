"""What time and what day it is, in this device's time zone."""

from datetime import datetime

from manyends.protocol.task import Effect, Result, Risk

from ..sdk import ReadContext, action


def _now(context: ReadContext) -> datetime:
    return datetime.fromtimestamp(context.now_ms / 1000).astimezone()


@action("clock.time", risk=Risk.READ, effect=Effect.STORED)
def time(context: ReadContext) -> Result:
    """Say what time it is."""
    now = _now(context)
    return Result(text=f"It is {now:%H:%M}.", data={"time": now.isoformat()})


@action("clock.date", risk=Risk.READ, effect=Effect.STORED)
def date(context: ReadContext) -> Result:
    """Say what day it is."""
    now = _now(context)
    return Result(text=f"It is {now:%A}, {now.day} {now:%B %Y}.", data={"date": now.isoformat()})
