"""The home's actions: what they do and say, how they are undone, and what they refuse."""

from typing import Any

import pytest
from tests.skills.contexts import Bench, FakeHome, device

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.task import Effect, Risk
from manyends.skills.home.model import Device, HomeAwayError, Kind
from manyends.skills.home.rules import COMMANDS, validated
from manyends.skills.registry import Registry
from manyends.skills.sdk import Where

ACTIONS = Registry.load().actions


def thing(kind: Kind, name: str, **state: Any) -> Device:
    return Device(
        id=f"{kind}.{name.replace(' ', '_')}",
        name=name,
        kind=kind,
        area="kitchen",
        state=validated(kind, state),
    )


def bench(*devices: Device) -> Bench:
    return Bench(device("hub"), FakeHome(*devices))


def test_every_command_of_the_home_is_an_action() -> None:
    for name in COMMANDS:
        action = ACTIONS[name]
        once = name in ("lock.unlock", "media.next")
        assert action.effect is (Effect.ONCE if once else Effect.SETTABLE)
        assert action.risk is (Risk.HIGH if name == "lock.unlock" else Risk.LOW)
        assert (action.read_back is not None) == once
        assert action.where is Where.HOME and not action.profiles


@pytest.mark.parametrize(
    ("kind", "name", "state", "action", "args", "text"),
    [
        (Kind.LIGHT, "kitchen light", {}, "light.turn_on", {}, "I turned on the kitchen light."),
        (
            Kind.LIGHT,
            "lamp",
            {"power": "on", "brightness": 30},
            "light.turn_off",
            {},
            "I turned off the lamp.",
        ),
        (
            Kind.LIGHT,
            "lamp",
            {"brightness": 80},
            "light.set_brightness",
            {"brightness": 30},
            "I set the lamp to 30 percent.",
        ),
        (
            Kind.LIGHT,
            "Ana's lamp",
            {"power": "on"},
            "light.set_color",
            {"color": "warm white"},
            "I set Ana's lamp to warm white.",
        ),
        (
            Kind.LIGHT,
            "lamp",
            {"color": "red"},
            "light.set_color",
            {"color": "blue"},
            "I set the lamp to blue.",
        ),
        (
            Kind.LIGHT,
            "lamp",
            {"power": "on"},
            "light.turn_on",
            {},
            "The lamp is already on.",
        ),
        (Kind.SWITCH, "kettle", {}, "switch.turn_on", {}, "I turned on the kettle."),
        (Kind.LOCK, "front door", {}, "lock.unlock", {}, "I unlocked the front door."),
        (Kind.LOCK, "front door", {"locked": False}, "lock.lock", {}, "I locked the front door."),
        (Kind.COVER, "blinds", {"position": 70}, "cover.close", {}, "I closed the blinds."),
        (Kind.COVER, "blinds", {"position": 70}, "cover.open", {}, "I opened the blinds."),
        (
            Kind.CLIMATE,
            "heating",
            {"target": 19, "mode": "heat"},
            "climate.set_temperature",
            {"temperature": 21},
            "I set the heating to 21 degrees.",
        ),
        (
            Kind.CLIMATE,
            "heating",
            {},
            "climate.set_mode",
            {"mode": "heat_cool"},
            "I set the heating to heat cool.",
        ),
        (Kind.MEDIA, "radio", {"item": "a"}, "media.play", {}, "I started the radio."),
        (
            Kind.MEDIA,
            "radio",
            {"item": "a", "playing": True},
            "media.pause",
            {},
            "I paused the radio.",
        ),
        (
            Kind.MEDIA,
            "radio",
            {},
            "media.set_volume",
            {"volume": 20},
            "I set the volume of the radio to 20 percent.",
        ),
        (
            Kind.FAN,
            "fan",
            {"power": "on", "speed": 60},
            "fan.turn_off",
            {},
            "I turned off the fan.",
        ),
        (
            Kind.FAN,
            "fan",
            {"speed": 60},
            "fan.set_speed",
            {"speed": 9},
            "I set the fan to 9 percent.",
        ),
        (Kind.VACUUM, "vacuum", {}, "vacuum.start", {}, "I started the vacuum."),
        (
            Kind.VACUUM,
            "vacuum",
            {"status": "cleaning"},
            "vacuum.dock",
            {},
            "I sent the vacuum back to its dock.",
        ),
    ],
)
async def test_it_is_done_said_and_undone(
    kind: Kind, name: str, state: dict[str, Any], action: str, args: dict[str, Any], text: str
) -> None:
    before = thing(kind, name, **state)
    here = bench(before)
    result = await here.go(ACTIONS[action], target=name.upper(), **args)
    assert result.text == text and result.error is None
    after = here.home.devices[before.id]
    assert result.touched == after.changes and result.data["state"] == after.state
    undone = await here.undo(result, ACTIONS)
    assert undone.error is None
    assert here.home.devices[before.id].state == before.state


async def test_a_brightness_is_what_undo_restores() -> None:
    here = bench(thing(Kind.LIGHT, "lamp", power="on", brightness=30))
    result = await here.go(ACTIONS["light.turn_off"], target="lamp")
    assert result.inverse is not None
    assert result.inverse.action == "light.set_brightness"
    assert result.inverse.args == {"target": "light.lamp", "brightness": 30}


async def test_undo_of_what_was_touched_since_is_refused() -> None:
    lamp = thing(Kind.LIGHT, "lamp")
    here = bench(lamp)
    result = await here.go(ACTIONS["light.turn_on"], target="lamp")
    await here.go(ACTIONS["light.set_brightness"], target="lamp", brightness=5)
    refused = await here.undo(result, ACTIONS)
    assert refused.error is ErrorCode.FORBIDDEN
    assert refused.text == "Somebody has changed it since."


async def test_a_transfer_is_undone_by_another_one() -> None:
    here = bench(
        thing(Kind.MEDIA, "radio", playing=True, item="Blue", position_s=42),
        thing(Kind.MEDIA, "hall speaker"),
    )
    result = await here.go(ACTIONS["media.transfer"], target="radio", to="Hall Speaker")
    assert result.text == "I moved the sound from the radio to the hall speaker."
    assert here.home.devices["media.hall_speaker"].state["position_s"] == 42
    await here.undo(result, ACTIONS)
    assert here.home.devices["media.radio"].state["playing"]


async def test_skipping_can_not_be_undone() -> None:
    here = bench(thing(Kind.MEDIA, "radio", playing=True))
    result = await here.go(ACTIONS["media.next"], target="radio")
    assert result.text == "I skipped to the next on the radio." and result.inverse is None


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("garage light", "I don't know a garage light."),
        ("the attic light", "I don't know an attic light."),
        ("kettle", "The kettle is not a light."),
        ("spot", "There is more than one spot: one in the kitchen and one in the kitchen."),
    ],
)
async def test_a_name_that_fits_nothing_is_said(target: str, reason: str) -> None:
    spots = [thing(Kind.LIGHT, "spot").model_copy(update={"id": f"s{each}"}) for each in "12"]
    here = bench(thing(Kind.SWITCH, "kettle"), *spots)
    with pytest.raises(ProtocolError) as unknown:
        await here.go(ACTIONS["light.turn_on"], target=target)
    assert (unknown.value.code, unknown.value.reason) == (ErrorCode.NOT_FOUND, reason)
    assert not here.home.outcomes


async def test_an_alias_and_an_id_are_names_too() -> None:
    lamp = thing(Kind.LIGHT, "lamp").model_copy(update={"aliases": ("The Sun",)})
    here = bench(lamp, thing(Kind.LIGHT, "light.lamp").model_copy(update={"id": "other"}))
    assert (await here.go(ACTIONS["light.turn_on"], target="the sun")).error is None
    assert (await here.go(ACTIONS["light.turn_off"], target="light.lamp")).error is None
    assert here.home.devices["light.lamp"].changes == 2


async def test_what_the_home_refuses_is_said() -> None:
    here = bench(thing(Kind.LIGHT, "lamp"))
    refused = await here.go(ACTIONS["light.turn_on"], target="lamp", unchanged=7)
    assert refused.error is ErrorCode.FORBIDDEN and refused.inverse is None


async def test_a_home_that_was_never_reached_means_that_nothing_was_done() -> None:
    here = bench(thing(Kind.LOCK, "door"))
    here.home.silent = HomeAwayError()
    result = await here.go(ACTIONS["lock.unlock"], target="door")
    assert result.error is ErrorCode.TIMEOUT and "nothing was done" in result.text


async def test_a_home_that_fell_silent_leaves_it_open() -> None:
    here = bench(thing(Kind.LOCK, "door"))
    here.home.silent = ProtocolError(ErrorCode.TIMEOUT, "the home does not answer")
    with pytest.raises(ProtocolError):
        await here.go(ACTIONS["lock.unlock"], target="door")


async def test_reading_back_finds_out_what_became_of_it() -> None:
    here = bench(thing(Kind.LOCK, "front door"))
    unlock = ACTIONS["lock.unlock"]
    context = here.context(unlock, {"target": "front door"})
    assert unlock.read_back is not None
    before = await unlock.read_back(context)
    assert before is not None and before.error is ErrorCode.TIMEOUT
    assert before.text == "I had not yet unlocked the front door when I was cut off."
    await here.home.command("lock.front_door", "lock.unlock", {}, context.task.key)
    after = await unlock.read_back(context)
    assert after is not None and after.text == "I unlocked the front door."
    here.home.silent = HomeAwayError()
    assert await unlock.read_back(context) is None


@pytest.mark.parametrize(
    ("action", "args"),
    [
        ("light.set_brightness", {"target": "lamp", "brightness": 101}),
        ("light.set_brightness", {"target": "lamp"}),
        ("light.set_color", {"target": "lamp", "color": "#12"}),
        ("light.turn_on", {"target": "lamp", "speed": 3}),
        ("climate.set_mode", {"target": "heating", "mode": "party"}),
        ("light.turn_on", {"target": ""}),
    ],
)
def test_wrong_arguments_are_refused_before_there_is_a_task(
    action: str, args: dict[str, Any]
) -> None:
    with pytest.raises(ProtocolError) as wrong:
        ACTIONS[action].check(args)
    assert wrong.value.code is ErrorCode.BAD_MESSAGE
