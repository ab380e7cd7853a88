"""What an answer to an open question means: one of its options, several, or none."""

import re

from .resolution import Answer, Context, Option, Question, Resolution
from .things import ask
from .words import listed, name_words, word

_FILLERS = listed(
    "the one ones a in on at of please i mean meant said just only that's it's number option "
    "that this my for thing to"
)
_ALL = frozenset({"both", "all", "everything", "each", "every", "both of them", "all of them",
                  "each of them", "all three", "the lot", "all of those"})  # fmt: skip
_NONE = frozenset({"neither", "none", "none of them", "neither of them", "nothing", "cancel",
                   "never mind", "nevermind", "forget it", "no", "no thanks", "leave it", "nope",
                   "cancel that", "don't", "neither one"})  # fmt: skip
_ORDER = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3,
          "4th": 3, "fifth": 4, "5th": 4, "last": -1, "former": 0, "latter": -1}  # fmt: skip


def answer(said: str, question: Question, context: Context) -> Resolution | None:
    """Return what the words mean as an answer, or None if they are none.

    Nothing is done for "neither": an `Answer` closes the question.
    """
    text = re.sub(r"[,.!?]", "", said.lower()).strip()
    if text in _NONE:
        return Resolution((Answer("All right, none of them."),))
    if text in _ALL or re.fullmatch(r"(?:all|both)(?: of)? (?:them|the\b.*)", text):
        return Resolution(tuple(act for each in question.options for act in each.acts))
    spoken = [each for each in text.split() if each not in _FILLERS]
    if len(spoken) == 1 and spoken[0] in _ORDER:
        number = _ORDER[spoken[0]]
        if number < len(question.options):
            return Resolution(question.options[number].acts)
    chosen = _fitting({word(each) for each in spoken}, question, context)
    if not chosen:
        return None
    return Resolution(chosen[0].acts if len(chosen) == 1 else (ask(tuple(chosen)),))


def _fitting(words: set[str], question: Question, context: Context) -> list[Option]:
    """Return the options that the words mean: those with just this label, else with all words."""
    if not words:
        return []
    exact = [each for each in question.options if set(name_words(each.label)) == words]
    return exact or [each for each in question.options if words <= _vocabulary(each, context)]


def _vocabulary(option: Option, context: Context) -> set[str]:
    words = set(name_words(option.label))
    for act in option.acts:
        words |= set(name_words(act.phrase))
        device = context.home.device(str(act.call.args.get("target")))
        if device:
            words |= set(
                name_words(f"{device.name} {device.area or ''} {' '.join(device.aliases)}")
            )
    return words
