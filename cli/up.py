"""`manyends up`: a whole household on this machine, each node a process, and a prompt to it."""

import asyncio
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
    if fresh and (folder / INDEX).exists():
        for path in read_index(folder).values():
            shutil.rmtree(path, ignore_errors=True)
        (folder / INDEX).unlink()
    model = model or _model_here()
    if not (folder / INDEX).exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _say(f"A new household in {folder}.")
        write_index(folder, found(folder, sample(model, port)))
    nodes = read_index(folder)
    move_to(nodes, {"brain": f"127.0.0.1:{port}", "home": f"127.0.0.1:{port + 1}"})
    brain = StateFolder(nodes["brain"])
    brain.configure(brain.config().model_copy(update={"model": model}))
    _stand_in_for_a_browser(folder)
    return asyncio.run(_run(nodes, model, as_json))


async def _run(nodes: dict[str, Path], model: str, as_json: bool) -> int:
    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    began = time.monotonic()
    _say(f"Starting {', '.join(nodes)} …")
    async with started(nodes) as sockets:
        _say(f"Ready after {time.monotonic() - began:.1f} s. The language model: {model}.")
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


def _model_here() -> str:
    """Return the embedded model if its file is here and whole, else `none`."""
    entry = catalogue.find(catalogue.DEFAULT)
    assert entry is not None
    try:
        check(entry, models_folder())
    except ModelError:
        return catalogue.NONE
    return entry.name


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
