"""The home as everybody sees it: areas, devices, the states a kind of device has, and commands."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from manyends.protocol.errors import ErrorCode, ProtocolError


class Kind(StrEnum):
    """What sort of thing a device is."""

    LIGHT = "light"
    SWITCH = "switch"
    LOCK = "lock"
    COVER = "cover"
    CLIMATE = "climate"
    MEDIA = "media"
    SENSOR = "sensor"
    FAN = "fan"
    VACUUM = "vacuum"


class Device(BaseModel):
    """A thing of the home: its identity, what people call it, where it stands, how it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    kind: Kind
    area: str | None = None
    aliases: tuple[str, ...] = ()
    state: dict[str, Any] = {}
    changes: int = 0
    """Counts every change of state, by command or by hand; an undo compares it."""


class HomeView(BaseModel):
    """A snapshot of the home."""

    model_config = ConfigDict(frozen=True)

    areas: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()

    def device(self, device_id: str) -> Device | None:
        """Return the device of this id, if there is one."""
        return next((device for device in self.devices if device.id == device_id), None)


class Outcome(BaseModel):
    """What a home bridge says of one command."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    device: Device | None = None
    before: dict[str, Any] = {}
    """The device's state before the command, for its inverse."""
    error: str = ""


class HomeAwayError(ProtocolError):
    """The home was not reached at all: what was to be done was certainly not done."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.TIMEOUT, "the home does not answer")
