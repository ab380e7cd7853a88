"""Whole-system scenarios pass on the real product, also when everything is called otherwise."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from manyends.evals.scenarios.report import Report
from manyends.evals.scenarios.runner import run

from .renaming import renamed

OURS = Path(__file__).parent / "scenarios"
SHARED = Path(__file__).parents[2] / "shared" / "evals" / "scenarios"
SHARED_THAT_WORK = ("01", "02", "03", "04", "09", "13", "14", "15")


def play(paths: list[Path]) -> Report:
    """Play scenario files, and show what is said about them in the test's output."""
    return asyncio.run(run(paths, print))


def shared() -> list[Path]:
    """Return the shared scenarios that the product is up to; a user's clone has none."""
    return [each for each in sorted(SHARED.glob("*.yaml")) if each.name[:2] in SHARED_THAT_WORK]


def files() -> list[Path]:
    """Return our own scenarios and the shared ones."""
    return sorted(OURS.glob("*.yaml")) + shared()


@pytest.mark.parametrize("file", files(), ids=lambda file: file.stem)
@pytest.mark.timeout(180)
def test_a_scenario_passes(file: Path) -> None:
    report = play([file])
    assert report.failed == 0, report.json()


def draws(count: int) -> list[int]:
    """Return the seeds to draw names by: others in each run, unless one is given."""
    given = os.environ.get("MANYENDS_SEED")
    first = int(given) if given else random.SystemRandom().randrange(10**6)
    return [first + n for n in range(count)]


def play_renamed(seed: int, folder: Path) -> None:
    """Play every scenario with names drawn by this seed."""
    paths = []
    for file in files():
        path = folder / file.name
        path.write_text(renamed(file.read_text(), random.Random(f"{seed} {file.name}")))
        paths.append(path)
    report = play(paths)
    assert report.failed == 0, f"MANYENDS_SEED={seed}\n{report.json()}"


@pytest.mark.timeout(600)
def test_scenarios_pass_under_other_names(tmp_path: Path) -> None:
    for seed in draws(2):
        play_renamed(seed, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_scenarios_pass_under_many_other_names(tmp_path: Path) -> None:
    for seed in draws(20):
        play_renamed(seed, tmp_path)


def test_renaming_keeps_what_things_are() -> None:
    text = "scenario: the kitchen hub\n- {id: light.kitchen, name: kitchen light, profile: hub}"
    changed = renamed(text, random.Random(1))
    assert changed.startswith("scenario: the kitchen hub\n")
    assert "profile: hub" in changed
    assert "kitchen" not in changed.split("\n")[1]
    assert " light," in changed
