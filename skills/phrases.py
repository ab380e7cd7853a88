"""Small words that every skill says in the same way, made to be heard as well as read."""

import re
from collections.abc import Sequence

_UNITS = (("hour", 3600), ("minute", 60), ("second", 1))


def the(name: str) -> str:
    """Put an article before a thing's name, unless it has an owner or an article already."""
    first = name.split(" ", 1)[0]
    owned = first.lower() in ("the", "my", "our", "a", "an") or first.endswith(("'s", "\u2019s"))
    return name if owned else f"the {name}"


def begin(sentence: str) -> str:
    """Begin with a capital letter."""
    return sentence[:1].upper() + sentence[1:]


def joined(parts: Sequence[str]) -> str:
    """Say several things in a row: "milk, eggs and bread"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def number(value: float) -> str:
    """Say a number without a useless fraction."""
    return f"{value:.10g}"


def spoken_duration(seconds: int) -> str:
    """Say a length of time: "1 hour 30 minutes"."""
    said = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            said.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(said) or "0 seconds"


_SMALL = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})(?:[ -]({'|'.join(_SMALL[1:10])}))?\b")


def in_digits(text: str) -> str:
    """Write number words up to ninety-nine in digits: "twenty-five minutes" is "25 minutes"."""

    def compound(found: re.Match[str]) -> str:
        return str(20 + 10 * _TENS.index(found[1]) + (_SMALL.index(found[2]) if found[2] else 0))

    text = _COMPOUND.sub(compound, text)
    return re.sub(rf"\b({'|'.join(_SMALL)})\b", lambda found: str(_SMALL.index(found[1])), text)
