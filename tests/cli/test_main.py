"""The command line's manners: wrong use, names that are not there, help, exit codes."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from manyends import __version__
from manyends.cli.main import main
from manyends.cli.places import default_folder, models_folder
from manyends.protocol.io.folder import StateFolder

from .conftest import two_ports

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["fly"],
        ["ask"],
        ["ask", "--loud", "hello"],
        ["call"],
        ["tasks", "wash"],
        ["audit"],
        ["audit", "show", "--limit", "many"],
        ["models", "forget"],
        ["up", "--port", "here"],
        ["brain"],
        ["eval"],
        ["eval", "scenarios"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_said_with_the_usage_and_code_2(line: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert "usage: manyends" in capsys.readouterr().err


def test_the_version_is_told(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"manyends {__version__}\n"


COMMANDS = [
    ["ask", "hello"],
    ["call", "notes.add", "text=bread"],
    ["tasks"],
    ["ends"],
    ["why"],
    ["audit", "verify"],
    ["audit", "show"],
]


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_without_a_household_the_way_to_one_is_said(
    line: list[str], folder: Path, capsys: Capture
) -> None:
    assert main([*line, "--household", str(folder / "none")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no household in" in said.err
    assert "manyends up" in said.err


def test_a_file_is_no_household(folder: Path, capsys: Capture) -> None:
    (folder / "file").write_text("x")
    assert main(["ends", "--household", str(folder / "file")]) == 2
    assert "there is no household in" in capsys.readouterr().err
    up = ["up", "--port", str(two_ports()), "--model", "none"]
    assert main([*up, "--household", str(folder / "file")]) == 2
    assert f"the household can't be kept in {folder / 'file'}" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", '{"brain": 7}', "\x00"])
def test_a_damaged_index_is_said(folder: Path, content: str, capsys: Capture) -> None:
    (folder / "household.json").write_text(content)
    for command in ("ends", "up"):
        assert main([command, "--household", str(folder)]) == 2
        assert "household.json is damaged" in capsys.readouterr().err


def test_an_index_that_can_not_be_read_is_said(folder: Path, capsys: Capture) -> None:
    (folder / "household.json").mkdir()
    assert main(["ends", "--household", str(folder)]) == 2
    assert f"can't be read: {os.strerror(errno.EISDIR)}" in capsys.readouterr().err


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_an_unknown_node_lists_the_names(line: list[str], still: Path, capsys: Capture) -> None:
    assert main([*line, "--household", str(still), "--on", "attic"]) == 2
    err = capsys.readouterr().err
    assert "'attic'" in err
    assert "brain, kitchen hub, laptop, watch, home" in err


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_a_node_that_does_not_run_is_said(line: list[str], still: Path, capsys: Capture) -> None:
    assert main([*line, "--household", str(still)]) == 2
    err = capsys.readouterr().err
    assert "does not run here" in err
    assert "manyends up" in err


@pytest.mark.parametrize(
    ("part", "name", "says"),
    [
        ("brain", "watch", "is the folder of a wearable; run: manyends end"),
        ("home", "brain", "is the folder of a brain; run: manyends brain"),
        ("end", "brain", "is the folder of a brain; run: manyends brain"),
        ("end", "home", "is the folder of a home; run: manyends home"),
    ],
)
def test_a_folder_of_another_part_is_refused(
    part: str, name: str, says: str, still: Path, capsys: Capture
) -> None:
    path = still / f"node{['brain', 'kitchen hub', 'laptop', 'watch', 'home'].index(name)}"
    assert main([part, "--state", str(path)]) == 2
    assert says in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_said(folder: Path, capsys: Capture) -> None:
    assert main(["end", "--state", str(folder / "nowhere")]) == 2
    assert "node.toml is not there" in capsys.readouterr().err


def test_a_brain_of_an_unknown_model_says_which_there_are(still: Path) -> None:
    brain = StateFolder(still / "node0")
    brain.configure(brain.config().model_copy(update={"model": "hal"}))
    command = [sys.executable, "-m", "manyends.cli.main", "brain", "--state", str(brain.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "'hal'" in done.stderr.splitlines()[-1]
    assert "smollm2-135m" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_who_stops_reading_gets_no_trace(still: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "manyends.cli.main", "doctor", "--household", str(still)]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=30)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_stop_in_the_middle_is_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("manyends.cli.doctor.doctor", stopped)
    assert main(["doctor"]) == 130


def test_the_folders_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MANYENDS_HOUSEHOLD", "MANYENDS_MODELS", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ana")
    assert default_folder() == Path("/home/ana/.local/share/manyends")
    assert models_folder() == Path("/home/ana/.cache/manyends/models")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_folder() == Path("/data/manyends")
    assert models_folder() == Path("/cache/manyends/models")
    monkeypatch.setenv("MANYENDS_HOUSEHOLD", "/mine")
    monkeypatch.setenv("MANYENDS_MODELS", "/models")
    assert (default_folder(), models_folder()) == (Path("/mine"), Path("/models"))


def test_an_evaluation_of_what_is_not_there_is_an_error(folder: Path, capsys: Capture) -> None:
    assert main(["eval", "scenarios", str(folder / "none.yaml"), "--json"]) != 0


def test_an_evaluation_without_what_it_compares_with_says_how_to_get_it(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "manyends.evals.reflex", None)
    assert main(["eval", "reflex", str(folder)]) == 2
    assert 'pip install "manyends[eval]"' in capsys.readouterr().err
