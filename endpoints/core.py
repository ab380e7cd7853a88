"""What the parts of a node share: who it is, its store, its clock, and how work is started."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.control import Observers
from manyends.protocol.roster import Roster, RosterEntry

from .replica import Replica, Transaction
from .store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class Core:
    """The ground that keeper, worker, conversation and links stand on."""

    replica: Replica
    store: Store
    clock: Clock
    observers: Observers
    group: asyncio.TaskGroup | None = None
    committed: list[Callable[[], None]] = field(default_factory=list)
    """Called on the event loop after every change: links send, the scheduler looks again."""
    changes: int = 0

    @property
    def me(self) -> RosterEntry:
        """This device."""
        return self.replica.me

    @property
    def roster(self) -> Roster:
        """The household."""
        return self.replica.roster

    async def write(self, function: Callable[[Transaction], T]) -> T:
        """Run a function in a transaction; when it returns, all is on disk and followed up.

        Raises what the function raises (nothing was written then), and `ProtocolError` `storage`.
        """
        opened: list[Transaction] = []

        def run(connection: Any) -> T:
            tx = self.replica.begin(connection)
            opened.append(tx)
            result = function(tx)
            tx.finish()
            return result

        def after() -> None:
            self.changes += 1
            for follow_up in opened[0].follow_ups:
                follow_up()
            for listener in self.committed:
                listener()

        return await self.store.write(run, after)

    async def carry(self, name: str, work: Coroutine[Any, Any, T]) -> T:
        """Return what a piece of work comes to; it is carried to its end if the caller goes away.

        Raises what the work raises.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                result = await work
            except Exception as error:
                if done.cancelled():
                    raise
                done.set_exception(error)
            else:
                if not done.cancelled():
                    done.set_result(result)

        self.spawn(name, run())
        return await done

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a part of the node, which cancels it at its end.

        What goes wrong ends only this piece of work, and is logged.
        """
        assert self.group is not None, "the node is not running"

        async def guarded() -> None:
            try:
                await work
            except ProtocolError as refusal:
                log.error("%s: %s", name, refusal)
            except Exception:
                log.exception("%s broke", name)

        self.group.create_task(guarded(), name=name)

    def tell(self, observation: str, **content: Any) -> None:
        """Let those who watch this node know."""
        self.observers.tell({"observation": observation, "end": self.me.name, **content})
