"""How an utterance is tidied: politeness, numbers and spelling, before any sentence is tried."""

import re
from functools import lru_cache


def listed(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


def _ordered(text: str) -> list[str]:
    return text.split()


_UNITS = dict(
    zip(
        _ordered(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen"
        ),
        range(20),
        strict=True,
    )
)
_TENS = dict(
    zip(
        _ordered("twenty thirty forty fifty sixty seventy eighty ninety"),
        range(20, 100, 10),
        strict=True,
    )
)
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBER = re.compile(
    rf"\b(?:(?:(?P<hundreds>a|{_UNIT}) hundred(?: and)?\s?)?(?:(?P<tens>{'|'.join(_TENS)})"
    rf"(?:[ -](?P<ones>{_UNIT}))?|(?P<unit>{_UNIT}))|(?P<only>a|{_UNIT}) hundred)\b"
)
_POINT = re.compile(r"\b(\d+) point (\d+)\b")
_HALF = re.compile(r"\b(\d+) and (?:a|1) half\b")
_SPELLINGS = [
    (re.compile(r"[\u2018\u2019`]"), "'"),
    (re.compile(r"[\u201c\u201d]"), '"'),
    (re.compile(r"\s+"), " "),
]
_SIGNS = [
    (re.compile(r" ?%"), " percent"),
    (re.compile(r" ?\u00b0 ?c\b| degrees? (?:celsius|centigrade|c)\b"), " degrees"),
    (re.compile(r" ?\u00b0 ?f\b| degrees? (?:fahrenheit|f)\b"), " degrees"),
    (re.compile(r" ?\u00b0"), " degrees"),
    (re.compile(r"(?<=\d) ?(?:celsius|fahrenheit|[cf])\b"), " degrees"),
    (re.compile(r"\bper cent\b"), "percent"),
    (re.compile(r"\b(?:t\.v\.|television|telly)"), "tv"),
    (re.compile(r"\ba/c\b|\bair[ -]?con(?:dition(?:er|ing))?\b"), "ac"),
    (re.compile(r"\bwhat's\b|\bwhats\b"), "what is"),
    (re.compile(r"\bcolour\b"), "color"),
    (re.compile(r"[!?\";]|(?<!\d)\.|\.(?!\d)|,(?=\d{3}\b)"), ""),
    (re.compile(r"\s+"), " "),
]
_BEFORE = re.compile(
    r"^(?:hey|hi|hello|okay|ok|please|kindly|now|just|well|so|also|and|then|quick(?:ly)?"
    r"|(?:can|could|would|will) you(?: please| kindly)?|go ahead and"
    r"|i(?:'d| would) (?:like|love) (?:you |for you )?to|i (?:want|need) you to"
    r"|i (?:want|need) to|let's|be so kind (?:as )?to)[, ]+",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"[, ]+(?:please|(?:and )?(?:thanks|thank you)|for me|right now|now|right away|immediately"
    r"|(?:would|could|will|can) you|if you (?:can|could|would|please)|again)$",
    re.IGNORECASE,
)
_MIND = re.compile(r"^(?:would|do) you mind (?:please )?(\w+?)ing\b(.*)$", re.IGNORECASE)
_BASE = {
    "mak": "make",
    "clos": "close",
    "paus": "pause",
    "rais": "raise",
    "mut": "mute",
    "us": "use",
    "activat": "activate",
    "resum": "resume",
    "increas": "increase",
    "decreas": "decrease",
    "reduc": "reduce",
    "chang": "change",
    "announc": "announce",
}


def tidy(utterance: str) -> str:
    """Return the words as said: one space between them, no closing stop, no politeness."""
    text = utterance
    for pattern, to in _SPELLINGS:
        text = pattern.sub(to, text)
    return polite_off(text.strip().rstrip(".!?,; ").lstrip(",; "))


def polite_off(text: str) -> str:
    """Return the words without "could you", "please" and their like around them."""
    found = _MIND.match(text)
    if found:
        text = _ungerund(found[1]) + found[2]
    for pattern in (_BEFORE, _AFTER):
        while True:
            shorter = pattern.sub("", text)
            if shorter == text or not shorter:
                break
            text = shorter
    return text


def _ungerund(stem: str) -> str:
    """Return the verb of "turn(ing)", "dimm(ing)", "clos(ing)"."""
    low = stem.lower()
    if low in _BASE:
        return _BASE[low]
    doubled = len(low) > 3 and low[-1] == low[-2] and low[-1] in "mnptg"
    return low[:-1] if doubled else low


def plain(text: str) -> str:
    """Return the words in one spelling: lower case, numbers as digits, signs as words."""
    text = digits(text.lower())
    for pattern, to in _SIGNS:
        text = pattern.sub(to, text)
    return text.strip()


def digits(text: str) -> str:
    """Write number words as digits: "twenty one" is 21, "two and a half" 2.5."""
    text = _NUMBER.sub(_as_digits, text)
    text = _POINT.sub(r"\1.\2", text)
    return _HALF.sub(r"\1.5", text)


def _as_digits(found: re.Match[str]) -> str:
    hundreds = found["hundreds"] or found["only"]
    number = 100 * (1 if hundreds == "a" else _UNITS[hundreds]) if hundreds else 0
    number += _TENS.get(found["tens"] or "", 0)
    number += _UNITS.get(found["ones"] or found["unit"] or "", 0)
    return str(number)


@lru_cache(maxsize=4096)
def word(text: str) -> str:
    """Return one word as names compare: singular, without a possessive."""
    text = text.removesuffix("'s").removesuffix("s'").strip("'-.()")
    if len(text) > 3 and text.endswith("s") and not text.endswith("ss"):
        return text[:-1]
    return text


@lru_cache(maxsize=2048)
def name_words(name: str) -> tuple[str, ...]:
    """Return a name's words as they compare with what is said."""
    words = tuple(filter(None, map(word, re.split(r"[\s/,()&_-]+", plain(name)))))
    return tuple(each for each in words if each != "smart") or words


def article(noun: str) -> str:
    """Return the noun with "a" or "an"."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"
