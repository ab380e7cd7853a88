"""Which devices a phrase means: every word must be explained by a name, an area or a noun.

Nothing unknown ever widens the meaning: one unexplained word and nothing fits. Of what fits, the
area that was named comes first, then the area of the device spoken to, then the closest name.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from manyends.skills.home.model import Device, HomeView, Kind

from . import nouns
from .words import article, listed, name_words, plain, word

_FILLERS = listed(
    "the a an my our your this that these those of in on at for from to inside some thing one "
    "device there please just also and by near smart next"
)
_ALL = re.compile(
    r"\b(?:all(?: of)?(?: the| my| our| these| those)?|every(?: single)?|each(?: of)?(?: the)?"
    r"|both)\b"
)
_EVERYTHING = re.compile(r"^(?:everything|all|every ?thing)\b")
_EVERYWHERE = re.compile(
    r"\b(?:everywhere|(?:in |of |throughout |across )?(?:the |my |our )?(?:whole|entire) "
    r"(?:house|home|apartment|flat|place)|in (?:every|each|all) (?:the )?rooms?"
    r"|(?:in|throughout|around) (?:the|my|our) (?:house|home|apartment|flat))\b"
)
_HERE = re.compile(r"\b(?:(?:in )?here|(?:in )?this (?:room|area|place))\b")
_EXCEPT = re.compile(r",? (?:except(?: for)?|apart from|other than|but(?: not)?|besides) ")
_ROOMS = listed("room area house floor")
"""Words that say nothing alone: "my room" is not the living room."""
_LEADING = re.compile(r"^(?:(?:the|my|our|a|an) )+")
_PLACE = re.compile(r"\b(?:in|at|on|from|inside) (?:the |my |our )?(.+)$")
PRONOUNS = listed("it them that this those these they everyone") - {"everyone"}


@dataclass(frozen=True)
class Wanted:
    """What a phrase asks for, before anybody looks at the home."""

    words: frozenset[str]
    phrase: str
    """What was said, without the words for how many."""
    raw: str
    """The same without all words that name nothing."""
    many: bool = False
    """A plural: several things of one place."""
    all: bool = False
    """All of them, wherever they are."""
    everything: bool = False
    """All of them, of whatever kind."""
    here: bool = False
    place: str | None = None
    """The words after "in the"."""


@dataclass(frozen=True)
class Found:
    """Devices that fit. Several without `many` means that it must be asked."""

    devices: tuple[Device, ...] = ()
    many: bool = False
    by_area: bool = False
    """Whether the question is in which area, since several of one are meant."""
    unknown: str | None = None
    """What there is not, in words for people; set if and only if no device fits."""
    surely_home: bool = False
    """Whether the phrase spoke of a thing that homes have, even if this one has not."""


@dataclass(frozen=True)
class _Entry:
    number: int
    own: frozenset[str]
    area: frozenset[str]
    labels: frozenset[frozenset[str]]
    names: frozenset[frozenset[str]]
    sure: frozenset[str]
    possible: frozenset[str]
    kind: Kind
    area_name: str | None

    def tier(self, wanted: frozenset[str], area_alone: bool) -> int | None:
        """Return how well the words fit, 0 best; None if a word is left unexplained."""
        if wanted in self.labels:
            return 0
        if not wanted:
            return 2
        if wanted & _ROOMS and not wanted & (self.own | self.area) - _ROOMS - nouns.ALL:
            return None
        if wanted <= self.area:
            return 3 if area_alone else None
        rest = wanted - self.own - self.area
        if not rest:
            return 1
        if rest <= self.sure:
            return 2
        return 3 if rest <= self.sure | self.possible else None


class HomeIndex:
    """The names of one home, ready to be looked up. States are never kept here."""

    def __init__(
        self,
        things: Sequence[tuple[str, Kind, str | None, tuple[str, ...]]],
        areas: Collection[str],
    ) -> None:
        self._entries = [_entry(number, *thing) for number, thing in enumerate(things)]
        names = {*areas, *(thing[2] for thing in things if thing[2])}
        self._areas = [(option, area) for area in names for option in _area_options(area)]
        self._known: frozenset[str] = frozenset().union(
            *(each.own | each.area for each in self._entries),
            *(option for option, _ in self._areas),
        )

    def find(
        self, wanted: Wanted, kinds: Collection[Kind], here: str | None, area_alone: bool = False
    ) -> list[tuple[int, int]]:
        """Return (tier, number) of each device of these kinds that the words mean.

        `here` is the area of the device spoken to. With `area_alone` the name of a room is
        enough to mean what is in it.
        """
        area_alone = area_alone or wanted.everything
        fits = [
            (tier, each)
            for each in self._entries
            if each.kind in kinds and (tier := each.tier(wanted.words, area_alone)) is not None
        ]
        fits = self._in_place(fits, wanted, here)
        if not fits:
            return []
        limit = min(tier for tier, _ in fits)
        if wanted.many:
            limit = 3 if wanted.everything or limit == 3 or _one_group(fits) else 2
        return [(tier, each.number) for tier, each in fits if tier <= limit]

    def _in_place(
        self, fits: list[tuple[int, _Entry]], wanted: Wanted, here: str | None
    ) -> list[tuple[int, _Entry]]:
        named = self.areas_in(wanted.words)
        by_name = [fit for fit in fits if wanted.words in fit[1].names]
        own = [fit for fit in by_name if here and fit[1].area_name == here]
        if wanted.here:
            return [fit for fit in fits if fit[1].area_name == here]
        if named:
            inside = [fit for fit in fits if fit[1].area_name in named]
            if len(by_name) > 1 or (by_name and not any(tier == 0 for tier, _ in inside)):
                return own or by_name
            return inside
        if wanted.all or wanted.everything:
            return fits
        near = [fit for fit in fits if here and fit[1].area_name == here]
        if near or not wanted.words <= nouns.ALL:
            return near or fits
        return [(max(tier, 1), each) for tier, each in fits]

    def areas_in(self, words: frozenset[str]) -> set[str]:
        """Return the areas whose whole name is among the words, the fullest names only."""
        hits = [(option, area) for option, area in self._areas if option <= words]
        return {area for option, area in hits if not any(option < other for other, _ in hits)}

    def is_place(self, words: frozenset[str]) -> bool:
        """Say whether the words name an area and nothing else."""
        named = self.areas_in(words)
        return bool(words) and any(words <= set(name_words(each)) for each in named)

    def strangers(self, words: Collection[str]) -> list[str]:
        """Return the words that no name, area or noun explains, in their order."""
        return [each for each in words if each not in self._known and each not in nouns.ALL]


def _one_group(fits: list[tuple[int, _Entry]]) -> bool:
    kinds = {each.kind for _, each in fits}
    return len(kinds) == 1 and len(nouns.GROUPS[next(iter(kinds))]) == 1


def _area_options(area: str) -> set[frozenset[str]]:
    """Return the names of an area: "kitchen/diner (upstairs)" is also "kitchen" and "diner"."""
    bare = re.sub(r"\(.*?\)", "", area)
    names = {area, bare, *bare.split("/")}
    return {frozenset(name_words(name)) for name in names if name_words(name)}


def _entry(
    number: int, name: str, kind: Kind, area: str | None, aliases: tuple[str, ...]
) -> _Entry:
    names = frozenset(frozenset(name_words(each)) for each in (name, *aliases))
    own: frozenset[str] = frozenset().union(*names)
    room = frozenset(name_words(area)) if area else frozenset[str]()
    options = _area_options(area) if area else set()
    labels = set(names)
    for each in names:
        labels |= {each | option for option in options} | {each - room} if each - room else set()
    sure, possible = nouns.called(kind, own)
    return _Entry(number, own, room, frozenset(labels), names, sure, possible, kind, area)


@lru_cache(maxsize=8)
def _index(
    things: tuple[tuple[str, Kind, str | None, tuple[str, ...]], ...], areas: tuple[str, ...]
) -> HomeIndex:
    return HomeIndex(things, areas)


def index(home: HomeView) -> HomeIndex:
    """Return the index of this home; homes that differ only in states share one."""
    things = tuple((each.name, each.kind, each.area, each.aliases) for each in home.devices)
    return _index(things, home.areas)


def wanted(phrase: str) -> Wanted:
    """Read a phrase in plain spelling: its words, how many it means, and the place it names."""
    text = f" {phrase} ".replace(",", " ")
    everywhere = bool(_EVERYWHERE.search(text))
    text = _EVERYWHERE.sub(" ", text)
    here = bool(_HERE.search(text))
    text = _HERE.sub(" ", text).strip()
    everything = bool(_EVERYTHING.match(text)) and not _noun_follows(text)
    quantified = everywhere or everything or bool(_ALL.search(text))
    text = _EVERYTHING.sub(" ", text) if everything else _ALL.sub(" ", text)
    place = _PLACE.search(text)
    raw = " ".join(text.split())
    spoken = [each for each in raw.split() if each not in _FILLERS]
    words = frozenset(part for each in spoken for part in name_words(each))
    plural = any(each.endswith("s") and word(each) in nouns.ALL for each in spoken)
    return Wanted(
        words=words,
        phrase=raw,
        raw=" ".join(spoken),
        many=plural or quantified,
        all=quantified and not here,
        everything=everything,
        here=here,
        place=place[1].strip() if place else None,
    )


def _noun_follows(text: str) -> bool:
    rest = _EVERYTHING.sub("", text).split()
    return text.startswith("all") and any(word(each) in nouns.ALL for each in rest)


class Finder:
    """Looks phrases up in one home, as heard in one place."""

    def __init__(self, home: HomeView, here: str | None, last: Sequence[str] = ()) -> None:
        self._home = home
        self._index = index(home)
        self._here = next(
            (
                each.area
                for each in home.devices
                if here and each.area and each.area.lower() == here.lower()
            ),
            here,
        )
        self._last = last

    def find(self, phrase: str, kinds: Collection[Kind], area_alone: bool = False) -> Found:
        """Return the devices of these kinds that the phrase means.

        If only devices of other kinds fit, they are returned, for the caller to say that they
        can't do it. If nothing fits, `unknown` says what is missing.
        """
        if phrase in PRONOUNS or phrase == "both of them":
            return self._said_before(kinds)
        phrase, _, but = _cut(phrase)
        asked = wanted(phrase)
        hits = self._index.find(asked, kinds, self._here, area_alone)
        if not hits and not asked.everything:
            hits = self._index.find(asked, list(Kind), self._here)
            if hits and not asked.words:
                hits = []
        found = tuple(self._home.devices[number] for _, number in hits)
        if but and found:
            found, missing = self._without(found, but, kinds)
            if missing:
                return missing
        if found:
            many = asked.many and (asked.all or self._one_place(asked, found))
            return Found(found, many or len(found) == 1, by_area=asked.many)
        return self._missing(asked)

    def places(self, phrase: str) -> set[str]:
        """Return the areas that the phrase names."""
        return self._index.areas_in(wanted(phrase).words)

    def is_place(self, phrase: str) -> bool:
        """Say whether the phrase names an area and nothing else."""
        return self._index.is_place(wanted(phrase).words)

    def _said_before(self, kinds: Collection[Kind]) -> Found:
        devices = [self._home.device(each) for each in self._last]
        fitting = tuple(each for each in devices if each and each.kind in kinds)
        return Found(fitting, many=True) if fitting else Found(unknown="what you mean by that")

    def _without(
        self, found: tuple[Device, ...], but: str, kinds: Collection[Kind]
    ) -> tuple[tuple[Device, ...], Found | None]:
        """Return what is left after "except …"; an exception that is unknown stops all."""
        spared = self.find(but, kinds, area_alone=True)
        if spared.unknown:
            return (), replace(spared, surely_home=True)
        return tuple(each for each in found if each not in spared.devices), None

    def _one_place(self, asked: Wanted, found: tuple[Device, ...]) -> bool:
        """Say whether a plural without "all" stays in one place, and is no guess."""
        return len({each.area for each in found}) == 1 or bool(self._index.areas_in(asked.words))

    def _missing(self, asked: Wanted) -> Found:
        spoken = asked.raw.split()
        strange = self._index.strangers([word(each) for each in spoken])
        home = any(word(each) in nouns.ALL for each in spoken)
        if asked.place and self._index.strangers(name_words(asked.place)):
            place = " ".join(each for each in asked.place.split() if each not in _FILLERS)
            return Found(unknown=article(place), surely_home=home)
        if strange and asked.many and home:
            rest = [each for each in spoken if word(each) not in nouns.ALL]
            return Found(unknown=article(" ".join(rest)), surely_home=True)
        if spoken and self._index.is_place(asked.words):
            return Found(unknown=f"what you mean in the {asked.raw}")
        name = _LEADING.sub("", asked.phrase) or "thing"
        return Found(unknown=name if asked.many else article(name), surely_home=home)


def _cut(phrase: str) -> tuple[str, str, str]:
    """Split "all lights except the lamp" into what is meant and what is not."""
    found = _EXCEPT.search(f" {phrase}")
    if not found:
        return phrase, "", ""
    text = f" {phrase}"
    return text[: found.start()].strip(), found[0], text[found.end() :].strip()


def label_all(devices: Sequence[Device]) -> list[str]:
    """Return the shortest words that tell these devices apart, in their order."""
    areas = [each.area for each in devices]
    if None not in areas and len(set(areas)) == len(devices):
        return [str(area) for area in areas]
    names = [plain(each.name).split() for each in devices]
    shared = set(names[0]).intersection(*names[1:])
    short = [" ".join(each for each in name if each not in shared) for name in names]
    if all(short) and len(set(short)) == len(devices):
        return short
    full = [each.name for each in devices]
    if len(set(full)) == len(devices):
        return full
    return [f"{each.name} in {each.area}" if each.area else each.name for each in devices]
