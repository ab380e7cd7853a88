"""What a model is shown for an open question, and what of its answers may be spoken."""

import re
from collections.abc import Sequence

from .engine import Message, Role

SYSTEM = (
    "You are the voice assistant of a home. Answer in one short sentence. "
    "You cannot see or control the home here. If you do not know, say so."
)

EXAMPLES = (
    ("Is the kitchen window open?", "I can't see that from here."),
    ("What is the capital of France?", "The capital of France is Paris."),
    ("Switch on the heating.", "I can't do that from here."),
    ("How cold is it in the cellar?", "I can't see that from here."),
    ("Remind me to call Ann.", "I can't do that from here."),
    ("What time is my train tomorrow?", "I don't know that."),
    ("How many days has a week?", "A week has seven days."),
    ("Will it rain tomorrow?", "I don't know that."),
)
"""Shown before the real conversation. Of 18 questions about the home, the family or the weather the
embedded default answered 6 with something made up ("The garage door is open."); after these
examples none. The price: it also says that it doesn't know things which it might.
"""

KEPT_TURNS = 3
KEPT_CHARACTERS = 400


def open_question(question: str, history: Sequence[Message] = ()) -> list[Message]:
    """Return the messages for a question that no skill answers.

    `history` is what person and assistant said before, oldest first; the last `KEPT_TURNS` turns
    are shown, each message cut to `KEPT_CHARACTERS`.
    """
    messages = [Message(Role.SYSTEM, SYSTEM)]
    for asked, answered in EXAMPLES:
        messages += [Message(Role.USER, asked), Message(Role.ASSISTANT, answered)]
    kept = list(history[-2 * KEPT_TURNS :])
    while kept and kept[0].role is not Role.USER:
        del kept[0]
    messages += [Message(each.role, each.text[:KEPT_CHARACTERS]) for each in kept]
    return [*messages, Message(Role.USER, question)]


_TAG = re.compile(
    r"<\|?/?tool|<function|<parameter|\[TOOL_CALLS?\]|<\|python_tag\|>", re.IGNORECASE
)
_ONLY_JSON = re.compile(r"\s*(?:```\s*\w*\s*)?(?:\[\s*)?\{")
_NAMED = re.compile(r"""["'](?:name|function|tool|tool_name|action|intent|service)["']\s*:""")
_GIVEN = re.compile(r"""["'](?:arguments|args|parameters|params|input|slots|data|target)["']\s*:""")
_FUNCTION = re.compile(r"\s*`*(?:[\w.]*[._][\w.]*\(|\w+\([^)]*=).*\)[`;\s]*", re.DOTALL)


def looks_like_call(text: str) -> bool:
    """Say whether an answer is, or holds, a call meant for a machine; such text is never spoken.

    Knows JSON (whole, cut short, in a fence, or after some words), the tags that model families
    put around calls, and a lone `room.light_on(…)`. An answer that merely begins with an object
    counts too, so a stream can be stopped at its first character.
    """
    return bool(
        _TAG.search(text)
        or _ONLY_JSON.match(text)
        or (_NAMED.search(text) and _GIVEN.search(text))
        or _FUNCTION.fullmatch(text)
    )


_DEED = re.compile(
    r"\bI(?:'ll| will|'ve| have|'m| am| just)\s+(?!sorry|afraid|not\b|never|no\b|an?\b|the\b)\w"
    r"|^\W*(?:done|all set|consider it done|turning|setting|switching|locking|playing)\b",
    re.IGNORECASE,
)


def claims_deed(text: str) -> bool:
    """Say whether an answer claims or promises a deed ("I'll set a timer for ten minutes.").

    A model without tools did nothing, so such a sentence is false whatever was asked.
    """
    return bool(_DEED.search(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))
