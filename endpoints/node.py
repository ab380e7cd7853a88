"""A node: the parts that every device runs, put together and kept running."""

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from manyends.protocol.io.clock import Clock
from manyends.protocol.io.control import Observers, control_server
from manyends.protocol.io.folder import ConfigError, NodeConfig, StateFolder
from manyends.protocol.io.lines import Emit, Event, Handler, LinesServer
from manyends.protocol.roster import Profile
from manyends.protocol.task import State
from manyends.skills.home.client import HomeLink
from manyends.skills.home.model import HomeView
from manyends.skills.registry import Registry
from manyends.skills.sdk import HomePort

from .commands import Commands
from .conversation import Conversation
from .core import Core
from .effects import Effects
from .keeper import Keeper
from .network import Network
from .nohome import NoHome
from .opener import choose_opener
from .reflex.resolve import Reflex
from .replica import Reaction, Replica, Transaction
from .requests import Requests
from .scheduler import Scheduler
from .service import Service
from .showing import show
from .store import Store
from .worker import Worker

log = logging.getLogger(__name__)


class Node:
    """One device's part of the household. The brain is one with more duties (`brain/node.py`)."""

    def __init__(self, folder: StateFolder, config: NodeConfig, clock: Clock) -> None:
        """Put it together; raises `ConfigError` if its folder or database can't be used."""
        self.folder = folder
        self.config = config
        entry = folder.entry(config)
        self.reactions: dict[str, Reaction] = {}
        replica = Replica(
            entry,
            folder.identity(),
            folder.roster(),
            clock.wall_ms,
            secrets.token_bytes,
            self.reactions,
        )
        observers = Observers(keep="MANYENDS_CONTROL" in os.environ)
        self.core = Core(replica, Store(folder.database), clock, observers)
        self.registry = Registry.load()
        self.home_link = self._home_link()
        self.home: HomePort = self.home_link or NoHome()
        self.network = Network(self.core, config, lambda delta: self.conversation.on_delta(delta))
        self.effects = Effects(self.core, self.registry, self.home, choose_opener())
        self.keeper = Keeper(self.network.online)
        self.worker = Worker(self.registry, self.effects)
        self.requests = Requests(
            self.core, self.registry, self.network.online, self._home_reachable
        )
        self.commands = Commands(self.core, self.requests, self.home)
        self.reflex = Reflex()
        self.conversation = Conversation(
            self.core, self.reflex, self.requests, self.commands, self.home
        )
        self.scheduler = Scheduler(self.core, self.keeper)
        self.service = Service(self.core, self.conversation, self.commands, self.network)
        self.more_requests: dict[str, Handler] = {}
        """What the user's socket answers besides `Service`."""
        self._react()

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set; `ready` is called once the node can be spoken to.

        Raises `ConfigError` if it runs already or its address is taken. What breaks inside ends
        the whole node.
        """
        try:
            with self.folder.claimed():
                await self._live(stop, ready)
        except* _Stopped:
            pass
        except* ConfigError as several:
            raise _first(several) from None
        finally:
            self.core.store.close()

    async def _live(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        await self.core.write(self._begin)
        # At the end those outside are let go first: what they began is still taken up.
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            self.core.group = group
            await stack.enter_async_context(self.network.listening(self.folder))
            await self._serve(stack)
            group.create_task(self.network.dial(), name="dial")
            group.create_task(self.scheduler.run(), name="scheduler")
            if self.home_link is not None:
                home = group.create_task(self.home_link.run(), name="home link")
                stack.push_async_callback(_ended, home)
            self.effects.recover()
            ready()
            await stop.wait()
            raise _Stopped

    def counters(self) -> Event:
        """Return what a runner goes by to know that all is done."""
        wires = {link.name: (link.peer.id, link.wire) for link in self.network.links.values()}
        if self.home_link is not None and self.home_link.wire is not None:
            wire = self.home_link.wire
            peer = wire.session.peer
            wires[wire.session.link] = (peer.id if peer else "", wire)
        moving = self.core.store.reader.execute(
            "SELECT count(*) FROM effects WHERE stage IN ('accepted', 'intent')"
        ).fetchone()[0]
        moving += self.core.store.reader.execute(
            "SELECT count(*) FROM tasks WHERE keeper = ? AND state IN (?, ?)",
            (self.core.me.id, State.ACCEPTED, State.RUNNING),
        ).fetchone()[0]
        return {
            "name": self.core.me.name,
            "open_turns": self.conversation.open_turns,
            "moving_tasks": moving,
            "unsent": sum(link.unsent for link in self.network.links.values()),
            "serving": self.network.serving_node is not None,
            "links": {
                name: {"peer": peer, "out": wire.frames_out, "in": wire.frames_in}
                for name, (peer, wire) in wires.items()
            },
            "changes": self.core.changes,
        }

    def _react(self) -> None:
        """Say which part acts on which kind of mail."""
        self.reactions.update(
            {
                "task.offer": self.keeper.on_offer,
                "task.update": self.keeper.on_update,
                "task.cancel": self.keeper.on_cancel,
                "task.stop": self.worker.on_stop,
                "task.lease": self.worker.on_lease,
                "task.settle": self.worker.on_settle,
                "grant.given": self.worker.on_grant,
                "grant.refused": self.worker.on_refused,
                "task.report": self.requests.on_report,
                "turn.answered": self.conversation.on_answered,
            }
        )
        self.core.replica.witnesses.append(
            lambda tx, op, payload, number: show(self.core, tx, op, payload)
        )

    def _begin(self, tx: Transaction) -> None:
        """Bring the store to where this run can go on."""
        if tx.connection.execute("SELECT 1 FROM ops LIMIT 1").fetchone() is None:
            tx.apply(self.folder.genesis())
        self.conversation.recover(tx)
        self.requests.notify_late(tx)

    async def _serve(self, stack: AsyncExitStack) -> None:
        handlers: Mapping[str, Handler] = {**self.service.handlers(), **self.more_requests}
        servers = [LinesServer(self.folder.socket, handlers)]
        control = os.environ.get("MANYENDS_CONTROL")
        if control:
            servers.append(
                control_server(
                    Path(control),
                    self.core.clock,
                    self.core.observers,
                    self.counters,
                    {"touch": self._touch},
                )
            )
        for server in servers:
            await server.start()
            stack.push_async_callback(server.stop)

    async def _touch(self, request: Event, emit: Emit) -> Event:
        self.core.tell("touch")
        return {}

    def _home_reachable(self) -> bool:
        return self.home_link is not None and self.home_link.reachable

    def _home_link(self) -> HomeLink | None:
        homes = self.core.roster.of_profile(Profile.HOME)
        address = self.config.peers.get(homes[0].id) if homes else None
        if address is None:
            return None
        core = self.core
        return HomeLink(
            address,
            homes[0].id,
            core.me,
            core.replica.identity,
            core.roster.device,
            core.clock,
            self._on_home,
            self._load_home,
            self._save_home,
        )

    def _on_home(self, observation: Event) -> None:
        self.core.observers.tell({**observation, "end": self.core.me.name})
        if observation.get("reachable") and self.core.group is not None:
            self.effects.settle_doubts()

    def _load_home(self) -> HomeView | None:
        row = self.core.store.reader.execute("SELECT value FROM meta WHERE key = 'home'").fetchone()
        return HomeView.model_validate_json(row[0]) if row else None

    def _save_home(self, view: HomeView) -> None:
        text = view.model_dump_json()

        async def save() -> None:
            await self.core.store.write(
                lambda connection: connection.execute(
                    "INSERT OR REPLACE INTO meta VALUES ('home', ?)", (text,)
                )
            )

        self.core.spawn("save the home", save())


class _Stopped(Exception):  # noqa: N818 - ends the task group, is no error
    pass


def _first(several: BaseExceptionGroup[ConfigError]) -> ConfigError:
    """Return the first error of a group, however deep it lies."""
    first = several.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _ended(task: asyncio.Task[None]) -> None:
    """End a task that still has something to write down, and let it begin with that."""
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
