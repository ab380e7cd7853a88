"""`manyends up`: a whole household on this machine, each node a process, and a prompt to it."""

import asyncio
import io
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from manyends.brain.household import found, move_to
from manyends.endpoints.opener import OPENER_FILE, has_browser
from manyends.models import catalogue
from manyends.models.errors import ModelError
from manyends.models.fetch import check
from manyends.protocol.io.folder import ConfigError, StateFolder

from .places import INDEX, models_folder, read_index, write_index
from .ports import hindrance
from .prompt import Prompt
from .sample import sample
from .starter import started


def up(folder: Path, model: str | None, fresh: bool, port: int, as_json: bool) -> int:
    """Start the household in `folder`, founding it first where needed; return the exit code.

    Reads lines from standard input; the code is 1 if one of them failed. Raises `ConfigError` if
    it can't start.
    """
    if not 1 <= port < 65535:
        raise ConfigError(f"{port} is no port that leaves room for the next one")
    model = _model(model)
    try:
        nodes = _prepare(folder, model, fresh, port)
    except OSError as error:
        raise ConfigError(f"the household can't be kept in {folder}: {error}") from None
    _stand_in_for_a_browser(folder)
    try:
        return asyncio.run(_run(nodes, model, as_json))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM


def _prepare(folder: Path, model: str, fresh: bool, port: int) -> dict[str, Path]:
    """Return the state folders of a household that can be started; found it where needed."""
    addresses = {"brain": f"127.0.0.1:{port}", "home": f"127.0.0.1:{port + 1}"}
    before = list(read_index(folder).values()) if (folder / INDEX).exists() else []
    for path in before:
        _refuse_running(path)
    for address in addresses.values():
        if why := hindrance(address):
            raise ConfigError(f"{address} can't be used: {why}. Try: manyends up --port PORT")
    if before and fresh:
        for path in before:
            shutil.rmtree(path, ignore_errors=True)
        (folder / INDEX).unlink()
    if not (folder / INDEX).exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _say(f"A new household in {folder}.")
        write_index(folder, found(folder, sample(model, port)))
    nodes = read_index(folder)
    move_to(nodes, addresses)
    brain = StateFolder(nodes["brain"])
    brain.configure(brain.config().model_copy(update={"model": model}))
    return nodes


def _refuse_running(path: Path) -> None:
    """Leave a household alone that runs already; `ConfigError` then."""
    if path.is_dir():
        with StateFolder(path).claimed():
            pass


async def _run(nodes: dict[str, Path], model: str, as_json: bool) -> int:
    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    began = time.monotonic()
    _say(f"Starting {', '.join(nodes)} …")
    async with started(nodes) as sockets:
        _say(f"Ready after {time.monotonic() - began:.1f} s. The language model: {model}.")
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # what is no text must not end the prompt
        prompt = Prompt(sockets, sys.stdout, as_json)
        await prompt.run(sys.stdin)
        if prompt.failed:
            _say(f"{prompt.failed} of these lines failed.")
        return 1 if prompt.failed else 0


def _stand_in_for_a_browser(folder: Path) -> None:
    """On a machine without a browser, let the pages that ends open go to a file, and say so."""
    if OPENER_FILE not in os.environ and not has_browser():
        path = folder.absolute() / "opened-pages.jsonl"
        os.environ[OPENER_FILE] = str(path)
        _say(f"There is no browser here: pages are written to {path} instead.")


def _model(name: str | None) -> str:
    """Return the model of this name; by default the embedded one if it is here and whole."""
    try:
        entry = catalogue.find(name or catalogue.DEFAULT)
    except ModelError as error:
        raise ConfigError(str(error)) from None
    if name is not None or entry is None:
        return name or catalogue.NONE
    try:
        check(entry, models_folder())
    except ModelError:
        return catalogue.NONE
    return entry.name


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
