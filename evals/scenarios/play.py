"""Plays one step: does it, watches until all has settled, and gives the verdict."""

import asyncio
import contextlib
from dataclasses import dataclass, field

from manyends.protocol.errors import ProtocolError

from .expect import Standing, Verdict, judge
from .format import Expect, Step
from .moments import Audit, Baseline, Evidence, TaskRow
from .process import TroubleError
from .settle import Sample, Settling, unrest, unrest_or_unserved
from .stage import Stage
from .verbs import Outcome, act

_POLL = 0.02
_STATES = ("offered", "accepted", "asking", "running", "in_doubt")


class StepFailedError(Exception):
    """The step did not do what it should; the text says what."""


@dataclass
class _Look:
    """What was read at some moment, besides what the processes tell by themselves."""

    tasks: tuple[TaskRow, ...] = ()
    why: dict[str, str] = field(default_factory=dict)
    audit: Audit | None = None
    lost: str | None = "it was not looked at"


async def settle_at_first(stage: Stage, within: float) -> None:
    """Wait until all that was started has settled and is served; `StepFailedError` if not."""
    loop = asyncio.get_running_loop()
    settling = Settling()
    deadline = loop.time() + within
    while True:
        sample = await _sample(stage)
        if settling.feed(loop.time(), sample, stage.world(), unrest_or_unserved):
            return
        if loop.time() >= deadline:
            reason = settling.reason
            raise StepFailedError(f"the household did not settle within {within:g} s: {reason}")
        await asyncio.sleep(_POLL)


async def play(step: Step, stage: Stage) -> None:
    """Play a step; `StepFailedError` says in words what went wrong."""
    playing = _Playing(step, stage)
    await playing.begin()
    acting = asyncio.ensure_future(act(step, stage))
    try:
        await playing.until_settled(acting)
    finally:
        if not acting.done():
            acting.cancel()
            await asyncio.wait((acting,))


async def _sample(stage: Stage) -> Sample:
    try:
        sample = await stage.sample()
    except TroubleError as trouble:
        raise StepFailedError(await stage.death() or str(trouble)) from None
    died = stage.died()
    if died:
        raise StepFailedError(died)
    return sample


class _Playing:
    """One step on its way."""

    def __init__(self, step: Step, stage: Stage) -> None:
        self._step = step
        self._stage = stage
        self._kinds = {kind for each in step.expected() for kind in each.kinds()}
        self._counted = {name for each in step.expected() for name in each.effects or {}}
        self._within = step.longest()
        self._baseline = Baseline()
        self._first = 0
        self._look = _Look()
        self._last: Sample | None = None
        verbs = {each.verb for each in step.flat()}
        self._must_serve = bool(verbs & {"start", "kill"})
        self._should_serve = "heal" in verbs
        self._rest = Settling()
        self._served_rest = Settling()

    async def begin(self) -> None:
        """Mark where the step starts: what was told before does not count."""
        await _sample(self._stage)
        await self._read_home()
        self._stage.read_counts(self._counted)
        self._first = len(self._stage.watch.moments)
        self._baseline = self._stage.watch.baseline()

    async def until_settled(self, acting: "asyncio.Future[list[Outcome]]") -> None:
        """Watch until the step has settled and all it expects holds; raise if not."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._within
        while True:
            sample = await _sample(self._stage)
            await self._read(sample)
            outcomes = acting.result() if acting.done() else []
            await self._refuse_failed(outcomes)
            self._refuse_broken(outcomes)
            late = loop.time() >= deadline
            if acting.done() and self._settled(loop.time(), sample, late):
                pending = await self._verdicts_at_rest(outcomes)
                if not pending:
                    return
                if late or any(each.kinds() != ["nothing_lost"] for each, _ in pending):
                    raise StepFailedError(pending[0][1].reason)
            elif late:
                raise StepFailedError(self._unsettled(acting.done()))
            await asyncio.sleep(_POLL)

    def _settled(self, now: float, sample: Sample, late: bool) -> bool:
        """Apply the rule. `start` and `kill` need served nodes; `heal` waits for them, as long as
        it may, since a node in back-off is at rest but not yet healed."""
        world = self._stage.world()
        rest = self._rest.feed(now, sample, world, unrest)
        served = self._served_rest.feed(now, sample, world, unrest_or_unserved)
        if self._must_serve:
            return served
        if self._should_serve:
            return served or (rest and late)
        return rest

    def _unsettled(self, acted: bool) -> str:
        if not acted:
            reason = f"`{self._step.verb}` has no answer"
        else:
            settling = self._served_rest if self._must_serve else self._rest
            reason = str(settling.reason)
        return f"did not settle within {self._within:g} s: {reason}"

    async def _verdicts_at_rest(self, outcomes: list[Outcome]) -> list[tuple[Expect, Verdict]]:
        """Return what does not hold although all has settled; looked at twice."""
        for last in (False, True):
            await self._read(await _sample(self._stage), all_of_it=True)
            self._refuse_broken(outcomes)
            verdicts = [
                (expect, judge(expect, self._evidence(about)))
                for expect, about in _about(self._step, outcomes)
            ]
            pending = [each for each in verdicts if each[1].standing is not Standing.HOLDS]
            if last or not pending:
                break
            await asyncio.sleep(_POLL)
        return pending

    async def _refuse_failed(self, outcomes: list[Outcome]) -> None:
        expected = any("error" in each.kinds() for each in self._step.expect)
        for each in outcomes:
            inside = any("error" in expect.kinds() for expect in each.step.expect)
            if each.reason and (each.code is None or not (expected or inside)):
                raise StepFailedError(await self._stage.death() or each.reason)

    def _refuse_broken(self, outcomes: list[Outcome]) -> None:
        for expect, about in _about(self._step, outcomes):
            verdict = judge(expect, self._evidence(about))
            if verdict.standing is Standing.BROKEN:
                raise StepFailedError(verdict.reason)

    def _evidence(self, about: list[Outcome]) -> Evidence:
        turns = tuple(each.turn for each in about if each.turn is not None)
        ends = [each.end for each in turns] + ["brain"]
        why = [self._look.why[end] for end in ends if end in self._look.why]
        return Evidence(
            baseline=self._baseline,
            moments=tuple(self._stage.watch.moments[self._first :]),
            tasks=self._look.tasks,
            turns=turns,
            codes=frozenset(each.code for each in about if each.code),
            why=why[0] if why else None,
            audit=self._look.audit,
            lost=self._look.lost,
        )

    async def _read(self, sample: Sample, all_of_it: bool = False) -> None:
        """Read what the step needs: cheap things after each change, dear ones at rest."""
        changed = sample != self._last
        self._last = sample
        if changed or all_of_it:
            self._stage.read_counts(self._counted)
            if "task" in self._kinds:
                self._look.tasks = await _tasks(self._stage)
        if all_of_it:
            await self._read_home()
            if "why" in self._kinds:
                self._look.why = await _whys(self._stage, self._step)
            if "audit" in self._kinds:
                self._look.audit = await _audit(self._stage)
            if "nothing_lost" in self._kinds:
                self._look.lost = self._stage.lost()

    async def _read_home(self) -> None:
        home = self._stage.processes.get("home")
        if home is not None and home.ready:
            await self._stage.watch.read_home(home)


def _about(step: Step, outcomes: list[Outcome]) -> list[tuple[Expect, list[Outcome]]]:
    """Pair each expectation with the outcomes of the steps that it stands at or around."""
    pairs = [pair for part in step.together or [] for pair in _about(part, outcomes)]
    own = step.flat()
    about = [each for each in outcomes if any(each.step is part for part in own)]
    return pairs + [(expect, about) for expect in step.expect]


async def _tasks(stage: Stage) -> tuple[TaskRow, ...]:
    """Return the tasks of all nodes that run, the newest copy of each; the brain's comes first."""
    newest: dict[str, TaskRow] = {}
    nodes = [each for each in stage.running() if each.part != "home"]
    for process in sorted(nodes, key=lambda each: each.part != "brain"):
        with contextlib.suppress(TroubleError, ProtocolError):
            for each in (await process.ask("tasks"))["tasks"]:
                age = [int(each.get(key) or 0) for key in ("custody", "lease", "version")]
                state = str(each["state"])
                age.append(_STATES.index(state) if state in _STATES else len(_STATES))
                row = TaskRow(each["id"], each["action"], str(each["on"]), state, tuple(age))
                if row.id not in newest or row.age > newest[row.id].age:
                    newest[row.id] = row
    return tuple(newest.values())


async def _whys(stage: Stage, step: Step) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in [*(each.on for each in step.flat() if each.on), "brain"]:
        with contextlib.suppress(TroubleError, ProtocolError):
            found[name] = str((await stage.processes[name].ask("why"))["text"])
    return found


async def _audit(stage: Stage) -> Audit | None:
    try:
        answer = await stage.processes["brain"].ask("audit_verify")
    except (TroubleError, ProtocolError):
        return None
    return Audit(bool(answer["ok"]), int(answer["entries"]), str(answer.get("reason") or ""))
