"""Finds scenario files and reads each into a `Scenario`, or says why it is refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from . import yaml12
from .checks import mistakes
from .format import Scenario

_SAYS_REFUSED = re.compile(r"^must_be_refused:\s*true\s*(#.*)?$", re.MULTILINE)
_TITLE = re.compile(r"^scenario:\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Refused:
    """A file that is no right scenario; `expected` if the file itself says so."""

    file: Path
    line: int
    field: str
    reason: str
    more: int = 0
    title: str = ""
    expected: bool = False

    def __str__(self) -> str:
        """Say it in one line: file, line, field, reason."""
        more = f" (and {self.more} more)" if self.more else ""
        field = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}: {field}{self.reason}{more}"


def files(paths: list[Path]) -> list[Path]:
    """Return the files to play: each file that is named, and all of a folder in order of name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [each for each in path.rglob("*") if each.suffix in (".yaml", ".yml")]
            found += sorted(inside) or [path]
        else:
            found.append(path)
    return found


def load(file: Path) -> Scenario | Refused:
    """Read and check one file; nothing of it starts before it is right."""
    if file.is_dir():
        return Refused(file, 1, "", "the folder holds no scenario (*.yaml)", title=file.name)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Refused(file, 1, "", f"it can't be read: {error}", title=file.name)
    titled = _TITLE.search(text)
    title = titled[1].strip("\"'") if titled else file.name
    expected = bool(_SAYS_REFUSED.search(text))
    try:
        document = yaml12.read(text)
    except yaml12.YamlError as error:
        field = _field(error.path)
        return Refused(file, error.line, field, error.reason, title=title, expected=expected)
    if isinstance(document.value, dict):
        expected = document.value.get("must_be_refused") is True
    found = _read(document)
    if isinstance(found, Scenario):
        return found
    wrong = sorted(found)
    line, field, reason = wrong[0]
    return Refused(file, line, field, reason, len(wrong) - 1, title, expected)


def _read(document: yaml12.Document) -> Scenario | list[tuple[int, str, str]]:
    """Return the scenario, or line, field and reason of all that is wrong."""
    try:
        scenario = Scenario.model_validate(document.value)
    except ValidationError as error:
        return [
            (document.line(each["loc"]), _field(each["loc"]), _words(each["type"], each["msg"]))
            for each in error.errors(include_url=False, include_input=False)
        ]
    wrong = [(document.line(path), _field(path), reason) for path, reason in mistakes(scenario)]
    return wrong or scenario


def _words(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "this key is not known here"
        case "missing":
            return "this key is needed"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "keys and values should stand here"
    return message.removeprefix("Value error, ")


def _field(path: yaml12.Path) -> str:
    return "".join(_steps(path)).lstrip(".")


def _steps(path: yaml12.Path) -> Iterator[str]:
    for part in path:
        if isinstance(part, int):
            yield f"[{part}]"
        else:
            yield f".{part}" if re.fullmatch(r"\w+", part) else f'["{part}"]'
