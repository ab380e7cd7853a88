"""Questions about the home's state, answered from its snapshot; nothing is ever changed here."""

from manyends.skills.home.model import Device, Kind

from .patterns import Frame
from .resolution import Answer, Context, Part, Refusal
from .targets import Finder, Found, wanted
from .things import Doer
from .words import listed, name_words, word

_POWERED = (Kind.LIGHT, Kind.SWITCH, Kind.FAN, Kind.MEDIA, Kind.CLIMATE, Kind.VACUUM)
_STATE_KINDS: dict[str, tuple[Kind, ...]] = {
    "on": _POWERED,
    "off": _POWERED,
    "open": (Kind.COVER, Kind.LOCK),
    "closed": (Kind.COVER, Kind.LOCK),
    "locked": (Kind.LOCK,),
    "unlocked": (Kind.LOCK,),
    "playing": (Kind.MEDIA,),
    "paused": (Kind.MEDIA,),
    "cleaning": (Kind.VACUUM,),
    "docked": (Kind.VACUUM,),
}
_OPPOSITE = {"on": "off", "open": "closed", "locked": "unlocked", "playing": "paused",
             "cleaning": "docked"}  # fmt: skip
_OPPOSITE |= {no: yes for yes, no in _OPPOSITE.items()}
_PROPERTY: dict[str, dict[Kind, str]] = {
    "brightness": {Kind.LIGHT: "brightness"},
    "color": {Kind.LIGHT: "color"},
    "volume": {Kind.MEDIA: "volume"},
    "item": {Kind.MEDIA: "item"},
    "temperature": {Kind.SENSOR: "value", Kind.CLIMATE: "target"},
    "mode": {Kind.CLIMATE: "mode"},
    "speed": {Kind.FAN: "speed"},
    "position": {Kind.COVER: "position"},
    "value": {Kind.SENSOR: "value"},
    "level": {Kind.LIGHT: "brightness", Kind.MEDIA: "volume", Kind.COVER: "position",
              Kind.FAN: "speed", Kind.SENSOR: "value"},
    "status": dict.fromkeys(Kind, ""),
}  # fmt: skip
_SHOWN = listed("movie movies film films video videos song songs")
"""What is played, not what plays it: which movies are playing is no question of the home."""
_OUTDOORS = listed("outside outdoor outdoors")
_WORDS = {
    "brightness": "is at {} percent",
    "position": "is {} percent open",
    "volume": "is at volume {}",
    "speed": "is at {} percent",
    "target": "is set to {} degrees",
    "mode": "is set to {}",
    "color": "is {}",
    "item": "plays {}",
    "status": "is {}",
}


class Teller:
    """Answers questions for one utterance in one place."""

    def __init__(self, context: Context, scope: str | None = None) -> None:
        self._home = context.home
        self._finder = Finder(context.home, context.device.area, context.last)
        self._doer = Doer(context)
        self._scope = scope

    def read(self, frame: Frame) -> tuple[Part, ...] | None:
        """Return the answer to this reading, or None if it asks nothing that a home knows."""
        if frame.intent == "what_value":
            return self._what(frame)
        return self._whether(frame)

    def _whether(self, frame: Frame) -> tuple[Part, ...] | None:
        state = str(frame.slots["state"])
        broad = frame.intent == "which_state" or "any" in frame.slots
        name = frame.text("name") or "everything"
        name = self._scoped(name)
        found = self._finder.find(f"all {name}" if broad else name, _STATE_KINDS[state])
        devices = [each for each in found.devices if each.kind in _STATE_KINDS[state]]
        if _SHOWN & set(name.split()):
            return None
        if not devices:
            known = found.surely_home or (found.unknown is None and not wanted(name).everything)
            return _no_such(found.unknown) if known else None
        held = [each for each in devices if holds(each, state)]
        if frame.intent == "which_state":
            return (Answer(self._which(held, state, bool(frame.slots.get("count")))),)
        if len(devices) == 1:
            return (Answer(self._one(devices[0], state)),)
        return (Answer(self._several(devices, held, state, broad)),)

    def _scoped(self, name: str) -> str:
        return f"{name} in the {self._scope}".strip() if self._scope else name

    def _which(self, held: list[Device], state: str, count: bool) -> str:
        if not held:
            return f"None are {state}."
        names = self._names(held)
        number = f"{len(held)}: " if count else ""
        told = f"{number}{names} {_be(held)} {state}."
        return told[0].upper() + told[1:]

    def _one(self, device: Device, state: str) -> str:
        name = self._doer.phrase(device)
        told = holds(device, state)
        if told is None:
            return f"I can't tell whether the {name} is {state}."
        return f"{'Yes' if told else 'No'}, the {name} {_be([device])} {_now(state, told)}."

    def _several(self, devices: list[Device], held: list[Device], state: str, broad: bool) -> str:
        if not held:
            return f"No, {self._names(devices)} {_be(devices)} {_OPPOSITE[state]}."
        if broad or len(held) == len(devices):
            return f"Yes, {self._names(held)} {_be(held)} {state}."
        rest = [each for each in devices if each not in held]
        return (
            f"Only {self._names(held)} {_be(held)} {state}; "
            f"{self._names(rest)} {_be(rest)} {_OPPOSITE[state]}."
        )

    def _names(self, devices: list[Device]) -> str:
        names = [f"the {self._doer.phrase(each)}" for each in devices]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

    def _what(self, frame: Frame) -> tuple[Part, ...] | None:
        prop = str(frame.slots["property"])
        keys = _PROPERTY[prop]
        sure = bool(frame.slots.get("sure"))
        kinds = (Kind.SENSOR,) if sure else tuple(keys)
        name = self._scoped(frame.text("name") or "")
        if prop == "item" and not name:
            return (Answer(self._playing()),)
        found = self._lookup(name, prop, kinds)
        devices = [each for each in found.devices if each.kind in kinds]
        if devices:
            return (Answer(" ".join(self._tell(each, keys[each.kind]) for each in devices[:6])),)
        if sure or not found.surely_home:
            return None
        return _no_such(found.unknown)

    def _lookup(self, name: str, prop: str, kinds: tuple[Kind, ...]) -> Found:
        """Return what the property is asked of: a sensor for it, before what is set to it."""
        if Kind.SENSOR in kinds:
            asked = f"{name} temperature" if prop == "temperature" else name
            found = self._finder.find(asked, (Kind.SENSOR,), area_alone=True)
            first = found.devices[0] if found.devices else None
            if first and first.kind is Kind.SENSOR and not _elsewhere(first, name):
                return found
        return self._finder.find(name, kinds, area_alone=prop not in ("status", "value"))

    def _playing(self) -> str:
        playing = [each for each in self._home.devices if each.state.get("playing")]
        told = [self._tell(each, "item") if each.state.get("item") else
                f"The {self._doer.phrase(each)} is playing." for each in playing]  # fmt: skip
        return " ".join(told) or "Nothing is playing."

    def _tell(self, device: Device, key: str) -> str:
        name = self._doer.phrase(device)
        if not key:
            return f"The {name} {describe(device)}."
        told = device.state.get(key)
        if device.kind is Kind.SENSOR:
            return f"The {name} {describe(device)}."
        if told is None:
            return f"I can't tell the {key} of the {name}."
        words = _WORDS[key].format(told)
        return f"The {name} {words.replace('is ', f'{_be([device])} ', 1)}."


def _elsewhere(sensor: Device, asked: str) -> bool:
    """Say whether the sensor is outdoors, and nobody asked for that."""
    return bool(_OUTDOORS & set(name_words(sensor.name)) - set(name_words(asked)))


def _be(devices: list[Device]) -> str:
    """Return "is" or "are"; one thing called "blinds" is many."""
    last = devices[0].name.split()[-1]
    return "is" if len(devices) == 1 and word(last) == last else "are"


def _now(state: str, told: bool) -> str:
    return state if told else _OPPOSITE[state]


def _no_such(unknown: str | None) -> tuple[Part, ...]:
    return (Refusal(f"I don't know {unknown or 'that'}."),)


def holds(device: Device, state: str) -> bool | None:
    """Say whether the device is in this state; None if its snapshot does not tell."""
    told = _plain_state(device)
    if told is None:
        return None
    if state in ("on", "off") and told not in ("on", "off"):
        told = "off" if told in ("paused", "docked") else "on"
    if device.kind is Kind.LOCK and state in ("open", "closed"):
        told = "closed" if told == "locked" else "open"
    return told == state


def _plain_state(device: Device) -> str | None:
    """Return the device's state in the words of questions."""
    state = device.state
    match device.kind:
        case Kind.COVER:
            position = state.get("position")
            return None if position is None else "open" if position > 0 else "closed"
        case Kind.LOCK:
            locked = state.get("locked")
            return None if locked is None else "locked" if locked else "unlocked"
        case Kind.MEDIA:
            playing = state.get("playing")
            return None if playing is None else "playing" if playing else "paused"
        case Kind.CLIMATE:
            mode = state.get("mode")
            return None if mode is None else "off" if mode == "off" else "on"
        case Kind.VACUUM:
            status = state.get("status")
            return None if status is None else "cleaning" if status == "cleaning" else "docked"
        case _:
            power = state.get("power")
            return None if power is None else str(power)


def describe(device: Device) -> str:
    """Return what a device is doing, as the rest of a sentence."""
    state = device.state
    if device.kind is Kind.SENSOR:
        unit = str(state.get("unit") or "")
        return f"shows {state.get('value', 'nothing')}{' ' if unit else ''}{unit}"
    told = _plain_state(device)
    if told is None:
        return "does not tell its state"
    if told in ("off", "closed", "locked", "unlocked", "paused", "docked"):
        return f"is {told}"
    for key in ("target", "position", "brightness", "speed", "item"):
        if state.get(key) is not None:
            return _WORDS[key].format(state[key])
    return f"is {told}"
