"""Notes that a person keeps; on a device that is nobody's, the household's."""

from typing import Annotated

from pydantic import Field

from manyends.protocol.errors import ErrorCode
from manyends.protocol.task import Call, Effect, Result, Risk

from ..phrases import joined
from ..sdk import ReadContext, Scope, StoredContext, action

COLLECTION = "notes"

Text = Annotated[str, Field(min_length=1, max_length=2000)]


@action("notes.add", risk=Risk.LOW, effect=Effect.STORED)
def add(context: StoredContext, text: Text) -> Result:
    """Write down a note."""
    data = {"text": text, "at": context.now_ms}
    context.put(COLLECTION, context.task.id, data, Scope.PERSON)
    return Result(text=f"I noted: {text}", inverse=Call(action="notes.remove", args={"text": text}))


@action("notes.read", risk=Risk.READ, effect=Effect.STORED)
def read(context: ReadContext) -> Result:
    """Read out all notes."""
    texts = [str(each.data["text"]) for each in context.find(COLLECTION)]
    if not texts:
        return Result(text="There are no notes.")
    return Result(text=f"Your notes: {'; '.join(texts)}.", data={"notes": texts})


@action("notes.remove", risk=Risk.LOW, effect=Effect.STORED)
def remove(context: StoredContext, text: Text) -> Result:
    """Remove the note that has these words."""
    sought = text.strip().lower()
    notes = context.find(COLLECTION)
    found = [each for each in notes if sought in each.data["text"].lower()]
    # The whole text of one note may be a part of another's.
    exact = [each for each in found if sought == each.data["text"].strip().lower()]
    chosen = exact[-1:] or found
    if not chosen:
        return Result(text=f"There is no note about {text}.", error=ErrorCode.NOT_FOUND)
    if len(chosen) > 1:
        which = joined([str(each.data["text"]) for each in chosen])
        return Result(text=f"More than one note fits: {which}.", error=ErrorCode.NOT_FOUND)
    context.drop(chosen[0])
    said = str(chosen[0].data["text"])
    return Result(
        text=f"I removed the note: {said}", inverse=Call(action="notes.add", args={"text": said})
    )
