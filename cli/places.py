"""Where a household lies on this machine, and which of its nodes a command means."""

import json
import os
from pathlib import Path

from manyends.protocol.io.folder import ConfigError

INDEX = "household.json"


def default_folder() -> Path:
    """Return `$MANYENDS_HOUSEHOLD`, else the user's data folder."""
    named = os.environ.get("MANYENDS_HOUSEHOLD")
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "manyends"


def models_folder() -> Path:
    """Return `$MANYENDS_MODELS`, else the user's cache folder, where model files lie."""
    named = os.environ.get("MANYENDS_MODELS")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "manyends" / "models"


def write_index(folder: Path, nodes: dict[str, Path]) -> None:
    """Note which folder belongs to which node of a household on this machine."""
    content = {name: str(path.relative_to(folder)) for name, path in nodes.items()}
    (folder / INDEX).write_text(json.dumps(content, indent=1) + "\n")


def read_index(folder: Path) -> dict[str, Path]:
    """Return the state folders by node name; `ConfigError` if there is no household here."""
    try:
        content = json.loads((folder / INDEX).read_text())
        return {name: folder / path for name, path in content.items()}
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"there is no household in {folder}. Start one with: manyends up"
        ) from None
    except OSError as error:
        raise ConfigError(f"{folder / INDEX} can't be read: {error.strerror}") from None
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"{folder / INDEX} is damaged: {error}. It names the folder of each node, such as "
            '{"brain": "node0"}'
        ) from None


def node_folder(folder: Path, name: str) -> Path:
    """Return one node's state folder; `ConfigError` that lists the names if there is none."""
    nodes = read_index(folder)
    for known, path in nodes.items():
        if known.lower() == name.lower():
            return path
    raise ConfigError(f"there is no {name!r} here. There are: {', '.join(nodes)}")
