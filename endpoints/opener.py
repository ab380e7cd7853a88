"""Showing a page in this device's browser, or in a file where a test stands one in for it."""

import json
import os
import time
import webbrowser
from pathlib import Path

from .contexts import OpenPage

OPENER_FILE = "MANYENDS_OPENER_FILE"


def system_browser(url: str) -> None:
    """Open a page in the system's browser; `OSError` if there is none with a window."""
    if not has_browser() or not webbrowser.open(url):
        raise OSError("no browser could be started")


def has_browser() -> bool:
    """Say whether the system has a browser with a window; one in a terminal would block us."""
    try:
        return type(webbrowser.get()) is not webbrowser.GenericBrowser
    except webbrowser.Error:
        return False


class FakeOpener:
    """Stands for a browser where there is none: each page opened is a line of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, url: str) -> None:
        """Write the page down as opened, on disk before it returns."""
        with self._path.open("a") as file:
            file.write(json.dumps({"url": url, "at": time.time_ns() // 1_000_000}) + "\n")
            file.flush()
            os.fsync(file.fileno())


def choose_opener() -> OpenPage:
    """Return the fake if the environment names its file, else the system's browser."""
    path = os.environ.get(OPENER_FILE)
    return FakeOpener(Path(path)) if path else system_browser
