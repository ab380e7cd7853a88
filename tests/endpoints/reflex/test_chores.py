"""What is said to the assistant itself: timers, lists, notes, sums, pages, announcements."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from manyends.endpoints.reflex.resolution import Act, Question
from manyends.protocol.roster import Profile

Understand = Callable[..., list[str]]

SAID = [
    ("set a timer for ten minutes", "timer.start 10m"),
    ("set a 3 minute timer", "timer.start 3m"),
    ("set a pasta timer for 12 minutes", "timer.start 12m pasta"),
    ("start a 5 minute timer called eggs", "timer.start 5m eggs"),
    ("set a timer for 20 minutes named the bread", "timer.start 20m the bread"),
    ("set a quarter of an hour timer", "timer.start 15m"),
    ("set a timer for three quarters of an hour", "timer.start 45m"),
    ("set a timer for half an hour", "timer.start 30m"),
    ("set a timer for an hour and a half", "timer.start 1h30m"),
    ("set a timer for 1 hour and 30 minutes", "timer.start 1h30m"),
    ("set a timer for two and a half minutes", "timer.start 2m30s"),
    ("set a ninety second timer", "timer.start 90s"),
    ("timer 1h30m", "timer.start 1h30m"),
    ("wake me up in 20 minutes", "timer.start 20m"),
    ("how long is left", "timer.status"),
    ("how much time on the pasta timer", "timer.status pasta"),
    ("what timers do I have", "timer.status"),
    ("cancel the timer", "timer.cancel"),
    ("cancel the pasta timer", "timer.cancel pasta"),
    ("cancel all timers", "timer.cancel True"),
    ("add milk to the shopping list", "list.add shopping milk"),
    ("put 'bread and butter' on the list", "list.add shopping bread and butter"),
    ("add mopping to my to-do list", "list.add to do mopping"),
    ("take milk off the shopping list", "list.remove shopping milk"),
    ("cross off milk from the shopping list", "list.remove shopping milk"),
    ("what's on the shopping list", "list.read shopping"),
    ("read my to do list", "list.read to do"),
    ("note that the boiler is loud", "notes.add the boiler is loud"),
    ("make a note: call Bob", "notes.add call Bob"),
    ("take a note that the car needs oil", "notes.add the car needs oil"),
    ("read my notes", "notes.read"),
    ("delete the note about the car", "notes.remove the car"),
    ("remember that the spare key is under the blue pot",
     "memory.add the spare key is under the blue pot private"),
    ("remember my locker number is 417", "memory.add my locker number is 417 private"),
    ("don't forget that Max is allergic to nuts", "memory.add Max is allergic to nuts private"),
    ("remember for everyone that the plumber comes on Tuesday",
     "memory.add the plumber comes on Tuesday household"),
    ("remind me to call mum at 7", "reminder.add call mum at 7"),
    ("remind me in ten minutes to check the oven", "reminder.add check the oven in ten minutes"),
    ("remind me to take out the trash every Tuesday",
     "reminder.add take out the trash every Tuesday"),
    ("what time is it", "clock.time"),
    ("what's the date today", "clock.date"),
    ("what is 12 times 7", "calculator.compute 12 * 7"),
    ("what's 15 percent of 80", "calculator.compute 15 / 100 * 80"),
    ("what is the square root of 81", "calculator.compute 81 ** 0.5"),
    ("two plus two", "calculator.compute 2 + 2"),
    ("what is running", "RUNNING"),
    ("what are you doing", "RUNNING"),
    ("cancel that", "CANCEL"),
    ("never mind", "CANCEL"),
    ("cancel", "CANCEL"),
    ("undo that", "UNDO"),
    ("put it back", "UNDO"),
    ("yes", "YES"),
    ("yes please", "YES"),
    ("go ahead", "YES"),
    ("no", "NO"),
    ("please don't", "NO"),
    ("no, don't", "NO"),
    ("stop", "STOP"),
    ("be quiet", "STOP"),
    ("stop the alarm", "STOP"),
    ("dismiss", "STOP"),
    ("open example.org on my laptop", "laptop.open_page example.org"),
    ("on my laptop open the page example.org/news", "laptop.open_page example.org/news"),
    ("open example.org", "laptop.open_page example.org"),
]  # fmt: skip

NOT_UNDERSTOOD = [
    "set two timers",
    "set a timer for a while",
    "cancel my reservation",
    "10-4",
    "what is 50 percent",
    "remember the milk",
    "remember when we met",
    "tell Ben that dinner is ready",
    "move this to my phone",
    "take everything off the shopping list",
    "flip a coin",
    "open the book on my laptop",
    "",
    "note that " + "x" * 1000,
    "turn on " + "the " * 100 + "light",
]


@pytest.mark.parametrize(("said", "asked"), SAID)
def test_a_chore_is_understood(understand: Understand, said: str, asked: str) -> None:
    assert understand(said, "watch") == [asked]


@pytest.mark.parametrize("said", NOT_UNDERSTOOD)
def test_what_fits_no_sentence_is_left_to_others(understand: Understand, said: str) -> None:
    assert understand(said) == []


def test_a_long_note_is_kept_whole(understand: Understand) -> None:
    text = "and so on, " * 60 + "the end"
    assert understand(f"note that {text}", "watch") == [f"notes.add {text}"]


def test_two_items_are_two_calls(understand: Understand) -> None:
    assert understand("put eggs and some bread on my shopping list") == [
        "list.add shopping eggs",
        "list.add shopping bread",
    ]


def _targets(resolution: object, household: SimpleNamespace) -> list[str]:
    parts = resolution.parts  # type: ignore[attr-defined]
    assert all(isinstance(part, Act) for part in parts)
    return [household.roster.device(part.call.target).name for part in parts]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("announce in the kitchen that dinner is ready", ["kitchen hub"]),
        ("announce in the kitchen dinner is ready", ["kitchen hub"]),
        ("announce that dinner is ready in the bedroom", ["bedroom hub"]),
        ("tell the bedroom that dinner is ready", ["bedroom hub"]),
        ("tell everyone that dinner is ready", ["kitchen hub", "bedroom hub"]),
        ("announce dinner is ready", ["kitchen hub", "bedroom hub"]),
        ("broadcast dinner is ready", ["kitchen hub", "bedroom hub"]),
    ],
)
def test_an_announcement_goes_where_it_was_meant(
    resolve: Callable[..., object], household: SimpleNamespace, said: str, where: list[str]
) -> None:
    resolution = resolve(said)
    assert _targets(resolution, household) == where
    texts = {part.call.args["text"] for part in resolution.parts}  # type: ignore[attr-defined]
    assert texts == {"dinner is ready"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("announce in the cellar that dinner is ready", "I don't know a cellar."),
        ("announce in the cellar dinner is ready", "I don't know that room."),
        ("announce in the hall that dinner is ready",
         "There is no device in the hall that could say it."),
        ("announce in the hall dinner is ready",
         "There is no device in the hall that could say it."),
    ],
)  # fmt: skip
def test_an_announcement_for_an_unknown_room_is_never_for_all(
    understand: Understand, said: str, why: str
) -> None:
    assert understand(said) == [f"Refusal: {why}"]


def test_without_a_hub_nothing_is_announced(
    understand: Understand, household: SimpleNamespace
) -> None:
    roster = household.roster.model_copy(update={"devices": (household.end("w", Profile.THIN),)})
    assert understand("announce dinner is ready", "w", roster=roster) == [
        "Refusal: I don't know a hub that could say it."
    ]


def test_a_page_opens_on_the_laptop_of_who_asks(
    resolve: Callable[..., object], household: SimpleNamespace
) -> None:
    for on in ("watch", "kitchen hub"):
        opened = resolve("open example.org on the laptop", on)
        assert _targets(opened, household) == ["laptop"]


@pytest.mark.parametrize(
    ("said", "on", "why"),
    [
        ("open example.org on my phone", "watch",
         "I can open pages on a laptop only, not on a phone."),
        ("open example.org on the ben phone", "watch", None),
        ("open example.org on my laptop", "ben phone", "I don't know a laptop of yours."),
    ],
)  # fmt: skip
def test_a_page_is_not_opened_on_what_is_no_laptop_of_theirs(
    understand: Understand, said: str, on: str, why: str | None
) -> None:
    assert understand(said, on) == ([f"Refusal: {why}"] if why else [])


def test_of_two_laptops_it_is_asked_which(
    resolve: Callable[..., object], household: SimpleNamespace
) -> None:
    laptops = (household.end("red laptop", Profile.LAPTOP, household.ana),
               household.end("laptop two", Profile.LAPTOP, household.ana),
               household.end("watch", Profile.WEARABLE, household.ana))  # fmt: skip
    roster = household.roster.model_copy(update={"devices": laptops})
    (part,) = resolve("open example.org", "watch", roster=roster).parts  # type: ignore[attr-defined]
    assert isinstance(part, Question)
    assert part.text == "Which one: red laptop or laptop two?"


def test_in_a_household_without_a_laptop_that_is_said(
    understand: Understand, household: SimpleNamespace
) -> None:
    roster = household.roster.model_copy(update={"devices": (household.end("w", Profile.HUB),)})
    assert understand("open example.org", "w", roster=roster) == ["Refusal: I don't know a laptop."]
