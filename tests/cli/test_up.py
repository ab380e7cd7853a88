"""`manyends up` with lines piped in: what is printed, what is kept, and how it ends."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from manyends.cli.main import main
from manyends.cli.places import read_index
from manyends.protocol.io.folder import StateFolder

from .conftest import DEADLINE, UP, environment, gone, processes, script, start, two_ports

Capture = pytest.CaptureFixture[str]

TALK = """\
# who is asked stands before the line
watch> add milk to the shopping list
hub> what is on the shopping list

laptop>
what is 5 > 3
/tasks
/ends
/why
/help
"""


@pytest.mark.timeout(180)
def test_a_script_is_answered_line_by_line_and_kept_over_a_restart(folder: Path) -> None:
    done = script(folder, TALK)
    out = done.stdout
    assert done.returncode == 0, out + done.stderr
    assert "There is no end called" not in out
    assert "# who" not in out
    for wanted in (
        "watch> add milk to the shopping list",
        "I put milk on the shopping list.  [reflex, ",
        "kitchen hub> what is on the shopping list",
        "laptop> what is 5 > 3",
        "I have no language model to think about it.  [brain, ",
        "  succeeded  list.add on watch",
        "  kitchen hub    online",
        "It was answered by the brain.",
        "Other commands:",
    ):
        assert wanted in out, out
    assert "A new household in" in done.stderr
    assert "The language model: none." in done.stderr
    again = script(folder, "hub> what is on the shopping list\n")
    assert "On the shopping list: milk." in again.stdout
    assert "A new household in" not in again.stderr
    afresh = script(folder, "/tasks\nhub> what is on the shopping list\n", "--fresh")
    assert "There are no tasks." in afresh.stdout
    assert "The shopping list is empty." in afresh.stdout
    assert "A new household in" in afresh.stderr
    assert gone(folder)


WRONG = ["attic> hello", "/dance", "watch> take dust off the cellar list"]


@pytest.mark.timeout(180)
def test_lines_that_fail_are_counted_and_the_others_still_done(folder: Path) -> None:
    lines = "\n".join([*WRONG, "watch> what is 6 times 7", "/quit", "attic> never read"])
    done = script(folder, lines)
    assert done.returncode == 1
    assert "There is no end called attic. There are: kitchen hub, laptop, watch" in done.stdout
    assert "/dance is not known." in done.stdout
    assert "42" in done.stdout
    assert "3 of these lines failed." in done.stderr
    assert "never read" not in done.stdout


@pytest.mark.timeout(180)
def test_every_json_line_can_be_read(folder: Path) -> None:
    lines = [*WRONG, "hub> unlock the front door", "watch> yes", "/tasks", "/ends", "/why", "/help"]
    done = script(folder, "\n".join([*lines, " \N{LATIN SMALL LETTER E WITH ACUTE}?"]), "--json")
    assert done.returncode == 1
    said = [json.loads(each) for each in done.stdout.splitlines()]
    assert [each["said"] for each in said if "said" in each] == [
        "attic> hello",
        "/dance",
        "take dust off the cellar list",
        "unlock the front door",
        "yes",
        "/tasks",
        "/ends",
        "/why",
        "/help",
        "\N{LATIN SMALL LETTER E WITH ACUTE}?",
    ]
    found: dict[str, Any] = {each.get("said", "notice"): each for each in said}
    assert found["attic> hello"]["error"] == "not_found"
    assert found["/dance"]["error"] == "unsupported"
    assert found["take dust off the cellar list"]["error"] == "not_found"
    assert found["unlock the front door"]["end"] == "kitchen hub"
    assert found["yes"]["ms"] > 0
    assert [each["action"] for each in found["/tasks"]["tasks"]][-1] == "lock.unlock"
    assert len(found["/ends"]["ends"]) == 5
    assert found["/why"]["utterance"] == "yes"
    assert found["notice"] == {"end": "kitchen hub", "notice": "I unlocked the front door."}


@pytest.mark.timeout(180)
def test_bytes_that_are_no_text_do_not_stop_it(folder: Path) -> None:
    done = subprocess.run(
        [*UP, "--port", str(two_ports())],
        env=environment(folder, PYTHONUTF8="1"),
        input=b"watch> \xff\xfe\nwatch> what is 6 times 7\n",
        capture_output=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 0
    assert b"42" in done.stdout


@pytest.mark.timeout(180)
def test_what_came_while_nobody_watched_is_shown_and_dropped(folder: Path) -> None:
    done = script(folder, "watch> add rope to the boat list\n")
    assert "I put rope on the boat list." in done.stdout
    _forget_the_answer(StateFolder(read_index(folder / "h")["watch"]).database)
    shown = script(folder, "watch> what is 6 times 7\n")
    assert shown.stdout.count("shows: I put rope on the boat list.") == 1
    again = script(folder, "watch> what is 6 times 7\n")
    assert "shows:" not in again.stdout


def _forget_the_answer(database: Path) -> None:
    """Leave the watch's disk as a kill does: something was done, and nobody was told."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute("UPDATE awaited SET told = 0").rowcount == 1


@pytest.mark.parametrize("next_one", [0, 1], ids=["brain", "home"])
def test_a_port_that_is_taken_is_said_with_the_way_out(folder: Path, next_one: int) -> None:
    port = two_ports()
    with socket.create_server(("127.0.0.1", port + next_one)):
        done = script(folder, "watch> hello\n", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"127.0.0.1:{port + next_one} can't be used: Address already in use" in done.stderr
    assert "manyends up --port PORT" in done.stderr
    assert gone(folder)


def test_a_household_that_runs_is_neither_started_twice_nor_forgotten(
    running: Path, capsys: Capture
) -> None:
    before = {name: StateFolder(path).config() for name, path in read_index(running).items()}
    for more in ([], ["--fresh"]):
        port = str(two_ports())
        assert main(["up", "--household", str(running), "--port", port, *more]) == 2
        assert "runs already. Stop that process first." in capsys.readouterr().err
    after = {name: StateFolder(path).config() for name, path in read_index(running).items()}
    assert after == before
    assert main(["ends", "--household", str(running)]) == 0


@pytest.mark.parametrize("port", ["0", "65535", "-1", "70000"])
def test_a_port_without_a_next_one_is_refused(folder: Path, port: str, capsys: Capture) -> None:
    assert main(["up", "--household", str(folder / "h"), f"--port={port}"]) == 2
    assert f"{port} is no port that leaves room for the next one" in capsys.readouterr().err
    assert not (folder / "h").exists()


def test_a_model_that_is_not_known_is_refused_before_anything_is_made(
    folder: Path, capsys: Capture
) -> None:
    assert main(["up", "--household", str(folder / "h"), "--model", "hal"]) == 2
    assert "Known are: none, smollm2-135m" in capsys.readouterr().err
    assert not (folder / "h").exists()


def test_a_node_that_can_not_start_is_said_with_its_last_words(folder: Path, still: Path) -> None:
    brain = StateFolder(read_index(still)["brain"])
    brain.database.write_bytes(b"no database" * 1000)
    done = script(folder, "watch> hello\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"brain did not start: the database {brain.database} can't be used" in done.stderr
    assert gone(folder)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_leaves_no_process_and_no_trace(
    folder: Path, how: signal.Signals, code: int
) -> None:
    process = start(folder)
    assert len(processes(folder)) == 5
    os.killpg(process.pid, how)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == code, err
    assert "Traceback" not in out + err
    assert gone(folder)


@pytest.mark.timeout(180)
def test_a_node_that_dies_meanwhile_is_said(folder: Path) -> None:
    process = start(folder)
    assert process.stdin is not None
    assert process.stdout is not None
    log = StateFolder(read_index(folder / "h")["laptop"]).path
    victim = next(int(each.name) for each in Path("/proc").glob("[0-9]*") if _runs(each, log))
    os.kill(victim, signal.SIGKILL)
    assert process.stdout.readline() == "laptop: the process went away\n"
    process.stdin.write("laptop> hello\n/quit\n")
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "the process went away" in out
    assert "2 of these lines failed." in err
    assert gone(folder)


def _runs(process: Path, state: Path) -> bool:
    try:
        return (process / "cmdline").read_text().split("\0")[-2:] == [str(state), ""]
    except OSError:
        return False
