"""Where the effects of each action are counted: by the home, by rows, or by a fake's file."""

from typing import NamedTuple

from .devices import HOME_ACTIONS


class Rows(NamedTuple):
    """The records that show a stored effect: all of a collection, or only the dropped ones."""

    collection: str
    dropped: bool = False


STORED: dict[str, Rows] = {
    "timer.start": Rows("timers"),
    "timer.cancel": Rows("timers", dropped=True),
    "reminder.add": Rows("reminders"),
    "notes.add": Rows("notes"),
    "list.add": Rows("list_items"),
    "list.remove": Rows("list_items", dropped=True),
    "announce.say": Rows("announcements"),
    "memory.add": Rows("memories"),
}
"""Stored skills, counted by distinct records over all nodes."""

OPENED = "laptop.open_page"
"""Counted by the lines of the fake openers' files."""

LATER = frozenset({"clipboard.set", "message.send"})
"""Known, but their named fakes are not there yet."""

COUNTED = HOME_ACTIONS | STORED.keys() | {OPENED} | LATER
"""Every action that `effects` may name."""
