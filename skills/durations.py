"""Lengths of time: "12m", "1h30m", "2.5 minutes" and "ten minutes", read and written."""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, Field

from .phrases import in_digits

_SIZES = {"h": 3600, "m": 60, "s": 1}
_PART = re.compile(
    r"(\d+(?:\.\d+)?) ?(h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)"
    r"(?![a-z])(?:,? (?:and )?)?"
)
LONGEST = 24 * 3600


def seconds_of(text: str) -> int:
    """Return the length in whole seconds.

    Raises `ValueError` for no length of time, and for one under a second or over 24 hours.
    """
    words = re.sub(r"\bhalf an?\b", "0.5", in_digits(text.strip().lower()))
    words = re.sub(r"\ban?\b", "1", words)
    # A space where the letters of one part meet the digits of the next.
    words = re.sub(r"(?<=[hms])(?=\d)", " ", words)
    at, total = 0, Fraction(0)
    while found := _PART.match(words, at):
        total += Fraction(found[1]) * _SIZES[found[2][0]]
        at = found.end()
    if at != len(words) or not words:
        raise ValueError(f"{text!r} is no length of time; say for example 10m or 1h30m")
    if not 1 <= round(total) <= LONGEST:
        raise ValueError("a timer runs from 1 second to 24 hours")
    return round(total)


def written(seconds: int) -> str:
    """Write a length shortly: "1h30m"."""
    parts = []
    for unit, size in _SIZES.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    str,
    Field(max_length=80, description="length of time, as 12m, 90s or 1h30m"),
    AfterValidator(lambda text: written(seconds_of(text))),
]
"""An argument that is a length of time; checked, it is in the short form."""
