"""Reads one YAML 1.2 document into plain values and remembers the line of each of them."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
"""Where a value stands in the document: keys and list positions from the root."""

_MOST_VALUES = 100_000
_TAG = "tag:yaml.org,2002:"


class YamlError(Exception):
    """The text is not a document that we read; `line` counts from 1."""

    def __init__(self, line: int, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.path = path
        self.reason = reason


@dataclass
class Document:
    """A document's value, and for each path the line of its key (in a list: of the item)."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Return the line of the value at `path`, else of the nearest one around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


class _Loader(yaml.BaseLoader):
    """Resolves plain scalars by the core schema of YAML 1.2: `on`, `off`, `yes` are strings."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own, and instance-typed


for _kind, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(_pattern), _first)


def read(text: str) -> Document:
    """Return the only document of the text.

    Raises `YamlError` for what is not YAML, for a key that stands twice, for keys that are not
    strings, for unknown tags, and for values that contain themselves.
    """
    document = Document()
    try:
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise YamlError(line, (), f"this is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise YamlError(1, (), f"this is not YAML: {error}") from None
    if node is None:
        raise YamlError(1, (), "the file is empty")
    document.lines[()] = node.start_mark.line + 1
    document.value = _build(node, (), document, ())
    return document


def _build(node: yaml.Node, path: Path, document: Document, around: tuple[int, ...]) -> Any:
    line = document.line(path)
    if id(node) in around:
        raise YamlError(line, path, "this value contains itself")
    if len(document.lines) > _MOST_VALUES:
        raise YamlError(line, path, f"the file has more than {_MOST_VALUES} values")
    inside = (*around, id(node))
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        return _mapping(node, path, document, inside)
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        return _sequence(node, path, document, inside)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, line)
    raise YamlError(line, path, f"the tag {node.tag} is not known here")


def _mapping(
    node: yaml.MappingNode, path: Path, document: Document, inside: tuple[int, ...]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise YamlError(line, path, "a key must be a word")
        key = key_node.value
        here = (*path, key)
        if key in result:
            raise YamlError(line, here, "the key stands here twice")
        document.lines[here] = line
        result[key] = _build(value_node, here, document, inside)
    return result


def _sequence(
    node: yaml.SequenceNode, path: Path, document: Document, inside: tuple[int, ...]
) -> list[Any]:
    result: list[Any] = []
    for position, item in enumerate(node.value):
        here = (*path, position)
        document.lines[here] = item.start_mark.line + 1
        result.append(_build(item, here, document, inside))
    return result


def _scalar(node: yaml.ScalarNode, path: Path, line: int) -> Any:
    text = node.value
    try:
        match node.tag.removeprefix(_TAG):
            case "str" | "!":
                return text
            case "null":
                return None
            case "bool":
                return {"true": True, "false": False}[text.lower()]
            case "int":
                return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            case "float":
                return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
    except (KeyError, ValueError):
        raise YamlError(line, path, f"{text!r} does not fit its tag") from None
    raise YamlError(line, path, f"the tag {node.tag} is not known here")
