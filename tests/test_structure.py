"""The shape of the code: layers, sizes, one module object each, a core without torch."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("brain", "cli", "endpoints", "evals", "models", "protocol", "skills")
MOST_LINES = 450


def files() -> list[Path]:
    """Return every source file of the rooms."""
    return [each for room in ROOMS for each in sorted((ROOT / room).rglob("*.py"))]


def test_no_file_has_grown_too_long() -> None:
    long = {str(each.relative_to(ROOT)): n for each in files() if (n := lines(each)) > MOST_LINES}
    assert not long


def lines(file: Path) -> int:
    """Count a file's lines."""
    return len(file.read_text().splitlines())


def test_every_file_says_what_it_is_for() -> None:
    silent = [each for each in files() if not each.read_text().startswith('"""')]
    assert not silent


def test_rooms_are_imported_by_their_installed_names() -> None:
    wrong = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(ROOMS)})\b", re.MULTILINE)
    assert not [each for each in files() if wrong.search(each.read_text())]
    code = f"import manyends.cli.main, sys; print([n for n in sys.modules if n in {ROOMS!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_an_end_needs_neither_torch_nor_a_language_model() -> None:
    heavy = ("torch", "transformers", "xllamacpp", "numpy", "home_assistant_intents", "sounddevice")
    code = f"import manyends.endpoints.node, sys; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_project_speaks_of_itself_alone() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    words = re.compile(r"/work/|/root/|pypi\.org|shared/(?:DESIGN|STYLE|FACTS)", re.IGNORECASE)
    told = [
        name
        for name in tracked
        if (ROOT / name).suffix in (".py", ".md", ".toml", ".yaml", "")
        and (ROOT / name).is_file()
        and name != "tests/test_structure.py"
        and words.search((ROOT / name).read_text(errors="replace"))
    ]
    assert not told
