"""What the home's devices can be and what can be done with them: two tables, and no I/O.

`STATES` says for each kind of device which states it has, with their types, ranges and defaults.
`COMMANDS` says for each action which kind it is for and which states it sets.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StringConstraints,
    ValidationError,
)

from manyends.protocol.errors import ErrorCode, ProtocolError

from .model import Device, Kind

State = dict[str, Any]

Power = Literal["on", "off"]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Flag = Annotated[bool, Field(strict=True)]
Color = Annotated[
    str,
    StringConstraints(
        to_lower=True, strip_whitespace=True, pattern=r"^(?i:#[0-9a-f]{6}|[a-z][a-z ]{1,30})$"
    ),
]
Number = Annotated[
    StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)],
    AfterValidator(lambda value: int(value) if value == int(value) else value),
]
"""A whole number is kept as one: 21.0 is 21."""
Degrees = Annotated[Number, Field(ge=5, le=35)]
"""Celsius; what heatings and coolers of a home can be set to."""
Mode = Literal["off", "heat", "cool", "heat_cool", "auto", "dry", "fan_only", "eco"]
"""The modes that Home Assistant knows."""


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Light(_State):
    power: Power = "off"
    brightness: Percent = 100
    color: Color = "white"


class _Switch(_State):
    power: Power = "off"


class _Lock(_State):
    locked: Flag = True


class _Cover(_State):
    position: Percent = 0


class _Climate(_State):
    mode: Mode = "off"
    target: Degrees = 20


class _Media(_State):
    playing: Flag = False
    volume: Percent = 50
    item: Annotated[str, StringConstraints(max_length=300)] = ""
    position_s: Annotated[Number, Field(ge=0)] = 0


class _Sensor(_State):
    value: bool | int | float | Annotated[str, StringConstraints(max_length=300)] = "unknown"
    unit: Annotated[str, StringConstraints(max_length=40)] = ""


class _Fan(_State):
    power: Power = "off"
    speed: Percent = 100


class _Vacuum(_State):
    status: Literal["docked", "cleaning", "paused", "returning", "error"] = "docked"


STATES: dict[Kind, type[BaseModel]] = {
    Kind.LIGHT: _Light,
    Kind.SWITCH: _Switch,
    Kind.LOCK: _Lock,
    Kind.COVER: _Cover,
    Kind.CLIMATE: _Climate,
    Kind.MEDIA: _Media,
    Kind.SENSOR: _Sensor,
    Kind.FAN: _Fan,
    Kind.VACUUM: _Vacuum,
}


class Command(NamedTuple):
    """The kind that an action is for, and the states that it sets: `sets(state, **args)`."""

    kind: Kind
    sets: Callable[..., State]


def _fixed(**states: Any) -> Callable[..., State]:
    return lambda state: states


def _light_off(state: State, brightness: int | None = None, color: str | None = None) -> State:
    """Turn off; `brightness` and `color` are what it will have when it is next turned on."""
    kept = {"brightness": brightness, "color": color}
    return {"power": "off", **{name: value for name, value in kept.items() if value is not None}}


def _fan_off(state: State, speed: int | None = None) -> State:
    return {"power": "off"} if speed is None else {"power": "off", "speed": speed}


def _play(state: State, item: str | None = None) -> State:
    if not item or item == state["item"]:
        return {"playing": True}
    return {"playing": True, "item": item, "position_s": 0}


def _power(amount: object) -> str:
    return "on" if amount else "off"


COMMANDS: dict[str, Command] = {
    "light.turn_on": Command(
        Kind.LIGHT, lambda state: {"power": "on", "brightness": state["brightness"] or 100}
    ),
    "light.turn_off": Command(Kind.LIGHT, _light_off),
    "light.set_brightness": Command(
        Kind.LIGHT,
        lambda state, brightness: {"brightness": brightness, "power": _power(brightness)},
    ),
    "light.set_color": Command(Kind.LIGHT, lambda state, color: {"color": color, "power": "on"}),
    "switch.turn_on": Command(Kind.SWITCH, _fixed(power="on")),
    "switch.turn_off": Command(Kind.SWITCH, _fixed(power="off")),
    "lock.lock": Command(Kind.LOCK, _fixed(locked=True)),
    "lock.unlock": Command(Kind.LOCK, _fixed(locked=False)),
    "cover.open": Command(Kind.COVER, _fixed(position=100)),
    "cover.close": Command(Kind.COVER, _fixed(position=0)),
    "cover.set_position": Command(Kind.COVER, lambda state, position: {"position": position}),
    "climate.set_temperature": Command(
        Kind.CLIMATE, lambda state, temperature: {"target": temperature}
    ),
    "climate.set_mode": Command(Kind.CLIMATE, lambda state, mode: {"mode": mode}),
    "media.play": Command(Kind.MEDIA, _play),
    "media.pause": Command(Kind.MEDIA, _fixed(playing=False)),
    "media.next": Command(Kind.MEDIA, _fixed(playing=True, position_s=0)),
    "media.set_volume": Command(Kind.MEDIA, lambda state, volume: {"volume": volume}),
    "media.transfer": Command(Kind.MEDIA, _fixed(playing=False, item="", position_s=0)),
    "fan.turn_on": Command(Kind.FAN, lambda state: {"power": "on", "speed": state["speed"] or 100}),
    "fan.turn_off": Command(Kind.FAN, _fan_off),
    "fan.set_speed": Command(
        Kind.FAN, lambda state, speed: {"speed": speed, "power": _power(speed)}
    ),
    "vacuum.start": Command(Kind.VACUUM, _fixed(status="cleaning")),
    "vacuum.dock": Command(Kind.VACUUM, _fixed(status="docked")),
}

_TRANSFER = "media.transfer"
_MOVES = ("playing", "item", "position_s")
"""What goes along when a sound moves to another player."""


def validated(kind: Kind, state: State) -> State:
    """Return the state in full, with defaults for what it does not say.

    Raises `ProtocolError` `bad_message` that names the first wrong field.
    """
    try:
        return STATES[kind].model_validate(state).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "state"
        # "Input should be …" is for programmers; "the brightness of a light should be …" for all.
        wrong = first["msg"].replace("Input should", "should")
        if first["type"] == "extra_forbidden":
            wrong = "is not there"
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"the {field} of a {kind} {wrong}") from None


def changed(device: Device, states: State) -> Device:
    """Return the device with these states set, its counter moved if that changed anything.

    Raises `ProtocolError` `bad_message` if it can't have them.
    """
    state = validated(device.kind, {**device.state, **states})
    if state == device.state:
        return device
    return device.model_copy(update={"state": state, "changes": device.changes + 1})


def apply(
    devices: Mapping[str, Device], device_id: str, action: str, args: State
) -> tuple[Device, ...]:
    """Return the commanded device as it is afterwards, then any other that the command touched.

    Raises `ProtocolError`: `not_found` for an unknown device, `unsupported` for an unknown action
    or one for another kind, `bad_message` for wrong arguments, `out_of_order` if there is nothing
    to do it with.
    """
    device = devices.get(device_id)
    if device is None:
        raise ProtocolError(ErrorCode.NOT_FOUND, f"there is no {device_id} in this home")
    command = COMMANDS.get(action)
    if command is None or command.kind is not device.kind:
        raise ProtocolError(
            ErrorCode.UNSUPPORTED, f"{action} can't be done with the {device.name}, a {device.kind}"
        )
    if action == _TRANSFER:
        return _transfer(devices, device, args)
    try:
        inspect.signature(command.sets).bind(device.state, **args)
    except TypeError as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"{action}: {error}") from None
    return (changed(device, command.sets(device.state, **args)),)


def _transfer(devices: Mapping[str, Device], source: Device, args: State) -> tuple[Device, ...]:
    to = devices.get(str(args.get("to")))
    if to is None or to.kind is not Kind.MEDIA or to.id == source.id or set(args) != {"to"}:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"{_TRANSFER} needs another player as `to`")
    if not source.state["item"] and not source.state["playing"]:
        raise ProtocolError(ErrorCode.OUT_OF_ORDER, f"nothing is playing on the {source.name}")
    moved = changed(to, {name: source.state[name] for name in _MOVES})
    return (changed(source, COMMANDS[_TRANSFER].sets(source.state)), moved)
