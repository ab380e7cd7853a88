"""The commands that talk to a running node over its socket."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from manyends.protocol.io.folder import ConfigError, StateFolder
from manyends.protocol.io.lines import LinesClient

from .places import models_folder, node_folder

Work = Callable[[LinesClient], Awaitable[int]]


def ask(arguments: argparse.Namespace) -> int:
    """Say something, and print the answer."""

    async def work(node: LinesClient) -> int:
        result: dict[str, Any] = {}
        heard = ""
        said = {"text": " ".join(arguments.text), "as": arguments.claim}
        async for kind, content in node.stream("say", **said):
            if kind == "result":
                result = content
            elif not arguments.json:
                heard += content["piece"]
                print(content["piece"], end="", flush=True)
        _print(arguments, result, rest(heard, result["reply"]))
        return 1 if result.get("error") else 0

    return _talk(arguments, work)


def rest(heard: str, reply: str) -> str:
    """Return what is still to be printed of an answer whose pieces were printed as they came.

    An answer may be another than what it began with: the model broke, or had to be stopped.
    """
    if not heard or heard.strip() == reply.strip():
        return "" if heard else reply
    return f"\n{reply}"


def call(arguments: argparse.Namespace) -> int:
    """Run an action directly, and print what came of it."""
    wrong = [each for each in arguments.args if "=" not in each]
    if wrong:
        raise ConfigError(f"arguments are NAME=VALUE, which {wrong[0]!r} is not")
    given = dict(each.partition("=")[::2] for each in arguments.args)

    async def work(node: LinesClient) -> int:
        wanted = {"action": arguments.action, "args": {k: _value(v) for k, v in given.items()}}
        result = await node.ask("call", **wanted, on=arguments.target)
        _print(arguments, result, f"{result['state']}: {result['text'] or result['task']}")
        return 1 if result["error"] else 0

    return _talk(arguments, work)


def _value(text: str) -> Any:
    """Read an argument as JSON where it is such (30, true), else as the words it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def tasks(arguments: argparse.Namespace) -> int:
    """List tasks, or answer for one."""

    async def work(node: LinesClient) -> int:
        if arguments.verb == "list":
            found = (await node.ask("tasks"))["tasks"]
            lines = [
                f"{each['id']}  {each['state']:<10} {each['action']} on {each['on']}"
                for each in found
            ]
            _print(arguments, found, "\n".join(lines) or "There are no tasks.")
            return 0
        wanted = {"task": arguments.task} if arguments.task else {}
        if arguments.verb in ("done", "undone"):
            if not arguments.task:
                raise ConfigError("say which task: manyends tasks done TASK")
            wanted["done"] = arguments.verb == "done"
        verb = "settle" if arguments.verb in ("done", "undone") else arguments.verb
        result = await node.ask(verb, **wanted)
        _print(arguments, result, result["text"])
        return 0

    return _talk(arguments, work)


def ends(arguments: argparse.Namespace) -> int:
    """List the household's devices."""

    async def work(node: LinesClient) -> int:
        found = (await node.ask("ends"))["ends"]
        lines = [
            f"{each['name']:<16} {each['profile']:<9} {each['person'] or each['area'] or '-':<12} "
            f"{'online' if each['online'] else 'away'}"
            for each in found
        ]
        _print(arguments, found, "\n".join(lines))
        return 0

    return _talk(arguments, work)


def why(arguments: argparse.Namespace) -> int:
    """Say why the last thing was done."""

    async def work(node: LinesClient) -> int:
        wanted = {"turn": arguments.turn} if arguments.turn else {}
        record = await node.ask("why", **wanted)
        _print(arguments, record, record["text"])
        return 0

    return _talk(arguments, work)


def audit(arguments: argparse.Namespace) -> int:
    """Check or show the audit record; a record that was changed is exit code 1."""

    async def work(node: LinesClient) -> int:
        if arguments.verb == "show":
            entries = (await node.ask("audit_show", limit=arguments.limit))["entries"]
            lines = [f"{each['n']:>6}  {each['kind']:<14} {each['hash']}" for each in entries]
            _print(arguments, entries, "\n".join(lines))
            return 0
        verdict = await node.ask("audit_verify")
        text = f"The record is whole: {verdict['entries']} entries."
        if not verdict["ok"]:
            text = f"The record was tampered with: {verdict['reason']}."
        _print(arguments, verdict, text)
        return 0 if verdict["ok"] else 1

    return _talk(arguments, work)


def models(arguments: argparse.Namespace) -> int:
    """List the models of the catalogue with where they are, or fetch one."""
    from manyends.models import catalogue
    from manyends.models.errors import ModelError
    from manyends.models.fetch import check, fetch

    folder = models_folder()
    if arguments.verb == "fetch":
        try:
            entry = catalogue.find(arguments.name or catalogue.DEFAULT)
            if entry is None:
                raise ConfigError("there is nothing to fetch for the model none")
            out = sys.stderr if arguments.json else sys.stdout
            path = fetch(entry, folder, lambda line: print(line, file=out, flush=True))
        except ModelError as error:
            raise ConfigError(str(error)) from None
        content = {"name": entry.name, "path": str(path)}
        _print(arguments, content, f"{entry.name} is ready: {path}")
        return 0
    found = []
    memory = asyncio.run(_loaded(arguments.household))
    for entry in catalogue.ENTRIES:
        try:
            check(entry, folder)
            here = "here"
        except ModelError as error:
            here = str(error)
        if entry.name in memory:
            here += f", loaded by the brain with {memory[entry.name] // 1_000_000} MB"
        loaded = memory.get(entry.name, 0)
        found.append({"name": entry.name, "state": here, "memory_bytes": loaded})
    _print(arguments, found, "\n".join(f"{each['name']}: {each['state']}" for each in found))
    return 0


async def _loaded(household: Path) -> dict[str, int]:
    """Return the model that the brain has loaded, with its memory in bytes; nothing if none."""
    try:
        brain = await LinesClient.connect(StateFolder(node_folder(household, "brain")).socket)
    except (OSError, ConfigError):
        return {}
    try:
        model = await brain.ask("model")
    finally:
        await brain.close()
    return {model["name"]: model["memory_bytes"]} if model["loaded"] else {}


def _talk(arguments: argparse.Namespace, work: Work) -> int:
    """Connect to the node that is meant, and do the work."""

    async def talk() -> int:
        folder = StateFolder(node_folder(arguments.household, arguments.on))
        try:
            node = await LinesClient.connect(folder.socket)
        except OSError:
            raise ConfigError(
                f"{arguments.on} does not run here. Start the household with: manyends up"
            ) from None
        try:
            return await work(node)
        finally:
            await node.close()

    return asyncio.run(talk())


def _print(arguments: argparse.Namespace, content: Any, text: str) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False) if arguments.json else text)
