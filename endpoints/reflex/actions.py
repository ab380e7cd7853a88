"""What each verb does to each kind of thing: one table, and an honest no for what is not in it."""

from collections.abc import Callable
from dataclasses import dataclass

from manyends.protocol.task import Call
from manyends.skills.home.model import Device, Kind

from .values import SCALES, Value
from .words import listed


@dataclass(frozen=True)
class Wish:
    """What is to happen to a thing, before it is known which."""

    verb: str
    value: Value | None = None
    step: int = 0
    """Up (1) or down (-1), for what is said relative to the present."""
    small: bool = False
    item: str | None = None


Maker = Callable[[Device, Wish], Call]


def _simple(action: str) -> Maker:
    return lambda device, wish: Call(action=action, args={"target": device.id})


def _mode(device: Device, wish: Wish) -> Call:
    cools = {"ac", "cooling", "air"} & set(device.name.lower().split())
    word = wish.value.word if wish.value else "cool" if cools else "heat"
    return Call(action="climate.set_mode", args={"target": device.id, "mode": word})


def _mode_off(device: Device, wish: Wish) -> Call:
    return Call(action="climate.set_mode", args={"target": device.id, "mode": "off"})


def _play(device: Device, wish: Wish) -> Call:
    return Call(action="media.play", args={"target": device.id, "item": wish.item})


def _mute(device: Device, wish: Wish) -> Call:
    return Call(action="media.set_volume", args={"target": device.id, "volume": 0})


def _scale(device: Device, wish: Wish) -> Call:
    scale = SCALES[device.kind]
    assert wish.value is not None and wish.value.number is not None
    return Call(action=scale.action, args=scale.settled(device, wish.value.number))


def _color(device: Device, wish: Wish) -> Call:
    assert wish.value is not None
    return Call(action="light.set_color", args={"target": device.id, "color": wish.value.word})


def _shift(device: Device, wish: Wish) -> Call:
    scale = SCALES[device.kind]
    given = wish.value.number if wish.value else None
    amount = given if given is not None else scale.step / 2 if wish.small else scale.step
    return Call(action=scale.action, args=scale.shifted(device, wish.step * amount))


def _shift_cover(device: Device, wish: Wish) -> Call:
    if wish.value or wish.small:
        return _shift(device, wish)
    action = "cover.open" if wish.step > 0 else "cover.close"
    return Call(action=action, args={"target": device.id})


_SCALED: dict[Kind, Maker] = dict.fromkeys(SCALES, _scale)
_SHIFTED: dict[Kind, Maker] = dict.fromkeys(SCALES, _shift)

ACTIONS: dict[str, dict[Kind, Maker]] = {
    "on": {
        Kind.LIGHT: _simple("light.turn_on"),
        Kind.SWITCH: _simple("switch.turn_on"),
        Kind.FAN: _simple("fan.turn_on"),
        Kind.MEDIA: _play,
        Kind.CLIMATE: _mode,
        Kind.VACUUM: _simple("vacuum.start"),
        Kind.COVER: _simple("cover.open"),
    },
    "off": {
        Kind.LIGHT: _simple("light.turn_off"),
        Kind.SWITCH: _simple("switch.turn_off"),
        Kind.FAN: _simple("fan.turn_off"),
        Kind.MEDIA: _simple("media.pause"),
        Kind.CLIMATE: _mode_off,
        Kind.VACUUM: _simple("vacuum.dock"),
        Kind.COVER: _simple("cover.close"),
    },
    "start": {
        Kind.VACUUM: _simple("vacuum.start"),
        Kind.MEDIA: _play,
        Kind.FAN: _simple("fan.turn_on"),
        Kind.SWITCH: _simple("switch.turn_on"),
        Kind.CLIMATE: _mode,
    },
    "stop": {
        Kind.VACUUM: _simple("vacuum.dock"),
        Kind.MEDIA: _simple("media.pause"),
        Kind.FAN: _simple("fan.turn_off"),
        Kind.SWITCH: _simple("switch.turn_off"),
        Kind.CLIMATE: _mode_off,
    },
    "heat": {Kind.CLIMATE: _mode},
    "heat_no_more": {Kind.CLIMATE: _mode_off},
    "open": {Kind.COVER: _simple("cover.open")},
    "close": {Kind.COVER: _simple("cover.close")},
    "lock": {Kind.LOCK: _simple("lock.lock")},
    "unlock": {Kind.LOCK: _simple("lock.unlock")},
    "clean": {Kind.VACUUM: _simple("vacuum.start")},
    "dock": {Kind.VACUUM: _simple("vacuum.dock")},
    "play": {Kind.MEDIA: _play},
    "pause": {Kind.MEDIA: _simple("media.pause")},
    "next": {Kind.MEDIA: _simple("media.next")},
    "mute": {Kind.MEDIA: _mute},
    "set": _SCALED,
    "color": {Kind.LIGHT: _color},
    "mode": {Kind.CLIMATE: _mode},
    "shift": {**_SHIFTED, Kind.COVER: _shift_cover},
}
"""For each verb the kinds of thing that can do it, and the call that does."""

DONE = {
    "on": "turned on", "off": "turned off", "start": "started", "heat": "heated",
    "heat_no_more": "heated",
    "stop": "stopped",
    "open": "opened", "close": "closed", "lock": "locked", "unlock": "unlocked",
    "clean": "sent cleaning", "dock": "sent to a dock", "play": "played on", "pause": "paused",
    "next": "skipped", "mute": "muted", "set": "set like that", "color": "given a color",
    "mode": "set to a mode", "shift": "turned up or down", "dim": "dimmed",
}  # fmt: skip
"""What a thing of another kind can't be."""

EVERYTHING = frozenset({Kind.LIGHT, Kind.SWITCH, Kind.FAN, Kind.MEDIA})
"""What "everything" means for on and off: no locks, no heating, nothing that moves."""

_FLOWING = listed("valve water shower tap faucet hydrant")


def can(wish: Wish, device: Device) -> bool:
    """Say whether this very device can do it: of what opens, only what flows is turned on."""
    turned = wish.verb in ("on", "off") and device.kind is Kind.COVER
    return not turned or bool(_FLOWING & set(device.name.lower().split()))
