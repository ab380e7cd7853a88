"""Memory and start time of each process of a household, beside a Python that does nothing."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import psutil

from manyends.protocol.io.folder import StateFolder
from manyends.protocol.io.lines import LinesClient

from .figures import household

MIB = 1024 * 1024
TIMES = 5


async def measure() -> list[str]:
    """Return the lines of the result."""
    lines = ["| process | resident MiB | of its own MiB | starts in s |", "|---|---|---|---|"]
    lines.append(_empty())
    async with household() as (folders, _nodes):
        for name, state in folders.items():
            process = _process(state)
            memory = process.memory_full_info()
            seconds = [await _restart(state) for _ in range(TIMES)]
            lines.append(
                f"| {name} | {memory.rss / MIB:.0f} | {memory.uss / MIB:.0f} "
                f"| {sorted(seconds)[TIMES // 2]:.2f} |"
            )
    return lines


def _empty() -> str:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    seconds = time.perf_counter() - began
    memory = psutil.Process(process.pid).memory_full_info()
    process.kill()
    process.communicate()
    return f"| an empty Python | {memory.rss / MIB:.0f} | {memory.uss / MIB:.0f} | {seconds:.2f} |"


def _process(state: Path) -> psutil.Process:
    for process in psutil.process_iter(["cmdline"]):
        if str(state) in (process.info["cmdline"] or []):
            return process
    raise LookupError(state)


async def _restart(state: Path) -> float:
    """Stop the process and start it again; return the seconds until it can be spoken to."""
    process = _process(state)
    command = process.cmdline()
    process.terminate()
    await asyncio.to_thread(process.wait, 10)
    began = time.perf_counter()
    await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    folder = StateFolder(state)
    while True:
        try:
            node = await LinesClient.connect(folder.socket)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        seconds = time.perf_counter() - began
        await node.close()
        return seconds


def main() -> None:
    """Run it."""
    try:
        print("\n".join(asyncio.run(measure())))
    finally:
        for child in psutil.Process().children(recursive=True):
            child.kill()


if __name__ == "__main__":
    main()
