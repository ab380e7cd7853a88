"""What people call each kind of thing, whatever its name is."""

from manyends.skills.home.model import Kind

GROUPS: dict[Kind, tuple[frozenset[str], ...]] = {
    Kind.LIGHT: (frozenset({"light", "lamp", "lighting", "bulb"}),),
    Kind.SWITCH: (
        frozenset({"switch", "plug", "outlet", "socket"}),
        frozenset({"sprinkler", "irrigation", "water"}),
    ),
    Kind.LOCK: (frozenset({"lock", "door", "deadbolt"}), frozenset({"lock", "gate"})),
    Kind.COVER: (
        frozenset({"blind", "curtain", "shade", "shutter", "drape", "roller"}),
        frozenset({"door"}),
        frozenset({"gate"}),
        frozenset({"window", "skylight"}),
        frozenset({"awning"}),
        frozenset({"valve"}),
    ),
    Kind.CLIMATE: (
        frozenset({"thermostat", "heating", "heat", "heater", "radiator", "climate"}),
        frozenset({"thermostat", "ac", "cooling", "climate"}),
    ),
    Kind.MEDIA: (
        frozenset({"tv", "projector", "movie", "video", "film", "player", "media"}),
        frozenset({"speaker", "music", "stereo", "radio", "audio", "sound", "song", "soundbar"})
        | {"player", "media"},
    ),
    Kind.SENSOR: (frozenset({"sensor"}),),
    Kind.FAN: (frozenset({"fan", "ventilator", "ventilation"}),),
    Kind.VACUUM: (frozenset({"vacuum", "hoover", "robot", "cleaner"}),),
}
"""For each kind the words that mean the same. A thing whose name has a word of one group is not
meant by the words of another: nobody closes the garage door by asking for the blinds."""

ALL: frozenset[str] = frozenset().union(*(group for each in GROUPS.values() for group in each))

PROPERTIES: dict[str, frozenset[Kind]] = {
    "brightness": frozenset({Kind.LIGHT}),
    "color": frozenset({Kind.LIGHT}),
    "volume": frozenset({Kind.MEDIA}),
    "temperature": frozenset({Kind.CLIMATE}),
    "speed": frozenset({Kind.FAN}),
    "position": frozenset({Kind.COVER}),
    "level": frozenset(),
}
"""A word for a property, and the kinds that have it; none means that it tells nothing."""


def called(kind: Kind, own: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the nouns for a thing with these words in its name: sure ones, and possible ones."""
    groups = GROUPS[kind]
    hit = [group for group in groups if group & own]
    union: frozenset[str] = frozenset().union(
        *(hit or groups[: 1 if kind is Kind.SWITCH else None])
    )
    return (union, frozenset()) if hit else (frozenset(), union)
