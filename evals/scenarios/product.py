"""The program under test, as the runner needs it: how to set it up, and how it is started."""

import sys
from pathlib import Path
from typing import Literal, Protocol

from manyends.brain.household import EndPlan, HomePlan, HouseholdPlan, PersonPlan, found, route
from manyends.protocol.roster import Profile, Role

from .format import Scenario

Part = Literal["brain", "home", "end"]


class Product(Protocol):
    """How to found a household and start its processes."""

    def found(self, folder: Path, scenario: Scenario, addresses: dict[str, str]) -> dict[str, Path]:
        """Make state folders below `folder`; return them by name: brain, home, and each end.

        `addresses` says where `brain` and `home` are to listen.
        """
        ...

    def route(self, state: Path, peer: str, address: str) -> None:
        """Tell the node of this state folder where it finds a peer."""
        ...

    def command(self, part: Part, state: Path) -> list[str]:
        """Return the command line that runs the node."""
        ...


class Manyends:
    """The real one."""

    def found(self, folder: Path, scenario: Scenario, addresses: dict[str, str]) -> dict[str, Path]:
        """Found the household with the command line's own code."""
        home = scenario.home
        plan = HouseholdPlan(
            people=[PersonPlan(name=each.name, role=Role(each.role)) for each in scenario.people],
            ends=[
                EndPlan(
                    name=each.name,
                    profile=Profile(each.profile),
                    person=each.person,
                    area=each.area,
                )
                for each in scenario.ends
            ],
            home=None
            if home is None
            else HomePlan(
                areas=home.areas,
                devices=[each.model_dump(exclude_none=True) for each in home.devices],
            ),
            model="none",
            addresses=addresses,
        )
        return found(folder, plan)

    def route(self, state: Path, peer: str, address: str) -> None:
        """Write the address into the node's configuration."""
        route(state, peer, address)

    def command(self, part: Part, state: Path) -> list[str]:
        """Return `manyends PART --state FOLDER`, run by this Python."""
        return [sys.executable, "-m", "manyends.cli.main", part, "--state", str(state)]
