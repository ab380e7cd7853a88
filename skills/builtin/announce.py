"""Says something aloud on a device, whoever is there."""

from typing import Annotated

from pydantic import Field

from manyends.protocol.task import Effect, Result, Risk

from ..phrases import the
from ..sdk import Scope, StoredContext, action

COLLECTION = "announcements"
"""The device says each new record and may then drop it."""


@action("announce.say", risk=Risk.LOW, effect=Effect.STORED)
def say(
    context: StoredContext, text: Annotated[str, Field(min_length=1, max_length=1000)]
) -> Result:
    """Announce something on a device."""
    data = {"text": text, "from": context.task.asker}
    context.put(COLLECTION, context.task.id, data, Scope.DEVICE)
    area = context.device.area
    where = f"in {the(area)}" if area else f"on {the(context.device.name)}"
    return Result(text=f"I announced it {where}.")
