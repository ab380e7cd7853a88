"""Sentence templates in hassil's language, made into patterns that no home's size slows down.

hassil's own matcher tries every name of the home at every place of a template. Here a template
only cuts the sentence: what stands for a thing stays open and is looked up afterwards
(`targets`), so a home of 200 devices costs what one of 20 does.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml
from hassil.expression import (
    Alternative,
    Expression,
    ListReference,
    RuleReference,
    Sentence,
    Sequence,
    TextChunk,
)
from hassil.parse_expression import parse_sentence

from . import values

_SPACE = r"(?: |\b)"


@dataclass(frozen=True)
class Frame:
    """One way to read a sentence: the intent, and the words that fill its slots."""

    intent: str
    slots: Mapping[str, Any] = field(default_factory=dict)

    def text(self, slot: str) -> str | None:
        """Return the words in this slot, or None if it is empty."""
        value = self.slots.get(slot)
        return value.strip() if isinstance(value, str) and value.strip() else None


@dataclass(frozen=True)
class _Template:
    intent: str
    pattern: re.Pattern[str]
    clauses: tuple[tuple[str, ...], ...]
    constants: Mapping[str, Any]
    meanings: Mapping[str, Mapping[str, Any]]

    def possible(self, words: str) -> bool:
        return all(any(each in words for each in clause) for clause in self.clauses)

    def read(self, text: str) -> Frame | None:
        found = self.pattern.fullmatch(text)
        if found is None:
            return None
        slots = dict(self.constants)
        for name, value in found.groupdict().items():
            slot = name.split("__")[0]
            if value is not None:
                slots[slot] = self.meanings.get(slot, {}).get(value.lower(), value)
        return Frame(self.intent, slots)


class Grammar:
    """The templates of one file, in the order in which they are to be tried."""

    def __init__(self, file: str) -> None:
        """Load `sentences/FILE`; raises what hassil raises for a template that is wrong."""
        text = (files(__package__) / "sentences" / file).read_text(encoding="utf-8")
        source = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        rules = {name: parse_sentence(body) for name, body in source.get("rules", {}).items()}
        lists = {name: _listed(body) for name, body in source["lists"].items()}
        maker = _PatternMaker(rules, lists)
        self._templates = [
            maker.template(intent, sentence, block.get("slots", {}))
            for intent, blocks in source["intents"].items()
            for block in blocks
            for sentence in block["sentences"]
        ]

    def read(self, text: str) -> Iterator[Frame]:
        """Yield every way in which the whole text fits, the likeliest first."""
        words = text.lower()
        for template in self._templates:
            if template.possible(words):
                frame = template.read(text)
                if frame is not None:
                    yield frame


def _listed(body: Any) -> tuple[str, dict[str, Any]]:
    """Return a slot's expression and what its words mean.

    A list of words, a table from words to meanings, a regular expression, or a name for one:
    `words` for open text, and `value` for all that `values` reads.
    """
    if body == "words":
        return ".+?", {}
    if body == "value":
        return values.pattern(), {}
    if isinstance(body, str):
        return body, {}
    outs = dict(body) if isinstance(body, dict) else {}
    longest_first = sorted(map(str, body), key=len, reverse=True)
    return "|".join(map(re.escape, longest_first)), outs


class _PatternMaker:
    """Turns parsed templates into regular expressions."""

    def __init__(
        self, rules: dict[str, Sentence], lists: dict[str, tuple[str, dict[str, Any]]]
    ) -> None:
        self._rules = rules
        self._lists = lists
        self._seen: dict[str, int] = {}
        self._meanings: dict[str, dict[str, Any]] = {}

    def template(self, intent: str, sentence: str, constants: dict[str, Any]) -> _Template:
        """Return the sentence as a template whose match also fills these slots."""
        parsed = parse_sentence(sentence)
        self._seen, self._meanings = {}, {}
        regex = self._regex(parsed.expression)
        clauses = parsed.get_required_clauses(self._rules)
        return _Template(
            intent=intent,
            pattern=re.compile(regex, re.IGNORECASE),
            clauses=tuple(tuple(clause) for clause in sorted(clauses, key=len)),
            constants=constants,
            meanings=self._meanings,
        )

    def _regex(self, part: Expression) -> str:
        match part:
            case TextChunk():
                return re.sub(r"(?:\\ |\s)+", lambda _: _SPACE, re.escape(part.text))
            case Sequence():
                return "".join(map(self._regex, part.items))
            case Alternative():
                return f"(?:{'|'.join(map(self._regex, part.items))})"
            case RuleReference():
                return f"(?:{self._regex(self._rules[part.rule_name].expression)})"
            case ListReference():
                if part.list_name not in self._lists:
                    raise ValueError(f"a sentence has {{{part.list_name}}}, which no list explains")
                return self._slot(part.slot_name, *self._lists[part.list_name])
        raise TypeError(f"a template may not hold a {type(part).__name__}")

    def _slot(self, slot: str, regex: str, meaning: dict[str, Any]) -> str:
        """Return a named group; a slot that stands twice in one template gets a number."""
        if meaning:
            self._meanings[slot] = meaning
        count = self._seen.get(slot, 0)
        self._seen[slot] = count + 1
        return f"(?P<{slot}{f'__{count}' if count else ''}>{regex})"
