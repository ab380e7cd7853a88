"""Renames areas, devices, people and ends of a scenario at random, sentence and expectation alike.

What a thing is stays: a lamp is still a lamp, blinds are blinds. Only what the household calls its
rooms, doors, people and devices changes, so that nothing can be fitted to the words of a file.
"""

import random
import re

_AREAS = ("living room", "kitchen", "bedroom", "hall", "bathroom", "garage")
_NEW_AREAS = (
    "attic",
    "cellar",
    "conservatory",
    "den",
    "dressing room",
    "guest room",
    "laundry",
    "library",
    "loft",
    "music room",
    "nursery",
    "pantry",
    "study",
    "sun room",
    "utility room",
    "veranda",
    "workshop",
)
_DOORS = ("front",)
_NEW_DOORS = ("back", "balcony", "main", "side", "terrace")
_PEOPLE = ("Ana", "Ben", "Guest")
_NEW_PEOPLE = ("Chidi", "Fatima", "Ingrid", "Jonas", "Leila", "Mira", "Oleg", "Priya", "Yuki")
_ENDS = ("hub", "watch", "phone")
_NEW_ENDS = ("bracelet", "clip", "pebble", "slate", "speaker box", "station", "wall panel")


def renamed(text: str, randomness: random.Random) -> str:
    """Return the scenario file's text with other names."""
    names = {
        **_draw(_AREAS, _NEW_AREAS, randomness),
        **_draw(_DOORS, _NEW_DOORS, randomness),
        **_draw(_PEOPLE, _NEW_PEOPLE, randomness),
        **_draw(_ENDS, _NEW_ENDS, randomness),
    }
    words = "|".join(re.escape(each) for each in sorted(names, key=len, reverse=True))

    def replace(found: re.Match[str]) -> str:
        if found["lead"]:
            return found[0]  # a profile or a title is no name
        new = names[found["word"]]
        if found["id"]:
            return found["id"] + new.replace(" ", "_")
        return new

    pattern = rf"(?P<lead>profile: |^scenario: .*)?(?P<id>\b[a-z]+\.)?\b(?P<word>{words})\b"
    return re.sub(pattern, replace, text, flags=re.MULTILINE)


def _draw(old: tuple[str, ...], new: tuple[str, ...], randomness: random.Random) -> dict[str, str]:
    return dict(zip(old, randomness.sample(new, len(old)), strict=True))
