"""`manyends doctor`: looks at what usually goes wrong, and says what to do about it."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from manyends.protocol.errors import ProtocolError
from manyends.protocol.io.folder import ConfigError, StateFolder
from manyends.protocol.io.lines import LinesClient

from .places import models_folder, read_index
from .ports import hindrance

FREE_BYTES = 200_000_000
"""Less room than this on the disk is worth a word."""
_LOCKED_SECONDS = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    ok: bool
    text: str


def doctor(household: Path, as_json: bool) -> int:
    """Examine a household; the exit code is 1 if something needs doing."""
    findings = asyncio.run(_examine(household))
    if as_json:
        print(json.dumps([asdict(each) for each in findings], indent=2, ensure_ascii=False))
    else:
        for each in findings:
            print(f"{'ok ' if each.ok else 'BAD'} {each.about}: {each.text}")
    return 0 if all(each.ok for each in findings) else 1


async def _examine(household: Path) -> list[Finding]:
    findings = [_room(household), _model()]
    try:
        nodes = read_index(household)
    except ConfigError as error:
        return [*findings, Finding("household", False, str(error))]
    for name, path in nodes.items():
        findings += [*_folder(name, StateFolder(path)), await _process(name, StateFolder(path))]
    return findings


def _room(household: Path) -> Finding:
    place = next(each for each in (household, *household.parents) if each.exists())
    free = shutil.disk_usage(place).free
    text = f"{free // 1_000_000:,} MB are free"
    return Finding("disk", free > FREE_BYTES, text if free > FREE_BYTES else f"{text}; make room")


def _model() -> Finding:
    from manyends.models import catalogue
    from manyends.models.errors import ModelError
    from manyends.models.fetch import check

    entry = catalogue.find(catalogue.DEFAULT)
    assert entry is not None
    try:
        check(entry, models_folder())
    except ModelError as error:
        return Finding("model", False, str(error))
    return Finding("model", True, f"{entry.name} is here and whole")


def _folder(name: str, folder: StateFolder) -> Iterator[Finding]:
    """Look at a node's files: configuration, keys, database."""
    try:
        config = folder.config()
        folder.identity()
        folder.entry(config)
        if config.listen is not None:
            folder.pin()
    except ConfigError as error:
        yield Finding(name, False, str(error))
        return
    yield Finding(name, True, "configuration and keys can be used")
    if folder.database.exists():
        address = f"{folder.database.absolute().as_uri()}?mode=ro"
        try:
            connection = sqlite3.connect(address, uri=True, timeout=_LOCKED_SECONDS)
            with contextlib.closing(connection):
                verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            verdict = str(error)
        # The home keeps its file to itself while it runs; that is no damage.
        whole = verdict == "ok" or "locked" in verdict
        text = "whole" if whole else f"{verdict}. Put a copy of {folder.database} back"
        yield Finding(f"{name}'s database", whole, text)


async def _process(name: str, folder: StateFolder) -> Finding:
    """Look whether the node runs, and if not, whether somebody else has its port."""
    try:
        node = await LinesClient.connect(folder.socket)
    except OSError:
        return _port(name, folder)
    try:
        status = await node.ask("status")
    except ProtocolError:
        return Finding(f"{name}'s process", True, "runs")
    finally:
        await node.close()
    if status["serving"] is None:
        return Finding(f"{name}'s process", False, "runs, but does not reach the brain")
    return Finding(f"{name}'s process", True, f"runs, served by {status['serving']}")


def _port(name: str, folder: StateFolder) -> Finding:
    try:
        listen = folder.config().listen
    except ConfigError as error:
        return Finding(f"{name}'s process", False, str(error))
    if listen is not None and (why := hindrance(listen)):
        text = f"does not run, and {listen} can't be used: {why}"
        return Finding(f"{name}'s process", False, f"{text}. Try: manyends up --port PORT")
    return Finding(f"{name}'s process", False, "does not run. Start it: manyends up")
