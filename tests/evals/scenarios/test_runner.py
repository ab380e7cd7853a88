"""What the runner says of files that it does not play, and what it leaves behind."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from manyends.evals.scenarios.report import Report, ScenarioReport
from manyends.evals.scenarios.runner import run

from .fake_household import ROOT, FakeProduct

PLAIN = """
scenario: a plain one
people: [{name: Ana, role: owner}]
ends: [{name: hub, profile: hub}]
steps: [{touch: hub}]
"""


def play(*files: Path) -> Report:
    """Run files against the fake."""
    return asyncio.run(run(list(files), lambda line: None, FakeProduct(), keep=False))


def test_a_wrong_file_is_refused_and_the_others_are_played(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PLAIN.replace("touch: hub", "touch: tv"))
    (tmp_path / "b.yaml").write_text(PLAIN)
    report = play(tmp_path)
    assert [each.result for each in report.scenarios] == ["refused", "passed"]
    assert f"{tmp_path / 'a.yaml'}:5: steps[0].touch: 'tv' is no end" in report.scenarios[0].reason
    assert (report.passed, report.failed, report.exit_code) == (1, 1, 1)


def test_must_be_refused_goes_both_ways(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.yaml", tmp_path / "wrong.yaml"
    right.write_text("must_be_refused: true\n" + PLAIN.replace("role: owner", "role: king"))
    wrong.write_text("must_be_refused: true\n" + PLAIN)
    report = play(right, wrong)
    assert [each.result for each in report.scenarios] == ["passed", "failed"]
    assert "nothing wrong with it" in report.scenarios[1].reason


def test_a_household_of_later_parts_fails_before_a_step(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(PLAIN + "model: scripted\n")
    one = play(file).scenarios[0]
    assert (one.result, one.step, one.reason) == ("failed", None, "not built yet: model: scripted")


def test_a_program_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(PLAIN)
    product = FakeProduct(program="raise SystemExit('no such household')")
    report = asyncio.run(run([file], lambda line: None, product, keep=False))
    assert report.scenarios[0].result == "failed"
    assert "brain ended by itself with code 1" in report.scenarios[0].reason
    assert "no such household" in report.scenarios[0].reason


def test_the_report_is_as_the_format_says() -> None:
    report = Report([ScenarioReport("a.yaml", "A", "failed", 2, "no", 1.5)])
    assert json.loads(report.json()) == {
        "passed": 0,
        "failed": 1,
        "scenarios": [
            {"file": "a.yaml", "title": "A", "result": "failed", "step": 2, "reason": "no",
             "seconds": 1.5}
        ],
    }  # fmt: skip
    assert report.scenarios[0].line() == "failed at step 2: A (a.yaml, 1.5 s)\n    no"
    assert Report([ScenarioReport("a.yaml", "A", "passed")]).exit_code == 0


RUNNER = """
import asyncio, pathlib, sys
sys.path.insert(0, sys.argv[2])
from tests.evals.scenarios.fake_household import PROGRAM, FakeProduct
from manyends.evals.scenarios import play, runner
async def told(step, stage):
    print(" ".join(str(each._process.pid) for each in stage.processes.values()), flush=True)
    print(stage.folder, flush=True)
    await asyncio.Event().wait()
runner.play = told
product = FakeProduct(program=sys.argv[3] + PROGRAM)
asyncio.run(runner.run([pathlib.Path(sys.argv[1])], print, product, keep=False))
"""

WITH_CHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left_when_the_runner_is_interrupted(
    tmp_path: Path, how: signal.Signals
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(PLAIN)

    async def interrupted() -> tuple[list[psutil.Process], Path]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", RUNNER, str(file), str(ROOT), WITH_CHILD,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=dict(os.environ),
        )  # fmt: skip
        assert process.stdout is not None
        started = [psutil.Process(int(pid)) for pid in (await process.stdout.readline()).split()]
        folder = Path((await process.stdout.readline()).decode().strip())
        family = started + [child for each in started for child in each.children(recursive=True)]
        process.send_signal(how)
        await process.wait()
        return family, folder

    family, folder = asyncio.run(interrupted())
    assert len(family) == 4  # brain and hub, and a child of each
    _, left = psutil.wait_procs(family, timeout=5)
    assert left == []
    assert not folder.exists()
