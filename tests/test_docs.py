"""What the documentation shows, works: its lines are run, its files and links are there."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("protocol/*.md")])


def block(page: Path, mark: str) -> str:
    """Return the code block behind `<!-- test: MARK -->`."""
    found = re.search(
        rf"<!-- test: {re.escape(mark)} -->\n```\w+\n(.*?)```", page.read_text(), re.S
    )
    assert found, f"{page.name} has no block for {mark!r}"
    return found[1]


def manyends(*arguments: str) -> list[str]:
    """Return the command line of this environment's `manyends`."""
    return [sys.executable, "-m", "manyends.cli.main", *arguments]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a household of its own, a browser that is a file, and free ports."""
    return {
        **os.environ,
        "MANYENDS_HOUSEHOLD": str(tmp_path / "h"),
        "MANYENDS_OPENER_FILE": str(tmp_path / "opened"),
    }


def free_port() -> int:
    """Return a port that is free, as is the next one."""
    import socket

    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def test_the_lines_of_the_readme_work_when_piped_in(environment: dict[str, str]) -> None:
    lines = block(ROOT / "README.md", "piped into manyends up")
    command = manyends("up", "--port", str(free_port()), "--model", "none")
    done = subprocess.run(
        command, input=lines, env=environment, text=True, capture_output=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for wanted in (
        "did light.turn_on on light.kitchen",
        "says: dinner is ready",
        "I opened example.org on the laptop",
        "I don't know a garage light",
        "did lock.unlock on lock.front",
        "84",
        "It was answered by the reflex",
    ):
        assert wanted in done.stdout, done.stdout


def test_a_script_with_a_failing_line_ends_with_an_error(environment: dict[str, str]) -> None:
    command = manyends("up", "--port", str(free_port()), "--model", "none")
    done = subprocess.run(
        command,
        input="attic> hello\n",
        env=environment,
        text=True,
        capture_output=True,
        timeout=100,
    )
    assert done.returncode == 1
    assert "There is no end called attic" in done.stdout


@pytest.fixture
def household(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """A household that runs until the test is over."""
    command = manyends("up", "--port", str(free_port()), "--model", "none")
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Ready"):
            break
    yield environment
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


@pytest.mark.timeout(180)
def test_the_commands_of_the_readme_work(household: dict[str, str]) -> None:
    for line in block(ROOT / "README.md", "run against a started household").splitlines():
        name, *arguments = shlex.split(line)
        assert name == "manyends"
        done = subprocess.run(
            manyends(*arguments), env=household, text=True, capture_output=True, timeout=60
        )
        # The doctor may find fault with the machine that the test runs on (no model, a full disk).
        assert done.returncode == 0 or arguments == ["doctor"], line + done.stdout + done.stderr
        assert done.stdout.strip(), line


@pytest.mark.timeout(180)
def test_no_process_outlives_a_killed_starter(environment: dict[str, str]) -> None:
    command = manyends("up", "--port", str(free_port()), "--model", "none")
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Ready"):
            break
    mark = environment["MANYENDS_HOUSEHOLD"]
    assert len(running(mark)) == 5
    process.kill()
    process.communicate(timeout=30)
    until = time.monotonic() + 20
    while running(mark):
        assert time.monotonic() < until, running(mark)
        time.sleep(0.05)


def running(mark: str) -> list[str]:
    """Return the processes whose command line has this mark in it."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = each.read_text().replace("\0", " ")
        except OSError:
            continue
        if mark in text:
            found.append(text)
    return found


def test_the_skills_that_the_docs_show_can_be_registered() -> None:
    from manyends.skills.sdk import Action

    names: dict[str, object] = {}
    for mark in ("a skill", "a skill that acts"):
        exec(block(ROOT / "docs" / "skills" / "README.md", mark), names)
    actions = {each.name for each in names.values() if isinstance(each, Action)}
    assert actions == {"plants.water", "plants.list", "pump.start"}


def test_every_action_stands_in_the_docs() -> None:
    from manyends.skills.registry import Registry

    page = (ROOT / "docs" / "skills" / "README.md").read_text()
    for name in Registry.load().actions:
        domain, _, verb = name.partition(".")
        assert f"`{domain}.*`" in page or name in page or f"`{verb}`" in page, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_files_that_the_architecture_names_are_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for name in re.findall(r"`([a-z_/]+\.(?:py|yaml|md))`", text):
        assert any(ROOT.glob(f"**/{name}")), name


def test_every_command_has_help_with_an_example() -> None:
    done = subprocess.run(manyends("--help"), text=True, capture_output=True, check=True)
    for command in [
        "up",
        "brain",
        "end",
        "home",
        "ask",
        "ends",
        "tasks",
        "why",
        "audit",
        "doctor",
        "models",
    ]:
        assert f"\n    {command} " in done.stdout
        help_text = subprocess.run(
            manyends(command, "--help"), text=True, capture_output=True, check=True
        ).stdout
        assert f"manyends {command}" in help_text.partition("example:")[2], command
