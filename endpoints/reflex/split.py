"""Several commands in one sentence: where to cut, and what the parts share."""

import re
from collections.abc import Callable

from .resolution import Act, Part, Refusal

MOST = 8
"""Pieces; a sentence with more is not for the reflex."""
_CUT = re.compile(
    r"(,? and (?:then |also )?|,? then |, ?(?:then )?|; ?|\. (?=\w)|,? as well as |,? but )"
)
_PRONOUN = re.compile(r"\b(?:it|them|that|those|these)\b", re.IGNORECASE)
_PLACE = re.compile(r" (?:in|on|at) (?:the |my )?([\w' /-]+)$", re.IGNORECASE)

Reader = Callable[[str, str | None, tuple[str, ...]], tuple[Part, ...] | None]
"""Reads one command, with the words of a place that it shares and the ids of the things that
were just spoken of; None if it makes no sense."""


def cuttable(text: str) -> bool:
    """Say whether anything in the text joins commands."""
    return bool(_CUT.search(text))


def several(text: str, read: Reader, also_whole: bool = True) -> tuple[Part, ...]:
    """Return the parts of all commands in the text; nothing unless every word of it is understood.

    A piece is as long as can be, so a name or a text with "and" in it stays whole. Without
    `also_whole`, the text as one command is no answer.
    """
    cuts = _CUT.split(text)
    pieces = cuts[::2]
    if len(pieces) > MOST or not all(pieces):
        pieces, cuts = [text], [text]
    known: dict[str, tuple[Part, ...] | None] = {} if also_whole else {text: None}
    spans = _segment(cuts, len(pieces), read, known, _possible)
    spans = spans or _segment(cuts, len(pieces), read, known, bool)
    if spans is None:
        return ()
    return tuple(part for parts in _shared(spans, read) for part in parts)


Span = tuple[str, tuple[Part, ...]]


def _possible(parts: tuple[Part, ...] | None) -> bool:
    return bool(parts) and not any(isinstance(part, Refusal) for part in parts or ())


def _segment(
    cuts: list[str],
    count: int,
    read: Reader,
    known: dict[str, tuple[Part, ...] | None],
    good: Callable[[tuple[Part, ...] | None], bool],
) -> list[Span] | None:
    """Return the pieces with what they mean, the longest first; None if one of them is not good."""
    best: dict[int, list[Span] | None] = {count: []}
    for start in range(count - 1, -1, -1):
        best[start] = None
        for end in range(count, start, -1):
            after = best[end]
            if after is None:
                continue
            text = "".join(cuts[2 * start : 2 * end - 1])
            if text not in known:
                known[text] = read(text, None, ())
            parts = known[text]
            if parts and good(parts):
                best[start] = [(text, parts), *after]
                break
    return best[0]


def _shared(spans: list[Span], read: Reader) -> list[tuple[Part, ...]]:
    """Let "it" mean the piece before, and what is unclear take the place that the last names."""
    place = _PLACE.search(spans[-1][0])
    result: list[tuple[Part, ...]] = []
    spoken: tuple[str, ...] = ()
    for text, first in spans:
        parts = first
        if spoken and _PRONOUN.search(text):
            parts = read(text, None, spoken) or first
        if place and not _acts(parts):
            again = read(text, place[1].lower(), spoken)
            parts = again if again and _acts(again) else parts
        result.append(parts)
        spoken = _targets(parts) or spoken
    return result


def _acts(parts: tuple[Part, ...]) -> bool:
    return all(isinstance(part, Act) for part in parts)


def _targets(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Return the ids of the home's things that these parts act on."""
    calls = [part.call.args.get("target") for part in parts if isinstance(part, Act)]
    return tuple(str(each) for each in calls if each)
