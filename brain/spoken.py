"""How much of an answer that is still being written may be heard already."""

import re

_OWN = re.compile(r"\bI(?:['\N{RIGHT SINGLE QUOTATION MARK}]\w*)?(?:\s+\w*){0,2}$", re.IGNORECASE)
"""The last words, where they may become a deed: "I will" before it is known what."""
_BEGINNING = re.compile(r"\W*(?:(?:all|consider)(?:\s+\w*){0,2}|\S*)", re.IGNORECASE)
"""All of the text, where it may become one of the deeds that answers begin with: "All s"."""
_MACHINE = re.compile(r"[{<\[`]|[\w.]+\(")
"""Where a call may begin; who means a brace is heard at the end."""
_LAST_WORD = re.compile(r"[\w'\N{RIGHT SINGLE QUOTATION MARK}]+$")


def settled(text: str) -> str:
    """Return the text without a last word that may go on."""
    return _LAST_WORD.sub("", text)


def audible(text: str) -> int:
    """Return how many characters of an unfinished answer can't become a part of a deed or a call.

    What is behind them is held back until more is known, at the latest until the answer is whole.
    """
    if _BEGINNING.fullmatch(text):
        return 0
    starts = [found.start() for each in (_OWN, _MACHINE) if (found := each.search(text))]
    return min(starts, default=len(text))
