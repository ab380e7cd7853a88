"""The reflex stays quick and small in a big home, and is a pure function."""

from collections.abc import Callable
from time import thread_time
from types import SimpleNamespace

from manyends.endpoints.reflex.resolve import Reflex
from manyends.skills.home.model import HomeView

Understand = Callable[..., list[str]]


def _big_home(household: SimpleNamespace) -> HomeView:
    rooms = [f"room {number}" for number in range(40)]
    kinds = ("light", "cover", "fan", "media", "climate")
    return HomeView(
        areas=tuple(rooms),
        devices=tuple(
            household.thing(f"{kind}.{room[5:]}", f"{room} {kind} thing", room)
            for room in rooms
            for kind in kinds
        ),
    )


def test_two_hundred_devices_take_no_more_than_some_milliseconds(
    reflex: Reflex, household: SimpleNamespace
) -> None:
    here = household.context(home=_big_home(household))
    said = [f"turn on the light in room {number}" for number in range(40)]
    said += [f"tell me a story about room {number} and a dragon" for number in range(40)]
    reflex.resolve(said[0], here)
    start = thread_time()
    for each in said:
        reflex.resolve(each, here)
    assert (thread_time() - start) / len(said) < 0.02


def test_a_long_list_of_commas_is_given_up_quickly(
    reflex: Reflex, household: SimpleNamespace
) -> None:
    start = thread_time()
    assert not reflex.resolve(", ".join("abcdefghijklmnop" * 6), household.context()).understood
    assert not reflex.resolve("the " * 99, household.context()).understood
    assert thread_time() - start < 1


def test_the_same_words_mean_the_same_again(understand: Understand) -> None:
    said = "turn on the kitchen light and close the blinds"
    assert understand(said) == understand(said)


def test_a_state_that_changed_is_seen_at_once(
    understand: Understand, household: SimpleNamespace
) -> None:
    louder = tuple(
        each.model_copy(update={"state": {"playing": True, "volume": 70}})
        if each.id == "media.radio" else each
        for each in household.home.devices
    )  # fmt: skip
    assert understand("louder") == ["media.set_volume media.radio 40"]
    changed = household.home.model_copy(update={"devices": louder})
    assert understand("louder", home=changed) == ["media.set_volume media.radio 80"]
