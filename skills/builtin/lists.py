"""Lists that the household shares, such as the shopping list: one record for each item."""

from typing import Annotated

from pydantic import AfterValidator, Field

from manyends.protocol.errors import ErrorCode
from manyends.protocol.identity import digest
from manyends.protocol.task import Call, Effect, Result, Risk

from ..phrases import begin, joined, the
from ..sdk import ReadContext, Record, Scope, StoredContext, action

COLLECTION = "list_items"


def _bare(name: str) -> str:
    """Return a list's name without "the" and "list"; a list without a name is for shopping."""
    return name.lower().strip().removeprefix("the ").removesuffix("list").strip() or "shopping"


ListName = Annotated[
    str, Field(max_length=60, description="as shopping or to do"), AfterValidator(_bare)
]
Item = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(lambda text: text.strip() or "item")
]


def _record(name: str, item: str) -> str:
    """Return the id of an item's record.

    It is the same on every device, so that two who add milk at the same time have one milk; and
    a digest, so that it tells nothing once the item is gone.
    """
    return digest("list item", [name, item.lower()])[:22]


def _find(context: ReadContext, name: str, item: str) -> Record | None:
    sought = _record(name, item)
    return next((each for each in context.find(COLLECTION) if each.id == sought), None)


# "list" and "item" are what people and the sentences call these arguments.
@action("list.add", risk=Risk.LOW, effect=Effect.STORED)
def add(context: StoredContext, list: ListName, item: Item) -> Result:  # noqa: A002
    """Put an item on a list."""
    there = _find(context, list, item)
    if there is not None:
        return Result(text=f"{begin(there.data['item'])} is already on the {list} list.")
    data = {"list": list, "item": item, "at": context.now_ms}
    context.put(COLLECTION, _record(list, item), data, Scope.HOUSEHOLD)
    back = Call(action="list.remove", args={"list": list, "item": item})
    return Result(text=f"I put {item} on the {list} list.", inverse=back)


@action("list.remove", risk=Risk.LOW, effect=Effect.STORED)
def remove(context: StoredContext, list: ListName, item: Item) -> Result:  # noqa: A002
    """Take an item off a list."""
    there = _find(context, list, item)
    if there is None:
        text = f"{begin(the(item))} is not on the {list} list."
        return Result(text=text, error=ErrorCode.NOT_FOUND)
    context.drop(there)
    back = Call(action="list.add", args={"list": list, "item": there.data["item"]})
    return Result(text=f"I took {there.data['item']} off the {list} list.", inverse=back)


@action("list.read", risk=Risk.READ, effect=Effect.STORED)
def read(context: ReadContext, list: ListName = "shopping") -> Result:  # noqa: A002
    """Read out a list."""
    found = [each.data for each in context.find(COLLECTION) if each.data["list"] == list]
    items = [str(each["item"]) for each in sorted(found, key=lambda data: data["at"])]
    if not items:
        return Result(text=f"The {list} list is empty.")
    return Result(text=f"On the {list} list: {joined(items)}.", data={"items": items})
