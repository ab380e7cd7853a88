"""What a skill is written with: the `@action` decorator and what an action gets to work with.

An action is a typed function. Its docstring describes it, its parameters become a schema, and the
decorator says how risky it is, how it may be repeated, and where it runs:

    @action("plants.water", risk=Risk.LOW, effect=Effect.STORED)
    def water(context: StoredContext, plant: str) -> Result:
        '''Note that a plant was watered.'''
        context.put("plants", plant, {"watered": context.now_ms}, Scope.HOUSEHOLD)
        return Result(text=f"I noted that you watered the {plant}.")

`stored` actions are plain functions: what they put is committed together with the task's result.
`settable` and `once` actions are coroutines, since they touch the world; what they put is written
when they have succeeded.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.roster import Profile, RosterEntry
from manyends.protocol.task import Effect, Result, Risk, Task

from .home.model import HomeView, Outcome


class Scope(StrEnum):
    """Who shares a record: the person it is for (the household if nobody), all, or one device."""

    PERSON = "person"
    HOUSEHOLD = "household"
    DEVICE = "device"


class Where(StrEnum):
    """Where an action runs when nobody names a device."""

    ASKER = "asker"
    """On the device that was spoken to."""
    HOME = "home"
    """On the device that was spoken to if it reaches the home, else on its serving node."""
    SERVING = "serving"
    """On the serving node: the brain, while it is there."""


class Record(BaseModel):
    """A thing that a skill keeps: one row of a collection, replicated with its feed."""

    model_config = ConfigDict(frozen=True)

    collection: str
    id: str
    feed: str
    data: dict[str, Any]
    put_at: str
    """The stamp of the change that wrote it; later stamps replace earlier ones."""


class HomePort(Protocol):
    """The way to the home's devices, whatever bridge stands behind it."""

    def view(self) -> HomeView:
        """Return the newest snapshot; an empty one if no home was ever reached."""
        ...

    async def command(
        self, device: str, action: str, args: dict[str, Any], key: str, unchanged: int | None = None
    ) -> Outcome:
        """Carry out one command under an idempotency key.

        The task's key will do for its only command; a second one needs a key of its own, such as
        the task's with a suffix.

        With `unchanged`, only if the device's change counter still has this value. Raises
        `ProtocolError` `timeout` if the home does not answer.
        """
        ...

    async def carried_out(self, key: str) -> Outcome | None:
        """Read back whether the command of this key was carried out; None if it was not."""
        ...


class ReadContext(Protocol):
    """What every action may look at."""

    @property
    def now_ms(self) -> int:
        """Wall milliseconds since 1970."""
        ...

    @property
    def task(self) -> Task:
        """The task that is run."""
        ...

    @property
    def device(self) -> RosterEntry:
        """The device that runs it."""
        ...

    def find(self, collection: str) -> list[Record]:
        """Return the records of a collection that this task's person may see here, oldest first."""
        ...


class StoredContext(ReadContext, Protocol):
    """What a `stored` action works with, inside one transaction."""

    def put(self, collection: str, record: str, data: dict[str, Any], scope: Scope) -> None:
        """Write a record, new or in place of the one with the same id."""
        ...

    def drop(self, record: Record) -> None:
        """Remove a record, everywhere."""
        ...


class RunContext(ReadContext, Protocol):
    """What a `settable` or `once` action works with."""

    @property
    def home(self) -> HomePort:
        """The home."""
        ...

    def put(self, collection: str, record: str, data: dict[str, Any], scope: Scope) -> None:
        """Have a record written together with the result, if the action succeeds."""
        ...

    def open_page(self, url: str) -> None:
        """Show a page in this device's browser; `OSError` if there is none."""
        ...


Stored = Callable[..., Result]
Running = Callable[..., Awaitable[Result]]
ReadBack = Callable[[RunContext], Awaitable[Result | None]]


@dataclass(frozen=True)
class Action:
    """A function that can be asked for, with all that the rest of the house must know of it."""

    name: str
    description: str
    risk: Risk
    effect: Effect
    where: Where
    profiles: frozenset[Profile]
    """Only devices of these profiles can run it; empty means any."""
    arguments: type[BaseModel]
    run: Stored | Running
    read_back: ReadBack | None
    """Finds out after a crash what became of a `once` effect; gives None if nobody can know."""

    def check(self, args: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments in their proper types.

        Raises `ProtocolError` `bad_message` that names each wrong argument.
        """
        try:
            return self.arguments.model_validate(args).model_dump()
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(str(part) for part in each['loc']) or 'arguments'}: {each['msg']}"
                for each in error.errors(include_url=False)
            )
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"{self.name} can't be run: {wrong}"
            ) from None


def action(
    name: str,
    *,
    risk: Risk,
    effect: Effect,
    where: Where = Where.ASKER,
    runs_on: tuple[Profile, ...] = (),
    read_back: ReadBack | None = None,
) -> Callable[[Stored | Running], Action]:
    """Make an `Action` of a function whose first parameter is its context.

    The other parameters need annotations; they become the schema, with unknown names refused.
    """

    def wrap(function: Stored | Running) -> Action:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        fields: dict[str, Any] = {
            each.name: (each.annotation, ... if each.default is each.empty else each.default)
            for each in parameters
        }
        model = create_model(
            f"Arguments of {name}", __config__=ConfigDict(extra="forbid"), **fields
        )
        return Action(
            name=name,
            description=inspect.getdoc(function) or "",
            risk=risk,
            effect=effect,
            where=where,
            profiles=frozenset(runs_on),
            arguments=model,
            run=function,
            read_back=read_back,
        )

    return wrap
