"""The audit record: what is found when somebody changes it, and what leaves it whole."""

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from manyends.brain import audit
from manyends.brain.household import EndPlan, HouseholdPlan, PersonPlan, found
from manyends.brain.node import Brain
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.roster import Profile

PLAN = HouseholdPlan(
    people=[PersonPlan(name="Ana")],
    ends=[EndPlan(name="watch", profile=Profile.WEARABLE, person="Ana")],
)


@dataclass
class Record:
    """A brain's database between two runs of it."""

    folder: StateFolder

    async def say(self, *lines: str) -> None:
        """Run the brain, and say this to it."""
        brain = Brain(self.folder, self.folder.config(), Clock(), self.folder.path)
        ready, stop = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(brain.run(stop, ready.set))
            await ready.wait()
            for line in lines:
                await brain.node.conversation.say(line, None, lambda piece: None)
            stop.set()

    def change(self, statement: str, *values: object) -> None:
        """Do what somebody with the file in their hands may do."""
        with contextlib.closing(sqlite3.connect(self.folder.database)) as connection, connection:
            assert connection.execute(statement, values).rowcount > 0

    def rows(self, query: str) -> list[sqlite3.Row]:
        """Look into the file."""
        with contextlib.closing(sqlite3.connect(self.folder.database)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query).fetchall()

    def verify(self) -> audit.Verdict:
        """Check the record as the brain does."""
        with contextlib.closing(sqlite3.connect(self.folder.database)) as connection:
            connection.row_factory = sqlite3.Row
            return audit.verify(connection)


@pytest.fixture
def record(folder: Path) -> Record:
    """The record of a brain to which nothing was said yet."""
    return Record(StateFolder(found(folder, PLAN)["brain"]))


async def test_a_record_of_nothing_is_whole(record: Record) -> None:
    await record.say()
    assert record.verify() == audit.Verdict(True, 0)


async def test_what_was_asked_done_and_answered_is_recorded_and_whole(record: Record) -> None:
    await record.say("add milk to the shopping list")
    kinds = [row["kind"] for row in record.rows("SELECT kind FROM audit ORDER BY n")]
    assert kinds == ["asked", "succeeded", "answered"]
    assert record.verify() == audit.Verdict(True, 3)


async def test_the_chain_goes_on_over_a_restart(record: Record) -> None:
    await record.say("add milk to the shopping list")
    await record.say("add bread to the shopping list")
    assert record.verify() == audit.Verdict(True, 6)


async def test_entries_are_shown_oldest_first_and_without_content(record: Record) -> None:
    await record.say("add caviar to the shopping list")
    with contextlib.closing(sqlite3.connect(record.folder.database)) as connection:
        connection.row_factory = sqlite3.Row
        shown = audit.entries(connection, 2)
    assert [each["n"] for each in shown] == [2, 3]
    assert "caviar" not in str(shown)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE audit SET at = at + 1 WHERE n = 2", "entry 2 was changed"),
        ("UPDATE audit SET kind = 'denied' WHERE n = 2", "entry 2 was changed"),
        ("UPDATE audit SET subject = subject || 'x' WHERE n = 2", "entry 2 was changed"),
        ("UPDATE audit SET salt = 'ff' WHERE n = 2", "entry 2 was changed"),
        ("UPDATE audit SET digest = 'x' WHERE n = 2", "entry 2 was changed"),
        ("UPDATE audit SET hash = 'x' WHERE n = 2", "entry 2 was changed"),
        ("UPDATE audit SET previous = 'x' WHERE n = 1", "entry 1 was changed"),
        ("DELETE FROM audit WHERE n = 1", "entry 1 is missing"),
        ("DELETE FROM audit WHERE n = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE n = 3", "what came after entry 2 is missing"),
        ("DELETE FROM audit WHERE n >= 2", "what came after entry 1 is missing"),
        ("DELETE FROM audit", "what came after entry 0 is missing"),
        ("UPDATE audit SET op = NULL WHERE n = 2", "what came after entry 3 is missing"),
        (
            "UPDATE payloads SET body = replace(body, 'milk', 'rum')"
            " WHERE op = (SELECT op FROM audit WHERE n = 1)",
            "what entry 1 is about was changed",
        ),
        (
            "UPDATE payloads SET body = 'no JSON' WHERE op = (SELECT op FROM audit WHERE n = 2)",
            "what entry 2 is about was changed",
        ),
        (
            "UPDATE payloads SET body = '' WHERE op = (SELECT op FROM audit WHERE n = 3)",
            "what entry 3 is about was changed",
        ),
    ],
)
async def test_a_change_is_found_and_its_place_named(
    record: Record, change: str, says: str
) -> None:
    await record.say("add milk to the shopping list")
    record.change(change)
    verdict = record.verify()
    assert not verdict.ok
    assert verdict.reason == says


async def test_an_entry_that_is_written_anew_breaks_the_next(record: Record) -> None:
    """Somebody who knows how a hash is made changes one entry with it."""
    await record.say("add milk to the shopping list")
    row = record.rows("SELECT * FROM audit WHERE n = 2")[0]
    content = (2, row["at"], "failed", *(row[name] for name in ("subject", "salt", "digest")))
    anew = audit._hash((*content, row["previous"]))
    record.change("UPDATE audit SET kind = 'failed', hash = ? WHERE n = 2", anew)
    assert record.verify().reason == "entry 3 was changed"


async def test_a_forgotten_payload_leaves_the_record_whole(record: Record) -> None:
    await record.say("add milk to the shopping list")
    record.change("DELETE FROM payloads WHERE op IN (SELECT op FROM audit)")
    assert record.verify() == audit.Verdict(True, 3)


async def test_who_cuts_off_the_end_and_all_it_was_about_is_not_found_by_the_brain_alone(
    record: Record,
) -> None:
    """What the brain can't know: for this, others would have to hold the chain's head."""
    await record.say("add milk to the shopping list")
    record.change("DELETE FROM payloads WHERE op = (SELECT op FROM audit WHERE n = 3)")
    record.change("DELETE FROM audit WHERE n = 3")
    assert record.verify() == audit.Verdict(True, 2)
