"""The core install is light: it starts a watch without torch or a model, and is weighed."""

import asyncio
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from manyends.brain.household import EndPlan, HouseholdPlan, PersonPlan, found
from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import LinesClient
from manyends.protocol.roster import Profile

ROOT = Path(__file__).parents[1]
MOST_BYTES = 100_000_000
"""What an end may weigh on disk, its Python left out. It weighs about half of it."""


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the core install, from a wheel."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder, with_pip=True)
    install: list[str | Path] = [folder / "bin/python", "-m", "pip", "install", "-q", ROOT]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    return folder


def packages(core: Path) -> Path:
    """Return where the environment's packages lie."""
    return next(core.glob("lib/python*/site-packages"))


@pytest.mark.timeout(400)
def test_it_is_light_and_has_no_torch(core: Path) -> None:
    there = {each.name.lower() for each in packages(core).iterdir()}
    assert not there & {"torch", "transformers", "xllamacpp", "sounddevice", "numpy", "uvloop"}
    weight = sum(
        each.stat().st_size
        for each in packages(core).rglob("*")
        if each.is_file() and each.relative_to(packages(core)).parts[0] not in ("pip", "setuptools")
    )
    print(f"the core install weighs {weight / 1e6:.0f} MB on disk")
    assert weight < MOST_BYTES


@pytest.mark.timeout(400)
def test_it_starts_a_watch(core: Path, tmp_path: Path) -> None:
    plan = HouseholdPlan(
        people=[PersonPlan(name="Ana")],
        ends=[EndPlan(name="watch", profile=Profile.WEARABLE, person="Ana")],
    )
    state = found(tmp_path / "h", plan)["watch"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [core / "bin/manyends", "end", "--state", state], env=environment, cwd=tmp_path
    )
    try:
        reply = asyncio.run(ask(state, process, "set a timer for ten minutes"))
        assert "10 minutes" in reply or "ten minutes" in reply
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


async def ask(state: Path, process: "subprocess.Popen[bytes]", text: str) -> str:
    """Say something to the node as soon as it listens, and return its reply."""
    async with asyncio.timeout(60):
        while True:
            assert process.poll() is None, "it ended by itself"
            try:
                node = await LinesClient.connect(StateFolder(state).socket)
                break
            except OSError:
                await asyncio.sleep(0.02)
        try:
            return str((await node.ask("say", text=text))["reply"])
        finally:
            await node.close()


def test_a_wheel_has_every_room(tmp_path: Path) -> None:
    import zipfile

    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        tmp_path,
        ROOT,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "manyends/__init__.py",
        "manyends/py.typed",
        "manyends/brain/node.py",
        "manyends/cli/main.py",
        "manyends/endpoints/reflex/sentences/home.yaml",
        "manyends/evals/scenarios/runner.py",
        "manyends/protocol/messages.py",
        "manyends/skills/builtin/home.py",
    ):
        assert wanted in names
    assert "py3-none-any" in wheel.name
