"""Failpoints, openers, and the home of a household that has none."""

import json
import os
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from manyends.endpoints.nohome import NoHome
from manyends.endpoints.opener import choose_opener, system_browser
from manyends.skills.home.model import HomeAwayError, HomeView

PASSES = """
from manyends.endpoints.failpoint import failpoint
for name in ("ack:task.offer", "other", "ack:task.offer", "ack:task.offer"):
    failpoint(name)
    print(name, flush=True)
"""


@pytest.mark.parametrize(
    ("armed", "passed"),
    [
        ("", 4),
        ("nowhere", 4),
        ("ack:task", 4),
        ("ack:task.offer", 0),
        ("ack:task.offer:1", 0),
        ("ack:task.offer:2", 2),
        ("ack:task.offer:3", 3),
        ("ack:task.offer:4", 4),
        ("other", 1),
    ],
)
def test_a_failpoint_kills_at_its_place_and_at_no_other(armed: str, passed: int) -> None:
    process = subprocess.run(
        [sys.executable, "-c", PASSES],
        env={**os.environ, "MANYENDS_FAILPOINT": armed},
        capture_output=True,
        check=False,
    )
    assert process.returncode == (0 if passed == 4 else -signal.SIGKILL)
    assert len(process.stdout.splitlines()) == passed


def test_the_fake_opener_writes_a_line_for_each_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pages"
    monkeypatch.setenv("MANYENDS_OPENER_FILE", str(file))
    opener = choose_opener()
    opener("https://example.org/")
    opener("https://example.com/")
    pages = [json.loads(line)["url"] for line in file.read_text().splitlines()]
    assert pages == ["https://example.org/", "https://example.com/"]


def test_without_a_browser_the_opener_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANYENDS_OPENER_FILE", raising=False)
    assert choose_opener() is system_browser

    class Window(webbrowser.BaseBrowser):
        """A browser that opens what it is told to, or nothing."""

        opens = False

        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            return self.opens

    window = Window()
    monkeypatch.setattr(webbrowser, "get", lambda using=None: window)
    monkeypatch.setattr(webbrowser, "open", window.open)
    with pytest.raises(OSError, match="no browser"):
        system_browser("https://example.org/")
    window.opens = True
    system_browser("https://example.org/")

    def none(using: str | None = None) -> webbrowser.BaseBrowser:
        raise webbrowser.Error("there is none")

    monkeypatch.setattr(webbrowser, "get", none)
    with pytest.raises(OSError, match="no browser"):
        system_browser("https://example.org/")


async def test_no_home_is_empty_and_never_did_anything() -> None:
    home = NoHome()
    assert home.view() == HomeView()
    assert await home.carried_out("key") is None
    with pytest.raises(HomeAwayError):
        await home.command("light.kitchen", "light.turn_on", {}, "key")
