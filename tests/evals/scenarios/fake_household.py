"""How the runner sets up and starts the fake product."""

import json
import secrets
import sys
from pathlib import Path

from manyends.evals.scenarios.format import Scenario
from manyends.evals.scenarios.product import Part
from manyends.protocol.hlc import ZERO
from manyends.protocol.ids import HOUSEHOLD, new_id
from manyends.protocol.io.folder import NodeConfig, StateFolder
from manyends.protocol.ops import Op, OpId, write
from manyends.protocol.payloads import Genesis
from manyends.protocol.roster import Person, Profile, Role, Roster, RosterEntry

ROOT = Path(__file__).parents[3]
PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.evals.scenarios.fake_product import main
main()
"""


class FakeProduct:
    """Founds households of the fake and starts it, wrong in the way of `mutant`.

    `program` is the Python that its processes run.
    """

    def __init__(self, mutant: str = "", program: str = PROGRAM) -> None:
        self.mutant = mutant
        self.program = program

    def found(self, folder: Path, scenario: Scenario, addresses: dict[str, str]) -> dict[str, Path]:
        """Make folders with real configurations and a real roster."""
        people = {
            each.name: Person(id=_id("person"), name=each.name, role=Role(each.role))
            for each in scenario.people
        }
        profiles = {"brain": Profile.BRAIN} | ({"home": Profile.HOME} if scenario.home else {})
        profiles |= {each.name: Profile(each.profile) for each in scenario.ends}
        owners = {each.name: each.person for each in scenario.ends}
        entries = []
        folders = {name: StateFolder(folder / str(n)) for n, name in enumerate(profiles)}
        for name, state in folders.items():
            listen = addresses.get(name)
            config = NodeConfig(
                name=name, device=_id("device"), profile=profiles[name], listen=listen
            )
            key, pin = state.create(config)
            owner = owners.get(name)
            entry = RosterEntry(
                id=config.device,
                name=name,
                profile=config.profile,
                person=people[owner].id if owner else None,
                device_key=key,
                tls_key=pin,
            )
            entries.append(entry)
        roster = Roster(
            household=_id("household"), people=tuple(people.values()), devices=tuple(entries)
        )
        for state in folders.values():
            state.found(_genesis(folders["brain"], roster))
        if scenario.home:
            states = {each.id: each.state for each in scenario.home.devices}
            content = json.dumps({"states": states, "effects": {}})
            (folders["home"].path / "home.json").write_text(content)
        return {name: state.path for name, state in folders.items()}

    def route(self, state: Path, peer: str, address: str) -> None:
        """Write the address into the configuration."""
        folder = StateFolder(state)
        entry = folder.roster().named(peer)
        assert entry is not None
        config = folder.config()
        peers = {**config.peers, entry.id: address}
        folder.configure(config.model_copy(update={"peers": peers}))

    def command(self, part: Part, state: Path) -> list[str]:
        """Return how the fake is run."""
        mutant = ["--mutant", self.mutant] if self.mutant else []
        return [sys.executable, "-c", self.program, part, "--state", str(state), *mutant]


def _id(kind: str) -> str:
    return new_id(kind, secrets.token_bytes)


def _genesis(brain: StateFolder, roster: Roster) -> Op:
    place = OpId(brain.config().device, HOUSEHOLD, 1)
    payload = Genesis(roster=roster).model_dump(mode="json")
    return write(place, str(ZERO), "roster.genesis", payload, "salt", brain.identity())
