"""The entry of tier 0: what an utterance means, by sentences and what is there, without a model."""

import re
from collections.abc import Iterator
from dataclasses import replace

from . import chores, follow, split
from .answers import Teller
from .patterns import Frame, Grammar
from .resolution import Act, Answer, Command, Context, Part, Refusal, Resolution, Verb
from .things import Doer
from .wishes import VERBS, timed
from .words import plain, polite_off, tidy

LONGEST = 1000
"""Characters of an utterance, for what is noted, remembered or announced."""
LONGEST_COMMAND = 300
"""Characters of a command for things; what is longer is a story."""
_NOT = re.compile(
    r"^(?:please |no |just |and |but )*(?:don't|dont|do not|never|please not"
    r"|you (?:should(?: not|n't)|must(?: not|n't)|can(?:not|'t)|may not|needn't|need not"
    r"|don't (?:have|need) to|do not (?:have|need) to|are not to|should never)"
    r"|i (?:don't|do not) want (?:you )?to|i'd rather you (?:didn't|did not|don't)"
    r"|(?:there is |there's )?no need to)(?: ever| yet)? (?P<rest>.+)$"
)
_NEGATED = re.compile(r"\b(?:not|never|no longer|without|cannot)\b|n't\b|\bdont\b")
_BUT_NOT = re.compile(r",? (?:but|and)? ?not (?=the |my |in )")
_AND = re.compile(r" (?:and|or) ")
_WONT = (Answer("All right, I won't."),)
_SMALL = re.compile(
    r"\b(?:just )?(?:a (?:little |tiny )?bit|a little|slightly|a tad|a touch|somewhat)\b ?"
)
_BIG = re.compile(r"\b(?:a lot|much|way|even|some) (?=\w+er\b)")
_PLACE_FIRST = re.compile(
    r"^(?:in|on|at) (?:the |my )?(?P<place>[\w' /-]+?),? (?P<rest>(?:{})\b.+)$".format(
        "|".join(sorted(VERBS))
    ),
    re.IGNORECASE,
)
_PLACE_LAST = re.compile(r"^(?P<rest>.+) (?:in|on|at) (?:the |my )?(?P<place>[\w' /-]+)$")
_PLACE_FRONTED = re.compile(r"^(?:in|on|at) (?:the |my )?(?P<place>[\w' /-]+?),? (?P<rest>\S.*)$")
_REQUEST = re.compile(r"^\W*(?:hey |ok(?:ay)? |please )*(?:can|could|would|will|do) you\b", re.I)


class Reflex:
    """Understands sentences of its templates. One object serves any number of homes."""

    def __init__(self) -> None:
        """Load the sentence templates from the package's own files."""
        self._skills = Grammar("skills.yaml")
        self._asking = Grammar("asking.yaml")
        self._things = Grammar("home.yaml")

    def resolve(self, utterance: str, context: Context) -> Resolution:
        """Return what the utterance means here; no parts if it is not understood.

        Pure: the same utterance in the same context always means the same, and nothing is done.
        """
        said = tidy(utterance)
        if not said or len(said) > LONGEST:
            return Resolution()
        if context.question:
            answered = follow.answer(said, context.question, context)
            if answered:
                return answered
        wonders = utterance.rstrip().endswith("?") and not _REQUEST.match(utterance)
        return Resolution(self._all(said, context, wonders))

    def _all(self, said: str, context: Context, wonders: bool) -> tuple[Part, ...]:
        """Read the whole; where that fails, or only in part, read it as several commands."""
        whole, free = self._whole(said, context, wonders=wonders)
        if (
            not split.cuttable(said)
            or len(said) > LONGEST_COMMAND
            or (whole and not free and not _refused(whole))
        ):
            return whole or ()
        several = self._several(said, context, also_whole=not free)
        return several or whole or ()

    def _several(self, said: str, context: Context, also_whole: bool) -> tuple[Part, ...]:
        scope: str | None = None
        first = _PLACE_FIRST.match(said)
        if first:
            scope, said = first["place"].lower(), first["rest"]

        def read(text: str, shared: str | None, last: tuple[str, ...]) -> tuple[Part, ...] | None:
            here = replace(context, last=last) if last else context
            return self._whole(text, here, shared or scope)[0]

        parts = split.several(said, read, also_whole)
        return _WONT if len(parts) > 1 and _taken_back(parts) else parts

    def _whole(
        self, said: str, context: Context, scope: str | None = None, wonders: bool = False
    ) -> tuple[tuple[Part, ...] | None, bool]:
        """Return the parts of one command, and whether its free text might hold another."""
        said = polite_off(said)
        for frame in self._skills.read(said):
            parts = chores.read(frame, context)
            if parts:
                return parts, frame.intent == "announce"
        if len(said) > LONGEST_COMMAND:
            return None, False
        return self._of_home(_BUT_NOT.sub(" except ", plain(said)), context, scope, wonders), False

    def _of_home(
        self, text: str, context: Context, scope: str | None, wonders: bool
    ) -> tuple[Part, ...] | None:
        negated = _NOT.match(text)
        if negated:
            undone = self._of_home(polite_off(negated["rest"]), context, scope, False)
            if not undone and _AND.search(negated["rest"]):
                undone = self._several(negated["rest"], context, also_whole=False)
            acted = undone and any(isinstance(part, Act) for part in undone)
            return _WONT if acted else None
        if _NEGATED.search(text):
            return None
        less = " ".join(_SMALL.sub("", text).split())
        small, text = less != text, _BIG.sub("", less)
        refusals: list[tuple[Part, ...]] = []
        for rest, place in _places(text, scope):
            for reading in self._readings(rest, context, place, wonders, small):
                if reading and not _refused(reading):
                    return reading
                refusals += [reading] if reading else []
        return min(refusals, key=_vagueness, default=None)

    def _readings(
        self, text: str, context: Context, scope: str | None, wonders: bool, small: bool
    ) -> Iterator[tuple[Part, ...]]:
        """Yield what each template that fits makes of the text, questions first."""
        teller = Teller(context, scope)
        verbless = wonders and not text.startswith(("is ", "are ", "what ", "which ", "how "))
        for frame in self._asking.read(f"is {text}" if verbless else text):
            yield teller.read(frame) or ()
        doer = Doer(context, scope)
        for frame in self._things.read(text):
            if not (wonders and frame.slots.get("sure")):
                slots = {**frame.slots, "small": small}
                yield doer.read(Frame(frame.intent, slots)) or ()


def _refused(parts: tuple[Part, ...]) -> bool:
    return any(isinstance(part, Refusal) for part in parts)


def _taken_back(parts: tuple[Part, ...]) -> bool:
    """Say whether a command of several ends by saying no: "turn it on, no, don't"."""
    last = parts[-1]
    return isinstance(last, Command) and last.verb in (Verb.NO, Verb.CANCEL)


def _vagueness(parts: tuple[Part, ...]) -> tuple[bool, int]:
    """Order refusals: what a known thing can't do first, then the fewest unknown words."""
    texts = [part.text for part in parts if isinstance(part, Refusal)]
    return any(text.startswith("I don't know") for text in texts), sum(map(len, texts))


def _places(text: str, scope: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield the text as it is, then with a place taken off its beginning or its end."""
    yield text, scope
    for pattern in (_PLACE_FIRST, _PLACE_LAST, _PLACE_FRONTED):
        found = pattern.match(text)
        if found and not timed(f"at {found['place']}") and not timed(f"in {found['place']}"):
            yield found["rest"], found["place"]
