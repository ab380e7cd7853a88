"""What a sentence wants done, read from its slots, and which words may name a thing at all."""

import re
from collections.abc import Collection
from dataclasses import replace

from manyends.skills.home.model import Kind

from . import nouns
from .actions import ACTIONS, Wish
from .patterns import Frame
from .values import Value, value
from .words import listed

_A_BIT = {"open": 1, "close": -1}
NO_NAME = listed(
    "if when while because or no minus you i we he she is are was were did do does who what why "
    "how than not me us your his will would can could should with about said says say then"
)
VERBS = listed(
    "turn switch put flip power set change adjust make bring get dim brighten lighten darken open "
    "close shut lock unlock raise lower increase decrease reduce boost start stop run pause play "
    "resume unpause skip mute activate deactivate enable disable vacuum clean hoover dock send "
    "return announce broadcast tell add remind remember cancel note take read show give what "
    "how is are don't do never"
)
"""Words that begin a command of their own, so that none of them begins a name in a list."""
_TIME = re.compile(
    r"\b(?:(?:at|by|until|till|around) (?:\d|noon|midnight|sun|dawn|dusk|night)|in (?:\d+|an?|half)"
    r"(?: an?)? (?:second|minute|hour|moment|day|week)|for (?:\d+|an?) (?:second|minute|hour)"
    r"|after|before|when|whenever|if|unless|while|as soon as|tomorrow|tonight|later|every (?:day|"
    r"night|morning|evening|hour|\w+day)|(?:this|next) (?:morning|evening|afternoon|night|week)"
    r"|on (?:mon|tues|wednes|thurs|fri|satur|sun)day)"
)
"""A thing said for another time is not for the reflex, which only knows now."""
_NO_START = listed("on off up down out to at and or")
_NO_END = _NO_START | {"back", "in", "from", "the"}
BARE = frozenset({"pause", "play", "next", "mute", "clean", "dock"})
"""Verbs that say enough without naming a thing."""
_ROOM_IS_ENOUGH = BARE | {"heat", "heat_no_more", "shift", "set", "mode", "color"}


def read_wish(frame: Frame) -> Wish | None:
    """Read what is to be done; None if the value makes no sense."""
    given = value(frame.text("value"))
    if frame.text("value") and given is None:
        return None
    step = int(frame.slots.get("step", 0))
    wish = Wish(frame.intent, given, step, bool(frame.slots.get("small")), frame.text("item"))
    if frame.intent in _A_BIT and wish.small:
        wish = replace(wish, verb="shift", step=_A_BIT[frame.intent])
    if frame.intent == "set":
        if given is None or not _fits(given, frame.text("property")):
            return None
        if given.unit in ("color", "mode"):
            wish = replace(wish, verb="off" if given.word == "off" else given.unit)
    if frame.intent == "shift" and given and given.number is None:
        return None
    return wish


def timed(words: str) -> bool:
    """Say whether the words name a time, so that what they are said of is not for now."""
    return bool(_TIME.search(words))


def can_be_name(name: str) -> bool:
    """Say whether the words can name a thing: no times, no verbs and nobody in them."""
    words = name.split()
    edges = words[0] in _NO_START or words[-1] in _NO_END
    return not (timed(name) or edges or NO_NAME & set(words))


def _fits(given: Value, prop: str | None) -> bool:
    kinds = nouns.PROPERTIES[prop] if prop else frozenset[Kind]()
    return not kinds or bool(kinds & given.kinds)


def in_degrees(given: Value | None) -> bool:
    return given is not None and given.unit == "degrees"


def kinds_for(wish: Wish, prop: str | None) -> Collection[Kind]:
    """Return the kinds of thing that can do it."""
    able = frozenset(ACTIONS[wish.verb])
    meant = nouns.PROPERTIES[prop] if prop else frozenset[Kind]()
    if wish.value and wish.verb in ("set", "shift"):
        able &= wish.value.kinds
    return (able & meant) if meant else able


def room_is_enough(wish: Wish, prop: str | None) -> bool:
    if wish.verb in ("set", "shift"):
        return bool(prop and prop != "level") or in_degrees(wish.value)
    return wish.verb in _ROOM_IS_ENOUGH
