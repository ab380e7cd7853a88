"""What a value is set to: numbers, levels, colours and modes, and steps from the present state."""

import re
from dataclasses import dataclass
from typing import Any

from manyends.skills.home.model import Device, Kind

COLORS = [
    "warm white", "cool white", "cold white", "soft white", "daylight", "red", "orange", "yellow",
    "green", "blue", "purple", "pink", "white", "cyan", "turquoise", "teal", "magenta", "violet",
    "lime", "gold", "amber", "indigo", "lavender", "brown",
]  # fmt: skip
MODES = {"heat": "heat", "heating": "heat", "cool": "cool", "cooling": "cool", "auto": "auto",
         "automatic": "auto", "off": "off", "dry": "dry", "eco": "eco", "fan only": "fan_only",
         "heat cool": "heat_cool"}  # fmt: skip
LEVELS = {"minimum": 1, "min": 1, "lowest": 1, "the minimum": 1, "the lowest": 1, "low": 33,
          "medium": 66, "high": 100, "half": 50, "halfway": 50, "half way": 50, "full": 100,
          "maximum": 100, "max": 100, "the maximum": 100, "highest": 100, "the highest": 100,
          "quarter": 25, "a quarter": 25, "1 quarter": 25, "3 quarters": 75}  # fmt: skip

_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)(?: (percent|degrees?))?")

PERCENT = frozenset({Kind.LIGHT, Kind.COVER, Kind.FAN, Kind.MEDIA})


@dataclass(frozen=True)
class Value:
    """A value as said: a number with its unit, or a word of a closed list."""

    number: float | None = None
    unit: str = ""
    """percent, degrees, color, mode, or nothing."""
    word: str = ""

    @property
    def beyond(self) -> bool:
        """Whether no percentage is so small or so large."""
        return self.number is not None and not 0 <= self.number <= 100

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of thing that can be set to it."""
        return {
            "percent": PERCENT,
            "degrees": frozenset({Kind.CLIMATE}),
            "color": frozenset({Kind.LIGHT}),
            "mode": frozenset({Kind.CLIMATE}),
        }.get(self.unit, PERCENT | {Kind.CLIMATE})


def pattern() -> str:
    """Return a regular expression for every value that can be said."""
    words = sorted({*COLORS, *MODES, *LEVELS}, key=len, reverse=True)
    return rf"-?\d+(?:\.\d+)?(?: percent| degrees?)?|(?:{'|'.join(words)})(?: mode)?"


def value(text: str | None) -> Value | None:
    """Read a value in plain spelling; None if it is none."""
    if not text:
        return None
    number = _NUMBER.fullmatch(text)
    if number:
        unit = number[2] or ""
        return Value(float(number[1]), "degrees" if unit.startswith("degree") else unit)
    text = text.removesuffix(" mode")
    if text in COLORS:
        return Value(unit="color", word=text)
    if text in MODES:
        return Value(unit="mode", word=MODES[text])
    return Value(float(LEVELS[text]), "percent") if text in LEVELS else None


def percent(number: float) -> int:
    """Return the number as whole percent, held between 0 and 100."""
    return max(0, min(100, round(number)))


def exact(number: float) -> float:
    """Return a whole number as an int, any other rounded to a tenth."""
    return int(number) if number == int(number) else round(number, 1)


@dataclass(frozen=True)
class Scale:
    """A property that can go up and down: its state, its action, its usual step."""

    state: str
    action: str
    argument: str
    step: float
    unknown: float
    """What is assumed where the snapshot does not tell."""

    def shifted(self, device: Device, by: float) -> dict[str, Any]:
        """Return the arguments for the present state moved by so much, always absolute."""
        present = device.state.get(self.state)
        if self.state == "brightness" and device.state.get("power") == "off" and by > 0:
            present = 0
        base = float(present) if isinstance(present, (int, float)) else self.unknown
        return self.settled(device, base + by)

    def settled(self, device: Device, to: float) -> dict[str, Any]:
        """Return the arguments for this value."""
        number = exact(to) if self.state == "target" else percent(to)
        return {"target": device.id, self.argument: number}


SCALES: dict[Kind, Scale] = {
    Kind.LIGHT: Scale("brightness", "light.set_brightness", "brightness", 20, 100),
    Kind.COVER: Scale("position", "cover.set_position", "position", 20, 50),
    Kind.CLIMATE: Scale("target", "climate.set_temperature", "temperature", 1, 20),
    Kind.MEDIA: Scale("volume", "media.set_volume", "volume", 10, 50),
    Kind.FAN: Scale("speed", "fan.set_speed", "speed", 25, 50),
}
