"""The catalogue names only models that can be run, and opens them by name."""

from pathlib import Path

import pytest

from manyends.models import catalogue
from manyends.models.errors import ModelUnknown
from manyends.models.open import open_engine


def test_the_default_is_in_the_catalogue() -> None:
    entry = catalogue.find(catalogue.DEFAULT)
    assert entry is not None
    assert entry.name == catalogue.DEFAULT


def test_entries_are_pinned_by_whole_hashes() -> None:
    for entry in catalogue.ENTRIES:
        assert len(bytes.fromhex(entry.sha256)) == len(bytes.fromhex(entry.source.sha256)) == 32
        assert entry.source.member.endswith(entry.file)


def test_none_opens_no_engine(tmp_path: Path) -> None:
    assert open_engine("none", tmp_path) is None


def test_an_engine_is_opened_without_its_file(tmp_path: Path) -> None:
    engine = open_engine("smollm2-135m", tmp_path / "missing")
    assert engine is not None
    assert (engine.name, engine.context) == ("smollm2-135m", 2048)
    assert not engine.loaded
    assert engine.memory_bytes == 0


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match=r"'gpt-9'.*none, smollm2-135m"):
        open_engine("gpt-9", tmp_path)
