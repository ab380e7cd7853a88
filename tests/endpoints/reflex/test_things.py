"""One command for things of the home: word orders, values, areas, and what is not there."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from manyends.skills.home.model import HomeView

Understand = Callable[..., list[str]]

COMMANDS = [
    ("turn on the kitchen light", "light.turn_on light.kitchen"),
    ("Turn on the kitchen light, please.", "light.turn_on light.kitchen"),
    ("could you switch the kitchen light on?", "light.turn_on light.kitchen"),
    ("would you mind turning off the bedroom light", "light.turn_off light.bedroom"),
    ("would you mind dimming the bedroom light to 10%", "light.set_brightness light.bedroom 10"),
    ("kitchen light on", "light.turn_on light.kitchen"),
    ("the light in the bedroom off", "light.turn_off light.bedroom"),
    ("in the bedroom turn on the light", "light.turn_on light.bedroom"),
    ("in the bedroom, light on", "light.turn_on light.bedroom"),
    ("turn the light off in the bedroom", "light.turn_off light.bedroom"),
    ("i'd like the kitchen light on", "light.turn_on light.kitchen"),
    ("turn on the kettle", "switch.turn_on switch.kitchen"),
    ("dim the bedroom light to thirty percent", "light.set_brightness light.bedroom 30"),
    ("dim the lamp to 30% in the bedroom", "light.set_brightness light.bedroom 30"),
    ("set the bedroom light brightness to 45", "light.set_brightness light.bedroom 45"),
    ("set the brightness of the bedroom light to half", "light.set_brightness light.bedroom 50"),
    ("bedroom light 70 percent", "light.set_brightness light.bedroom 70"),
    ("brightness of the bedroom light 20 percent", "light.set_brightness light.bedroom 20"),
    ("make the bedroom light warm white", "light.set_color light.bedroom warm white"),
    ("set the bedroom light to blue", "light.set_color light.bedroom blue"),
    ("close the blinds", "cover.close cover.bed"),
    ("shut the curtains in the bedroom", "cover.close cover.bed"),
    ("raise the blinds", "cover.open cover.bed"),
    ("set the blinds to 50%", "cover.set_position cover.bed 50"),
    ("open the blinds halfway", "cover.set_position cover.bed 50"),
    ("half open the blinds", "cover.set_position cover.bed 50"),
    ("lock the door", "lock.lock lock.front"),
    ("unlock the front door", "lock.unlock lock.front"),
    ("set the heating to 21 degrees", "climate.set_temperature climate.home 21"),
    ("turn the heating up to twenty one and a half", "climate.set_temperature climate.home 21.5"),
    ("make the living room 22 degrees", "climate.set_temperature climate.home 22"),
    ("I'd like the living room to be 22°C", "climate.set_temperature climate.home 22"),
    ("set the heating to auto", "climate.set_mode climate.home auto"),
    ("turn off the heating", "climate.set_mode climate.home off"),
    ("turn on the heating", "climate.set_mode climate.home heat"),
    ("heat the living room", "climate.set_mode climate.home heat"),
    ("set the kitchen light to on", "light.turn_on light.kitchen"),
    ("light up the bedroom", "light.turn_on light.bedroom"),
    ("set the heating to off", "climate.set_mode climate.home off"),
    ("pause the tv", "media.pause media.tv"),
    ("turn the telly off", "media.pause media.tv"),
    ("pause", "media.pause media.radio"),
    ("resume the music", "media.play media.radio"),
    ("next song", "media.next media.radio"),
    ("skip to the next track on the tv", "media.next media.tv"),
    ("play some jazz", "media.play media.radio some jazz"),
    ("play radio paradise on the tv", "media.play media.tv radio paradise"),
    ("play the radio", "media.play media.radio"),
    ("volume 25", "media.set_volume media.radio 25"),
    ("set the volume of the tv to 15 percent", "media.set_volume media.tv 15"),
    ("mute the tv", "media.set_volume media.tv 0"),
    ("turn on the ceiling fan", "fan.turn_on fan.bed"),
    ("set the fan to high", "fan.set_speed fan.bed 100"),
    ("start Robby", "vacuum.start vacuum.robby"),
    ("vacuum the hall", "vacuum.start vacuum.robby"),
    ("send the vacuum home", "vacuum.dock vacuum.robby"),
    ("stop vacuuming", "vacuum.dock vacuum.robby"),
]  # fmt: skip

RELATIVE = [
    ("louder", "media.set_volume media.radio 40"),
    ("a bit quieter", "media.set_volume media.radio 25"),
    ("turn the tv down by 15", "media.set_volume media.tv 25"),
    ("turn up the volume", "media.set_volume media.radio 40"),
    ("dim the bedroom light by 20 percent", "light.set_brightness light.bedroom 40"),
    ("brighten the bedroom light", "light.set_brightness light.bedroom 80"),
    ("make the living room lamp a bit dimmer", "light.set_brightness light.living 90"),
    ("make the living room lamp brighter", "light.set_brightness light.living 100"),
    ("brighten the kitchen light by 30 percent", "light.set_brightness light.kitchen 30"),
    ("two degrees warmer", "climate.set_temperature climate.home 21"),
    ("turn the temperature down by two degrees", "climate.set_temperature climate.home 17"),
    ("make the fan faster", "fan.set_speed fan.bed 75"),
    ("lower the blinds a bit", "cover.set_position cover.bed 60"),
    ("open the blinds a little", "cover.set_position cover.bed 80"),
]

REFUSED = [
    ("turn on the garage light", "I don't know a garage light."),
    ("turn on the bathroom lights", "I don't know a bathroom."),
    ("turn off all the lights in the bathroom", "I don't know a bathroom."),
    ("turn on the light in the garage", "I don't know a garage."),
    ("dim the lamp to 30 percent in the garage", "I don't know a garage."),
    ("close the curtains in the bathroom", "I don't know a bathroom."),
    ("set the volume to 30 percent in the garage", "I don't know a garage."),
    ("turn on the kitchen fan", "I don't know a kitchen fan."),
    ("unlock the back door", "I don't know a back door."),
    ("turn on the sprinkler", "I don't know a sprinkler."),
    ("turn on all the lights except the garage light", "I don't know a garage light."),
    ("dim the kitchen switch", "The kitchen switch can't be dimmed."),
    ("dim the kitchen switch to 30 percent", "The kitchen switch can't be dimmed."),
    ("open the front door", "The front door can't be opened."),
    ("turn on the front door", "The front door can't be turned on."),
    ("set the temperature in the kitchen to 20 degrees",
     "I can't change the temperature in the kitchen."),
    ("set the bedroom light to 150 percent", "The bedroom light goes from 0 to 100 percent."),
    ("turn on the light in my room", "I don't know a light in my room."),
    ("turn off the kitchen", "I don't know what you mean in the kitchen."),
    ("previous song", "I can't go back to what played before."),
]  # fmt: skip


@pytest.mark.parametrize(("said", "done"), COMMANDS + RELATIVE)
def test_a_command_is_done_to_what_was_meant(understand: Understand, said: str, done: str) -> None:
    assert understand(said) == [done]


@pytest.mark.parametrize(("said", "why"), REFUSED)
def test_what_is_not_there_is_refused_by_name(understand: Understand, said: str, why: str) -> None:
    assert understand(said) == [f"Refusal: {why}"]


@pytest.mark.parametrize("hub", ["kitchen hub", "bedroom hub"])
def test_the_area_of_the_device_spoken_to_is_the_default(understand: Understand, hub: str) -> None:
    assert understand("turn on the light", hub) == [f"light.turn_on light.{hub.split()[0]}"]


def test_the_only_one_of_the_home_is_meant_where_the_area_has_none(understand: Understand) -> None:
    assert understand("close the blinds", "kitchen hub") == ["cover.close cover.bed"]


def test_several_that_fit_are_asked_about(understand: Understand) -> None:
    assert understand("turn on the light", "watch") == ["Which one: kitchen or bedroom?"]


def test_two_in_one_room_are_told_apart_by_their_names(
    understand: Understand, household: SimpleNamespace
) -> None:
    thing = household.thing
    home = HomeView(
        areas=("kitchen",),
        devices=(
            thing("light.a", "ceiling light", "kitchen"),
            thing("light.b", "desk light", "kitchen"),
        ),
    )
    assert understand("turn on the light", home=home) == ["Which one: ceiling or desk?"]


def test_the_lamp_that_is_called_after_its_room_is_the_lamp_of_that_room(
    understand: Understand,
) -> None:
    assert understand("turn on the lamp in the living room") == ["light.turn_on light.living"]


def test_lights_in_the_plural_are_those_of_this_area(understand: Understand) -> None:
    assert understand("turn off the lights", "bedroom hub") == ["light.turn_off light.bedroom"]


def test_lights_in_the_plural_said_nowhere_are_asked_by_area(understand: Understand) -> None:
    asked = understand("turn off the lights", "watch")
    assert asked == ["Which one: kitchen, bedroom or living room?"]


@pytest.mark.parametrize(
    "said", ["all lights off", "turn off every light", "turn off the lights in the whole house"]
)
def test_all_lights_are_all_of_the_home(understand: Understand, said: str) -> None:
    lights = ["kitchen", "bedroom", "living", "salt"]
    assert understand(said) == [f"light.turn_off light.{each}" for each in lights]


@pytest.mark.parametrize(
    "said",
    ["turn on all the lights in the living room", "turn on both lamps in the living room"],
)
def test_all_lights_of_a_room_are_no_more_than_these(understand: Understand, said: str) -> None:
    assert understand(said) == ["light.turn_on light.living", "light.turn_on light.salt"]


def test_what_is_excepted_is_left_alone(understand: Understand) -> None:
    done = understand("turn off all the lights but not the kitchen light")
    assert done == [f"light.turn_off light.{each}" for each in ("bedroom", "living", "salt")]


def test_everything_is_no_lock_and_no_heating(understand: Understand) -> None:
    kinds = {each.split(".")[0] for each in understand("turn everything off")}
    assert kinds == {"light", "switch", "fan", "media"}


def test_everything_in_a_room_stays_there(understand: Understand) -> None:
    done = understand("turn everything off in the kitchen")
    assert done == ["light.turn_off light.kitchen", "switch.turn_off switch.kitchen",
                    "media.pause media.radio"]  # fmt: skip


def test_it_is_what_was_spoken_of_last(understand: Understand) -> None:
    assert understand("turn it off", last=("fan.bed",)) == ["fan.turn_off fan.bed"]
    assert understand("make them brighter", last=("light.bedroom", "light.living")) == [
        "light.set_brightness light.bedroom 80",
        "light.set_brightness light.living 100",
    ]


def test_it_without_anything_before_does_nothing(understand: Understand) -> None:
    assert understand("turn it off") == ["Refusal: I don't know what you mean by that."]


def test_it_may_be_left_open_where_the_property_says_enough(understand: Understand) -> None:
    assert understand("turn it up") == ["media.set_volume media.radio 40"]
    assert understand("make it 20 degrees") == ["climate.set_temperature climate.home 20"]


@pytest.mark.parametrize(
    "said",
    ["turn on the light at 7", "turn off the light in 10 minutes", "turn on the light tomorrow",
     "turn on the light when I come home", "turn on the light unless it is on",
     "turn off the kitchen light for 5 minutes", "open the blinds at 8"],
)  # fmt: skip
def test_what_is_for_another_time_is_not_done_now(understand: Understand, said: str) -> None:
    assert understand(said) == []


def test_the_same_name_in_two_areas_is_told_apart_by_the_area(
    understand: Understand, household: SimpleNamespace
) -> None:
    thing = household.thing
    home = HomeView(
        areas=("kitchen", "study"),
        devices=(thing("light.a", "lamp", "kitchen"), thing("light.b", "lamp", "study")),
    )
    assert understand("turn on the lamp", home=home) == ["light.turn_on light.a"]
    assert understand("turn on the study lamp", home=home) == ["light.turn_on light.b"]
    assert understand("turn on the lamp in the study", home=home) == ["light.turn_on light.b"]
    assert understand("turn on the lamp", "watch", home=home) == ["Which one: kitchen or study?"]


def test_a_room_without_the_thing_never_falls_back_to_another(
    understand: Understand, household: SimpleNamespace
) -> None:
    home = HomeView(
        areas=("kitchen", "outdoor kitchen"),
        devices=(household.thing("light.o", "outdoor kitchen light", "outdoor kitchen"),),
    )
    assert understand("turn on the kitchen light", home=home) == [
        "Refusal: I don't know a kitchen light."
    ]


def test_blinds_are_not_the_garage_door(understand: Understand, household: SimpleNamespace) -> None:
    thing = household.thing
    home = HomeView(
        areas=("kitchen",),
        devices=(thing("cover.b", "blinds", "kitchen"), thing("cover.g", "garage door", "kitchen")),
    )
    assert understand("close the blinds", home=home) == ["cover.close cover.b"]
    assert understand("open the garage door", home=home) == ["cover.open cover.g"]


def test_only_what_flows_is_opened_by_turning_it_on(
    understand: Understand, household: SimpleNamespace
) -> None:
    home = HomeView(areas=("study",), devices=(household.thing("cover.v", "water valve", "study"),))
    assert understand("turn on the water valve", home=home) == ["cover.open cover.v"]
    assert understand("turn on the blinds") == ["Refusal: The bedroom blinds can't be turned on."]


def test_sprinklers_are_started_by_watering(
    understand: Understand, household: SimpleNamespace
) -> None:
    home = HomeView(
        areas=("garden",), devices=(household.thing("switch.s", "sprinkler", "garden"),)
    )
    assert understand("water the garden", home=home) == ["switch.turn_on switch.s"]
    assert understand("stop watering", home=home) == ["switch.turn_off switch.s"]


@pytest.mark.parametrize("said", ["turn on the light or the fan", "turn on no lights"])
def test_what_is_left_open_is_not_done(understand: Understand, said: str) -> None:
    assert understand(said) == []


def test_words_for_states_are_no_names(understand: Understand) -> None:
    assert understand("light") == []
    assert understand("kitchen") == []


def test_a_phrase_names_the_thing_and_where_it_must_its_area(
    household: SimpleNamespace, resolve: Callable[..., object]
) -> None:
    thing = household.thing
    home = HomeView(
        areas=("kitchen", "study"),
        devices=(thing("light.a", "lamp", "kitchen"), thing("light.b", "lamp", "study"),
                 thing("fan.c", "fan", "study")),
    )  # fmt: skip
    parts = resolve("turn on the lamp and the fan in the study", home=home).parts  # type: ignore[attr-defined]
    assert [part.phrase for part in parts] == ["study lamp", "fan"]
