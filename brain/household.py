"""Founding a household on one machine: state folders with keys, and the first roster."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from manyends.protocol.hlc import Hlc
from manyends.protocol.ids import HOUSEHOLD, new_id
from manyends.protocol.io.folder import ConfigError, NodeConfig, StateFolder
from manyends.protocol.ops import OpId, write
from manyends.protocol.payloads import Genesis
from manyends.protocol.roster import Person, Profile, Role, Roster, RosterEntry
from manyends.skills.home.description import FILE as HOME_FILE


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonPlan(_Plan):
    """Somebody who will belong."""

    name: str
    role: Role = Role.OWNER


class EndPlan(_Plan):
    """A device that will belong, to a person or to an area."""

    name: str
    profile: Profile
    person: str | None = None
    area: str | None = None


class HomePlan(_Plan):
    """What stands in the virtual home, each device in the shape of `home.json`."""

    areas: list[str] = []
    devices: list[dict[str, Any]] = []


class HouseholdPlan(_Plan):
    """All that a new household has, and where its nodes listen (`host:port` by name)."""

    people: list[PersonPlan]
    ends: list[EndPlan]
    home: HomePlan | None = None
    model: str = "none"
    addresses: dict[str, str] = {}


def found(folder: Path, plan: HouseholdPlan) -> dict[str, Path]:
    """Make the state folders of a household; return them by name, `brain` and `home` included.

    Each node is told the addresses of the others. Raises `ConfigError`, before anything is made,
    if a name is used twice (in any case), or a person is named who isn't there.
    """
    nodes = [EndPlan(name="brain", profile=Profile.BRAIN), *plan.ends]
    if plan.home is not None:
        nodes.append(EndPlan(name="home", profile=Profile.HOME))
    names = [each.name for each in nodes]
    _refuse_twice("devices", names)
    _refuse_twice("people", [each.name for each in plan.people])
    for end in plan.ends:
        if end.person is not None and end.person not in [each.name for each in plan.people]:
            raise ConfigError(f"{end.name} belongs to {end.person}, who is not in the household")
    people = tuple(
        Person(id=new_id("per", secrets.token_bytes), name=each.name, role=each.role)
        for each in plan.people
    )
    ids = {name: new_id("dev", secrets.token_bytes) for name in names}
    peers = {ids[name]: address for name, address in plan.addresses.items() if name in ids}
    folders = {name: StateFolder(folder / f"node{n}") for n, name in enumerate(names)}
    entries = [_join(folders[each.name], each, ids[each.name], people, peers) for each in nodes]
    if plan.home is not None:
        content = plan.home.model_dump(mode="json")
        (folders["home"].path / HOME_FILE).write_text(json.dumps(content, indent=1) + "\n")
    brain = folders["brain"]
    brain.configure(brain.config().model_copy(update={"model": plan.model}))
    roster = Roster(
        household=new_id("hou", secrets.token_bytes), people=people, devices=tuple(entries)
    )
    genesis = write(
        OpId(ids["brain"], HOUSEHOLD, 1),
        str(Hlc(time.time_ns() // 1_000_000, 0)),
        "roster.genesis",
        Genesis(roster=roster).model_dump(mode="json", exclude_none=True),
        secrets.token_hex(8),
        brain.identity(),
    )
    for each in folders.values():
        each.found(genesis)
    return {name: each.path for name, each in folders.items()}


def _refuse_twice(what: str, names: list[str]) -> None:
    small = [name.lower() for name in names]
    twice = {name for name in names if small.count(name.lower()) > 1}
    if twice:
        raise ConfigError(f"two {what} are called {', '.join(sorted(twice))}")


def route(state: Path, peer_name: str, address: str) -> None:
    """Tell one node where it finds a peer; `ConfigError` if there is no peer of that name."""
    folder = StateFolder(state)
    peer = folder.roster().named(peer_name)
    if peer is None:
        raise ConfigError(f"there is no device called {peer_name}")
    config = folder.config()
    folder.configure(config.model_copy(update={"peers": {**config.peers, peer.id: address}}))


def _join(
    folder: StateFolder,
    plan: EndPlan,
    device: str,
    people: tuple[Person, ...],
    peers: dict[str, str],
) -> RosterEntry:
    """Make one node's folder and its line of the roster."""
    owner = next((each for each in people if each.name == plan.person), None)
    others = {peer: address for peer, address in peers.items() if peer != device}
    config = NodeConfig(
        name=plan.name,
        device=device,
        profile=plan.profile,
        listen=peers.get(device),
        peers=others,
    )
    key, pin = folder.create(config)
    return RosterEntry(
        id=device,
        name=plan.name,
        profile=plan.profile,
        person=owner.id if owner else None,
        area=plan.area,
        device_key=key,
        tls_key=pin,
    )


def move_to(nodes: dict[str, Path], addresses: dict[str, str]) -> None:
    """Let nodes of one machine listen elsewhere, and tell all the others."""
    for name, address in addresses.items():
        folder = StateFolder(nodes[name])
        config = folder.config()
        if config.listen == address:
            continue
        folder.configure(config.model_copy(update={"listen": address}))
        for other, path in nodes.items():
            if other != name:
                route(path, name, address)
