"""From the reading of a sentence about the home to acts, a question back, or an honest no."""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from manyends.skills.home.model import Device, Kind

from . import nouns
from .actions import ACTIONS, DONE, EVERYTHING, Wish, can
from .patterns import Frame
from .resolution import Act, Context, Option, Part, Question, Refusal
from .targets import PRONOUNS, Finder, Found, label_all, wanted
from .values import PERCENT
from .wishes import (
    BARE,
    NO_NAME,
    VERBS,
    can_be_name,
    in_degrees,
    kinds_for,
    read_wish,
    room_is_enough,
)
from .words import listed, name_words, word

_AND = re.compile(r",? (?:and|as well as|plus) (?:also )?|, ?")
_NAMES_ANYTHING = frozenset({"on", "off", "lock", "unlock"})
"""Verbs that are said of things only, so that an unknown thing can be named in the refusal."""
_PLACE = re.compile(r"(?:in|on|at) ")
_SURE_PROPERTIES = frozenset({"brightness", "volume", "temperature"})
_MUSIC = listed("music something anything it playback some that again")


class Doer:
    """Reads frames about things for one utterance in one place."""

    def __init__(self, context: Context, scope: str | None = None) -> None:
        """With `scope`, the words of a place that hold for all that names no other place."""
        self._home = context.home
        self._finder = Finder(context.home, context.device.area, context.last)
        self._scope = scope

    def read(self, frame: Frame) -> tuple[Part, ...] | None:
        """Return the parts that this reading means, or None if it makes no sense here."""
        if frame.intent == "previous":
            return self._previous(frame)
        wish = read_wish(frame)
        if wish is None:
            return None
        prop = frame.text("property")
        noun = frame.text("noun")
        name = self._scoped(frame.text("name"))
        if noun:
            name = f"{noun} in the {name}" if name else noun
        place = frame.text("place")
        if place:
            name = f"{name} in the {place}" if name else f"in the {place}"
        if name in PRONOUNS:
            name, prop = self._meant(wish, name, prop)
        if name is None and not (prop or wish.verb in BARE or in_degrees(wish.value)):
            return None
        if name and not can_be_name(name):
            return None
        if wish.verb == "play" and wish.item:
            return self._play(wish, name)
        return self._each(wish, name or "", prop, sure=bool(frame.slots.get("sure")))

    def _meant(self, wish: Wish, name: str, prop: str | None) -> tuple[str | None, str | None]:
        """Return what "it" is: the last thing spoken of, or where none fits, what is near.

        "Turn it up" with nothing spoken of means the volume.
        """
        if not self._finder.find(name, kinds_for(wish, prop)).unknown:
            return name, prop
        if wish.step:
            prop = prop or "volume"
        said_enough = prop or wish.verb in BARE or in_degrees(wish.value)
        return (self._scoped(None), prop) if said_enough else (name, prop)

    def _scoped(self, name: str | None) -> str | None:
        if not self._scope or name in PRONOUNS or (name and self._finder.places(name)):
            return name
        return f"{name or ''} in the {self._scope}".strip()

    def _each(self, wish: Wish, name: str, prop: str | None, sure: bool) -> tuple[Part, ...] | None:
        """Resolve one name, or a list of them: "the lamp, the fan and the blinds"."""
        kinds = kinds_for(wish, prop)
        if wish.verb in ("on", "off") and wanted(name).everything:
            kinds = EVERYTHING
        found = self._finder.find(name, kinds, area_alone=room_is_enough(wish, prop))
        if found.unknown and _AND.search(name):
            names = _spelled_out(self._listed(name, kinds), self._finder)
            if len(names) < 2 or not all(map(_can_be_listed, names)):
                return None
            several = [self._each(wish, each, prop, sure) for each in names]
            return (
                tuple(part for parts in several for part in parts or ()) if all(several) else None
            )
        if found.unknown and not sure:
            return self._refusal(wish, name, prop, found)
        return self._outcome(wish, found, kinds, sure)

    def _listed(self, name: str, kinds: Collection[Kind]) -> list[str]:
        """Cut a list into names, each as long as a known one can be."""
        cuts = _AND.split(name)
        joints = [*_AND.findall(name), ""]
        names: list[str] = []
        start = 0
        while start < len(cuts):
            spans = [
                "".join(
                    a + b for a, b in zip(cuts[start:end], joints[start:end], strict=True)
                ).removesuffix(joints[end - 1])
                for end in range(start + 1, len(cuts) + 1)
            ]
            known = [
                at for at, span in enumerate(spans) if not self._finder.find(span, kinds).unknown
            ]
            longest = max(known, default=0)
            names.append(spans[longest])
            start += longest + 1
        return [each for each in names if each.strip()]

    def _refusal(
        self, wish: Wish, name: str, prop: str | None, found: Found
    ) -> tuple[Part, ...] | None:
        """Return an honest no, if the unknown name was surely meant as a thing of a home."""
        if prop and self._finder.is_place(name):
            room = " ".join(sorted(self._finder.places(name)))
            return (Refusal(f"I can't change the {prop} in the {room}."),)
        if not name or len(name.split()) > 7:
            return None
        anything = wish.verb in _NAMES_ANYTHING or prop in _SURE_PROPERTIES
        plausible = anything and len(wanted(name).words) <= 3 and name.startswith("the ")
        if name in PRONOUNS or found.surely_home or plausible:
            return (Refusal(f"I don't know {found.unknown}."),)
        return None

    def _outcome(
        self, wish: Wish, found: Found, kinds: Collection[Kind], sure: bool
    ) -> tuple[Part, ...] | None:
        if found.unknown:
            return None
        able = tuple(each for each in found.devices if each.kind in kinds and can(wish, each))
        if not able:
            return None if sure else (self._cannot(wish, found.devices[0]),)
        if not found.many and able[0].kind is Kind.MEDIA:
            able = _playing(able)
        if wish.value and any(each.kind in PERCENT and wish.value.beyond for each in able):
            return (Refusal(f"The {self.phrase(able[0])} goes from 0 to 100 percent."),)
        if found.many or len(able) == 1:
            return tuple(self._act(wish, each) for each in able)
        return (self._question(wish, able, found.by_area),)

    def _act(self, wish: Wish, device: Device) -> Act:
        return Act(ACTIONS[wish.verb][device.kind](device, wish), self.phrase(device))

    def phrase(self, device: Device) -> str:
        """Return what to call the device: its name, with the area where others have the same."""
        same = [each for each in self._home.devices if each.name == device.name]
        alone = len(same) == 1 or not device.area
        if alone or set(name_words(str(device.area))) <= set(name_words(device.name)):
            return device.name
        return f"{device.area} {device.name}"

    def _question(self, wish: Wish, devices: tuple[Device, ...], by_area: bool) -> Question:
        if by_area and len({each.area for each in devices}) > 1:
            areas = list(dict.fromkeys(each.area or "elsewhere" for each in devices))
            groups = [[d for d in devices if (d.area or "elsewhere") == area] for area in areas]
            labels = areas
        else:
            groups, labels = [[each] for each in devices], label_all(devices)
        options = tuple(
            Option(label, tuple(self._act(wish, each) for each in group))
            for label, group in zip(labels, groups, strict=True)
        )
        return ask(options)

    def _cannot(self, wish: Wish, device: Device) -> Refusal:
        verb = "dim" if wish.verb in ("set", "shift") and device.kind is Kind.SWITCH else wish.verb
        return Refusal(f"The {self.phrase(device)} can't be {DONE[verb]}.")

    def _play(self, wish: Wish, name: str | None) -> tuple[Part, ...] | None:
        """Resolve "play ITEM", where the item may turn out to be the player's name."""
        item = wish.item or ""
        if item.split()[0] in NO_NAME:
            return None
        plain_wish = replace(wish, item=None)
        if name is None:
            found = self._finder.find(item, (Kind.MEDIA,))
            if not found.unknown and found.devices[0].kind is Kind.MEDIA:
                return self._outcome(plain_wish, found, (Kind.MEDIA,), sure=True)
        if set(item.split()) <= _MUSIC:
            wish = plain_wish
        return self._each(
            wish,
            name or "",
            None,
            sure=name is not None and not nouns.ALL & {word(each) for each in name.split()},
        )

    def _previous(self, frame: Frame) -> tuple[Part, ...] | None:
        name = self._scoped(frame.text("name")) or ""
        found = self._finder.find(name, (Kind.MEDIA,), area_alone=True)
        if found.unknown or found.devices[0].kind is not Kind.MEDIA:
            return None
        return (Refusal("I can't go back to what played before."),)


def ask(options: tuple[Option, ...]) -> Question:
    """Return the question that lists these options."""
    labels = [option.label for option in options[:8]]
    return Question(f"Which one: {', '.join(labels[:-1])} or {labels[-1]}?", options)


def _playing(devices: tuple[Device, ...]) -> tuple[Device, ...]:
    """Return those that play, if any does: who says "pause" means what is heard."""
    return tuple(each for each in devices if each.state.get("playing")) or devices


def _spelled_out(names: Iterable[str], finder: Finder) -> list[str]:
    """Give each name of a list what it shares with the last: "kitchen and bedroom lights"."""
    listed = [each.strip() for each in names]
    place = re.search(r" (?:in|on|at) (?:the |my )?.+$", listed[-1])
    noun = _noun(listed[-1]) or _noun(listed[0])
    result = []
    for name in listed:
        if noun and finder.is_place(name) and not _noun(name):
            result.append(f"{noun} {name}" if _PLACE.match(name) else f"{name} {noun}")
        elif place and not finder.places(name):
            result.append(f"{name}{place[0]}")
        else:
            result.append(name)
    return result


def _can_be_listed(name: str) -> bool:
    return can_be_name(name) and name.split()[0] not in VERBS


def _noun(name: str) -> str | None:
    """Return the last word that names a kind of thing."""
    return next((each for each in reversed(name.split()) if word(each) in nouns.ALL), None)
