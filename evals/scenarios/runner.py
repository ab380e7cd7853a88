"""Runs scenario files one after the other and reports what came of each."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from manyends.protocol.io.folder import ConfigError

from .format import Scenario
from .later import household_later, step_later
from .load import Refused, files, load
from .play import StepFailedError, play, settle_at_first
from .process import TroubleError
from .product import Manyends, Product
from .report import Report, ScenarioReport
from .stage import Stage

log = logging.getLogger(__name__)

FIRST_WITHIN = 30.0
"""Seconds in which a household must have started and settled."""


async def run(
    paths: list[Path],
    progress: Callable[[str], None],
    product: Product | None = None,
    keep: bool = True,
) -> Report:
    """Play the scenarios of these files and folders against `product`, by default the real one.

    `progress` gets a line for each that is done. With `keep`, the folder of a failed scenario,
    which has its processes' logs, stays. No process is left, also if this is cancelled or the
    program is told to terminate.
    """
    report = Report()
    with _terminated_is_cancelled():
        for file in files(paths):
            one = await _file(file, product or Manyends(), progress, keep)
            report.scenarios.append(one)
            progress(one.line())
    return report


async def _file(
    file: Path, product: Product, progress: Callable[[str], None], keep: bool
) -> ScenarioReport:
    began = time.monotonic()
    loaded = load(file)
    if isinstance(loaded, Refused):
        if loaded.expected:
            return ScenarioReport(str(file), loaded.title, "passed", None, f"refused: {loaded}")
        return ScenarioReport(str(file), loaded.title, "refused", None, str(loaded))
    title = loaded.scenario
    if loaded.must_be_refused:
        reason = "it must be refused, but there is nothing wrong with it"
        return ScenarioReport(str(file), title, "failed", None, reason)
    failure = await _scenario(loaded, product, progress, keep)
    seconds = round(time.monotonic() - began, 3)
    if failure is None:
        return ScenarioReport(str(file), title, "passed", seconds=seconds)
    return ScenarioReport(str(file), title, "failed", failure.step, failure.reason, seconds)


class _Failure(NamedTuple):
    """At which step it failed, if at one, and why."""

    step: int | None
    reason: str


async def _scenario(
    scenario: Scenario, product: Product, progress: Callable[[str], None], keep: bool
) -> _Failure | None:
    """Play it; return how it failed, if it did."""
    later = household_later(scenario)
    if later:
        return _Failure(None, f"not built yet: {later}")
    number: int | None = None
    try:
        async with Stage(scenario, product, keep) as stage:
            await _start(scenario, stage)
            for number, step in enumerate(scenario.steps, 1):
                later = step_later(step)
                if later:
                    stage.keep = False
                    return _Failure(number, f"not built yet: {later}")
                await play(step, stage)
            stage.keep = False
    except (ConfigError, StepFailedError, TroubleError, OSError) as failed:
        if keep:
            progress(f"    the logs are in {stage.folder}")
        return _Failure(number, str(failed))
    except Exception as surprise:  # one wrong answer must not end the other scenarios
        log.exception("scenario %r, step %s", scenario.scenario, number)
        reason = f"an answer that the runner did not expect: {surprise!r}"
        return _Failure(number, reason)
    return None


async def _start(scenario: Scenario, stage: Stage) -> None:
    servers = [each for each in ("brain", "home") if each in stage.processes]
    ends = [each.name for each in scenario.ends if not each.offline]
    try:
        async with asyncio.timeout(FIRST_WITHIN):
            for names in (servers, ends):
                async with asyncio.TaskGroup() as group:
                    for name in names:
                        group.create_task(stage.start(name))
    except* TroubleError as troubles:
        raise StepFailedError(await stage.death() or str(troubles.exceptions[0])) from None
    except* TimeoutError:
        waiting = ", ".join(servers + ends)
        reason = f"not all of {waiting} started within {FIRST_WITHIN:g} s"
        raise StepFailedError(reason) from None
    await settle_at_first(stage, FIRST_WITHIN)


@contextlib.contextmanager
def _terminated_is_cancelled() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C is: the running scenario is cancelled and cleared away."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task is not None
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except (NotImplementedError, RuntimeError, ValueError):
        yield  # not the main thread, or a system without it
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
