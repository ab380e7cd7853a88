"""From a configured name to an engine."""

from pathlib import Path

from . import catalogue
from .engine import Engine
from .engines.gguf import GgufEngine


def open_engine(name: str, folder: Path) -> Engine | None:
    """Return the engine of a model, not yet loaded; None if the name is `none`.

    `folder` is where the models' files lie; it may be empty or missing still. Raises
    `ModelUnknown`.
    """
    entry = catalogue.find(name)
    return GgufEngine(entry, folder) if entry else None
