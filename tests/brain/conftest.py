"""The language model, and a folder for sockets."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..models.conftest import model_folder

__all__ = ["model_folder"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need it."""
    path = Path(tempfile.mkdtemp(prefix="me-", dir="/tmp"))
    yield path
    shutil.rmtree(path)
