"""Reads `home.json`, which says what stands in a virtual home and how it is at first."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.folder import ConfigError

from .model import Device, HomeView
from .rules import validated

FILE = "home.json"


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid")

    areas: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()


def read_home(folder: Path) -> HomeView:
    """Return the home that the folder's `home.json` describes, every state filled in.

    An area that only a device names is one of the home too. Raises `ConfigError` that names the
    file and the field.
    """
    path = folder / FILE
    try:
        found = _Description.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where + ': ' if where else ''}{first['msg']}") from None
    return complete(found.areas, found.devices, str(path))


def complete(areas: tuple[str, ...], devices: tuple[Device, ...], where: str) -> HomeView:
    """Return these areas and devices as a home; `ConfigError` for a wrong state or a double id."""
    full: dict[str, Device] = {}
    for index, device in enumerate(devices):
        if device.id in full:
            raise ConfigError(f"{where}: devices.{index}.id: {device.id} is there twice")
        try:
            state = validated(device.kind, device.state)
        except ProtocolError as error:
            raise ConfigError(f"{where}: devices.{index}.state: {error.reason}") from None
        full[device.id] = device.model_copy(update={"state": state})
    named = [*areas, *(each.area for each in devices if each.area)]
    return HomeView(areas=tuple(dict.fromkeys(named)), devices=tuple(full.values()))
