"""A household with a real virtual home: folders, keys, TLS links, for the tests of this room."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from manyends.protocol.hlc import Hlc
from manyends.protocol.identity import Identity, b64
from manyends.protocol.ids import HOUSEHOLD, new_id
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import NodeConfig, StateFolder
from manyends.protocol.io.lines import LinesClient
from manyends.protocol.ops import OpId, write
from manyends.protocol.payloads import Genesis
from manyends.protocol.roster import Person, Profile, Role, Roster, RosterEntry
from manyends.skills.home.client import HomeLink
from manyends.skills.home.model import HomeView
from manyends.skills.home.virtual import VirtualHome

DEVICES: list[dict[str, Any]] = [
    {"id": "light.kitchen", "name": "kitchen light", "kind": "light", "area": "kitchen"},
    {"id": "lock.front", "name": "front door", "kind": "lock", "area": "hall"},
    {
        "id": "cover.bed",
        "name": "bedroom blinds",
        "aliases": ["blinds"],
        "kind": "cover",
        "area": "bedroom",
        "state": {"position": 70},
    },
    {
        "id": "media.kitchen",
        "name": "kitchen speaker",
        "kind": "media",
        "area": "kitchen",
        "state": {"playing": True, "item": "Blue", "position_s": 42},
    },
    {"id": "media.hall", "name": "hall speaker", "kind": "media", "area": "hall"},
]


@dataclass
class Follower:
    """A running `HomeLink`, with what it told and saved."""

    link: HomeLink
    told: asyncio.Queue[dict[str, object]]
    saved: list[HomeView] = field(default_factory=list)

    async def reachable(self, wanted: bool = True) -> None:
        """Wait until the link says that the home is there, or is not."""
        async with asyncio.timeout(10):
            while self.link.reachable is not wanted:
                await self.told.get()


class House:
    """One household: Ana's phone, a hub, and the home's state folder."""

    def __init__(self, path: Path, listen: str = "127.0.0.1:0") -> None:
        self.folder = StateFolder(path / "home")
        device = new_id("dev", secrets.token_bytes)
        self.config = NodeConfig(name="home", device=device, profile=Profile.HOME, listen=listen)
        public, pin = self.folder.create(self.config)
        self.ana = Person(id=new_id("person", secrets.token_bytes), name="Ana", role=Role.OWNER)
        self.keys = {name: secrets.token_bytes(32) for name in ("phone", "hub", "stranger")}
        home = RosterEntry(
            id=device, name="home", profile=Profile.HOME, device_key=public, tls_key=pin
        )
        self.entries = {
            name: RosterEntry(
                id=new_id("dev", secrets.token_bytes),
                name=name,
                profile=Profile.HUB if name == "hub" else Profile.PHONE,
                person=None if name == "hub" else self.ana.id,
                device_key=Identity(key).public,
            )
            for name, key in self.keys.items()
        }
        self.roster = Roster(
            household=new_id("house", secrets.token_bytes),
            people=(self.ana,),
            devices=(home, self.entries["phone"], self.entries["hub"]),
        )
        genesis = write(
            OpId(device, HOUSEHOLD, 1),
            str(Hlc(1, 0)),
            "roster.genesis",
            Genesis(roster=self.roster).model_dump(mode="json"),
            b64(secrets.token_bytes(16)),
            self.folder.identity(),
        )
        self.folder.found(genesis)
        self.describe({"areas": ["kitchen", "hall", "bedroom"], "devices": DEVICES})
        self.port = 0

    def describe(self, content: object) -> None:
        """Write `home.json`."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder.path / "home.json").write_text(text)

    @asynccontextmanager
    async def running(self, control: Path | None = None) -> AsyncIterator[VirtualHome]:
        """Run the home in this process, on the same port as before."""
        home = VirtualHome(self.folder, Clock(), control)
        stop = asyncio.Event()
        task = asyncio.create_task(home.run(stop))
        ready = asyncio.create_task(home.ready.wait())
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        try:
            if not task.done():
                self.port = home.port
                listen = f"127.0.0.1:{home.port}"
                self.folder.configure(self.config.model_copy(update={"listen": listen}))
                yield home
        finally:
            stop.set()
            await task

    @asynccontextmanager
    async def following(
        self, name: str = "phone", view: HomeView | None = None
    ) -> AsyncIterator[Follower]:
        """Run a link from this device to the home."""
        told: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        saved: list[HomeView] = []
        link = HomeLink(
            f"127.0.0.1:{self.port}",
            self.config.device,
            self.entries[name],
            Identity(self.keys[name]),
            self.roster.device,
            Clock(),
            told.put_nowait,
            lambda: view,
            saved.append,
        )
        task = asyncio.create_task(link.run())
        try:
            yield Follower(link, told, saved)
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    @asynccontextmanager
    async def user(self) -> AsyncIterator[LinesClient]:
        """Connect to the home's user socket."""
        client = await LinesClient.connect(self.folder.socket)
        try:
            yield client
        finally:
            await client.close()


MakeHouse = Callable[..., House]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A household whose home listens on any free port."""
    return House(tmp_path)


@pytest.fixture
def new_house(tmp_path: Path) -> MakeHouse:
    """Make a household whose home listens where it is told."""
    return lambda listen: House(tmp_path, listen)
