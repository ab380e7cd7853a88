"""Which states the home's kinds of devices have, and which values each may take."""

from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]


def _power(value: Any) -> bool:
    return value in ("on", "off")


def _percent(value: Any) -> bool:
    return _number(value) and 0 <= value <= 100


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _text_or_number(value: Any) -> bool:
    return _text(value) or _number(value)


def _color(value: Any) -> bool:
    return _text(value) or (
        isinstance(value, list) and len(value) == 3 and all(_number(each) for each in value)
    )


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


_POWER: tuple[str, Check] = ("on or off", _power)
_PERCENT: tuple[str, Check] = ("a number from 0 to 100", _percent)
_TEXT: tuple[str, Check] = ("a text", _text)

STATES: dict[str, dict[str, tuple[str, Check]]] = {
    "light": {
        "power": _POWER,
        "brightness": _PERCENT,
        "color": ("a color's name or three numbers", _color),
    },
    "switch": {"power": _POWER},
    "lock": {"locked": ("true or false", _truth)},
    "cover": {"position": _PERCENT},
    "climate": {"mode": _TEXT, "target": ("a number", _number)},
    "media": {
        "playing": ("true or false", _truth),
        "volume": _PERCENT,
        "item": ("a text", _text_or_none),
        "position_s": ("a number", _number),
    },
    "sensor": {"value": ("a plain value", _scalar), "unit": ("a text", _text_or_none)},
    "fan": {"power": _POWER, "speed": ("a number or a text", _text_or_number)},
    "vacuum": {"status": _TEXT},
}
"""For each kind, its states: what a value must be, in words and as a test."""

HOME_ACTIONS = frozenset(
    f"{kind}.{verb}"
    for kind, verbs in {
        "light": "turn_on turn_off set_brightness set_color",
        "switch": "turn_on turn_off",
        "lock": "lock unlock",
        "cover": "open close set_position",
        "climate": "set_temperature set_mode",
        "media": "play pause next set_volume transfer",
        "fan": "turn_on turn_off set_speed",
        "vacuum": "start dock",
    }.items()
    for verb in verbs.split()
)
"""Actions whose effects the home itself counts."""


def wrong_state(kind: str, key: str, value: Any) -> str | None:
    """Say what is wrong with a state of a device of this kind, or None."""
    states = STATES[kind]
    if key not in states:
        return f"a {kind} has no {key!r}; it has {', '.join(states)}"
    words, check = states[key]
    return None if check(value) else f"{key} must be {words}, not {value!r}"
