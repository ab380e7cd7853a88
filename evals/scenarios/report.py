"""What came of all scenarios, for people and, as JSON, for programs."""

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

Result = Literal["passed", "failed", "refused"]


@dataclass(frozen=True)
class ScenarioReport:
    """What came of one file; `step` counts from 1."""

    file: str
    title: str
    result: Result
    step: int | None = None
    reason: str = ""
    seconds: float = 0.0

    def line(self) -> str:
        """Say it in a line, and the reason below it."""
        where = "" if self.step is None else f" at step {self.step}"
        first = f"{self.result}{where}: {self.title} ({self.file}, {self.seconds:.1f} s)"
        return f"{first}\n    {self.reason}" if self.reason else first


@dataclass
class Report:
    """What came of all of them."""

    scenarios: list[ScenarioReport] = field(default_factory=list)

    @property
    def passed(self) -> int:
        """How many passed."""
        return sum(each.result == "passed" for each in self.scenarios)

    @property
    def failed(self) -> int:
        """How many did not: failed or refused."""
        return len(self.scenarios) - self.passed

    @property
    def exit_code(self) -> int:
        """0 only if none failed."""
        return 1 if self.failed else 0

    def json(self) -> str:
        """Return it as `evals/README.md` describes it."""
        scenarios = [asdict(each) for each in self.scenarios]
        content = {"passed": self.passed, "failed": self.failed, "scenarios": scenarios}
        return json.dumps(content, indent=2, ensure_ascii=False)
