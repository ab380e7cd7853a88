"""`docs/crash-table.md`: each cell is what a crash came to, written or compared by the tests."""

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

from .crashes import EFFECTS, PLACES, POINTS, ROLES

PAGE = Path(__file__).parents[2] / "docs" / "crash-table.md"
UNLOCK = "once, read back"
"""`lock.unlock`, whose effect the home can tell of afterwards."""
REPORT = "before ack of the report"
_NONE = "—"
_UNKNOWN = "?"

_HEAD = """\
# What a crash leaves behind

Written by `MANYENDS_WRITE_DOCS=1 pytest tests/e2e/test_crash_table.py`; without that setting the
same tests compare this page to what they see. Each cell is one household of real processes over
TLS: a brain, a laptop that works, a watch at which somebody asks, and a home. One of them is killed
by SIGKILL at the named place, is started again, and the others are left alone. A cell says in
which state the task then rests, and how many effects there are by the counters of the outside: the
rows of the databases, the home's own count, the pages that were opened.

Lost: 0. Doubled: 0. A task is lost if it was acknowledged or on the asker's disk and neither
succeeded nor says that it is in doubt; doubled if there is more than one effect. In every cell the
asker has told how it ended, and every node has every op that it may hold.

"""
_FOOT = """
- **—**: cannot be. The asker and the brain run no effect, so nothing comes after it.
- **never taken**: the asker died before the task was on its disk. Whoever asked was told that it
  failed, by the connection that broke; nothing happened.
- **in doubt, 0 and 1**: a `once` effect whose intent was on disk and whose result was not. The
  two cannot be told apart from inside, which is what being in doubt means: it is not run again,
  and the person is asked. *Before ack* is one of these: the lease and the intent are written in
  one transaction, and the crash comes before anything that follows from it.
- **once, read back**: `lock.unlock`, approved on the watch. The door can be asked what became of
  it, so that nothing stays in doubt: not unlocked is *failed*, and unlocked is *succeeded*.
  *Before intent* the lease is not on disk yet; *before ack* is that of the approval.
- **before ack of the report**: the brain dies with a worker's report on disk and not acknowledged,
  so it comes again.
"""


class Cell(NamedTuple):
    """A place in the table: role, point, and the effect class or its variant."""

    role: str
    point: str
    effect: str


ROWS = [
    *((role, effect.value) for role in ROLES for effect in EFFECTS),
    ("worker", UNLOCK),
]
"""The rows, one for each role and effect class."""
CELLS = [Cell(role, point, effect) for role, effect in ROWS for point in POINTS] + [
    Cell("brain", REPORT, effect.value) for effect in EFFECTS
]


def saw(cell: Cell, outcome: str) -> None:
    """Write a cell into the page if that is wanted, else assert that it stands there."""
    if not os.environ.get("MANYENDS_WRITE_DOCS"):
        assert _read().get(cell) == outcome, f"docs/crash-table.md says something else of {cell}"
        return
    PAGE.touch()
    with PAGE.open("r+") as file:  # other workers write their cells too
        fcntl.flock(file, fcntl.LOCK_EX)
        cells = _parse(file.read())
        cells[cell] = outcome
        text = _render(cells)
        file.seek(0)
        file.truncate()
        file.write(text)


def whole() -> bool:
    """Say whether the page is complete and just as it is written."""
    if os.environ.get("MANYENDS_WRITE_DOCS"):
        return True
    cells = _read()
    return _UNKNOWN not in cells.values() and PAGE.read_text() == _render(cells)


def _read() -> dict[Cell, str]:
    return _parse(PAGE.read_text()) if PAGE.exists() else {}


def _parse(text: str) -> dict[Cell, str]:
    cells: dict[Cell, str] = {}
    for line in text.splitlines():
        if not line.startswith("| ") or line.startswith("| role"):
            continue
        role, effect, *rest = (each.strip() for each in line.strip("|").split("|"))
        points = (REPORT,) if len(rest) == 1 else POINTS
        cells.update(
            {Cell(role, point, effect): each for point, each in zip(points, rest, strict=True)}
        )
    return cells


def _render(cells: dict[Cell, str]) -> str:
    lines = [f"| role | effect | {' | '.join(POINTS)} |", "|---" * (len(POINTS) + 2) + "|"]
    for role, effect in ROWS:
        said = [_said(cells, Cell(role, point, effect)) for point in POINTS]
        lines.append(f"| {role} | {effect} | {' | '.join(said)} |")
    lines += ["", f"| role | effect | {REPORT} |", "|---|---|---|"]
    for effect in EFFECTS:
        said_of = _said(cells, Cell("brain", REPORT, effect.value))
        lines.append(f"| brain | {effect.value} | {said_of} |")
    return _HEAD + "\n".join(lines) + "\n" + _FOOT


def _said(cells: dict[Cell, str], cell: Cell) -> str:
    if cell.point != REPORT and (cell.role, cell.point) not in PLACES:
        return _NONE
    return cells.get(cell, _UNKNOWN)
