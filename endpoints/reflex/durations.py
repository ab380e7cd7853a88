"""Lengths of time and sums, read from words."""

import re

from .words import plain

_UNITS = {"h": 3600, "m": 60, "s": 1}
_AMOUNT = r"(\d+(?:\.\d+)?|an?|half(?: an?)?|(?:a |1 )?quarter(?: of an?)?|3 quarters of an?)"
_PIECE = re.compile(
    rf"{_AMOUNT}[ -]?(h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)\b( and (?:a|1) half)?"
)
_JOIN = re.compile(r"(?:,| and|,? )*")
_FRACTIONS = {"a": 1.0, "an": 1.0, "half": 0.5}


def duration(text: str) -> str | None:
    """Return a length of time as "10m", "90s" or "1h30m"; None if the words are none.

    "A quarter of an hour", "an hour and a half" and "two and a half minutes" are understood.
    """
    words = plain(text).replace("-", " ")
    words = re.sub(r"(\d)([hms])(?=\d)", r"\1\2 ", words)
    words = re.sub(r"\b(an?) couple of\b", "2", words)
    at, total = 0, 0.0
    while at < len(words):
        found = _PIECE.match(words, at)
        if found is None:
            return None
        unit = _UNITS[found[2][0]]
        total += _amount(found[1]) * unit + (unit / 2 if found[3] else 0)
        joint = _JOIN.match(words, found.end())
        at = joint.end() if joint else found.end()
    return _written(round(total)) if total >= 1 else None


def _amount(text: str) -> float:
    if "quarter" in text:
        return 0.75 if text.startswith("3") else 0.25
    first = text.split()[0]
    return _FRACTIONS.get(first) or float(first)


def _written(seconds: int) -> str:
    if seconds < 120 and seconds % 60:
        return f"{seconds}s"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


_OPERATORS = [
    (re.compile(r"(\d+(?:\.\d+)?) percent of\b"), r"\1 / 100 *"),
    (re.compile(r"(\d+(?:\.\d+)?) percent\b"), r"\1 / 100"),
    (re.compile(r"\b(?:multiplied by|times)\b|(?<=\d) ?x ?(?=\d)|\u00d7"), " * "),
    (re.compile(r"\bdivided by\b|\bover\b|\u00f7"), " / "),
    (re.compile(r"\b(?:plus|added to|and)\b"), " + "),
    (re.compile(r"\bminus\b|\bless\b"), " - "),
    (re.compile(r"\b(?:to the power of|to the)\b|\^"), " ** "),
    (re.compile(r"\bsquared\b"), " ** 2"),
    (re.compile(r"\bcubed\b"), " ** 3"),
    (re.compile(r"\bhalf of\b"), "0.5 *"),
    (re.compile(r"\s+"), " "),
]
_SUM = re.compile(r"[\d.\s()+*/-]+")
_SHARE = re.compile(r"[\d.]+ / 100")
_HAS_OPERATOR = re.compile(r"[\d)]\s*(?:[+*/-]|\*\*)\s*[\d(-]")


def expression(text: str) -> str | None:
    """Return a sum in signs ("12 * 7", "15 / 100 * 80"); None if the words are none."""
    words = plain(text)
    for pattern, to in _OPERATORS:
        words = pattern.sub(to, words)
    words = words.strip(" =")
    whole = _SUM.fullmatch(words) and _HAS_OPERATOR.search(words) and not _SHARE.fullmatch(words)
    return words if whole else None


def root(text: str) -> str | None:
    """Return the square root of a number as a sum in signs."""
    number = plain(text)
    return f"{number} ** 0.5" if re.fullmatch(r"\d+(?:\.\d+)?", number) else None
