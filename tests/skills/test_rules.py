"""The tables of states and commands, and descriptions of homes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.io.folder import ConfigError
from manyends.skills.home.description import read_home
from manyends.skills.home.model import Device, Kind
from manyends.skills.home.rules import COMMANDS, STATES, apply, validated


def device(kind: Kind, **state: Any) -> Device:
    return Device(id=kind, name=kind, kind=kind, state=validated(kind, state))


HOME = {str(each): device(each) for each in Kind} | {
    "other": device(Kind.MEDIA).model_copy(update={"id": "other"})
}


@pytest.mark.parametrize(
    ("kind", "before", "action", "args", "after"),
    [
        ("light", {"brightness": 30}, "light.turn_on", {}, {"power": "on", "brightness": 30}),
        ("light", {"brightness": 0}, "light.turn_on", {}, {"power": "on", "brightness": 100}),
        ("light", {"power": "on"}, "light.turn_off", {}, {"power": "off", "brightness": 100}),
        ("light", {"power": "on"}, "light.turn_off", {"brightness": 9}, {"brightness": 9}),
        ("light", {}, "light.set_brightness", {"brightness": 5}, {"power": "on", "brightness": 5}),
        ("light", {"power": "on"}, "light.set_brightness", {"brightness": 0}, {"power": "off"}),
        ("light", {}, "light.set_color", {"color": "Warm White"}, {"color": "warm white"}),
        ("switch", {}, "switch.turn_on", {}, {"power": "on"}),
        ("switch", {"power": "on"}, "switch.turn_off", {}, {"power": "off"}),
        ("lock", {}, "lock.unlock", {}, {"locked": False}),
        ("lock", {"locked": False}, "lock.lock", {}, {"locked": True}),
        ("cover", {"position": 70}, "cover.close", {}, {"position": 0}),
        ("cover", {}, "cover.open", {}, {"position": 100}),
        ("cover", {}, "cover.set_position", {"position": 40}, {"position": 40}),
        (
            "climate",
            {"mode": "heat", "target": 19},
            "climate.set_temperature",
            {"temperature": 21.0},
            {"mode": "heat", "target": 21},
        ),
        ("climate", {}, "climate.set_mode", {"mode": "cool"}, {"mode": "cool", "target": 20}),
        ("media", {"item": "a", "position_s": 9}, "media.play", {}, {"position_s": 9}),
        ("media", {"item": "a", "position_s": 9}, "media.play", {"item": "b"}, {"position_s": 0}),
        ("media", {"playing": True}, "media.pause", {}, {"playing": False}),
        ("media", {"position_s": 9}, "media.next", {}, {"playing": True, "position_s": 0}),
        ("media", {}, "media.set_volume", {"volume": 20}, {"volume": 20}),
        ("fan", {"speed": 0}, "fan.turn_on", {}, {"power": "on", "speed": 100}),
        ("fan", {"power": "on"}, "fan.turn_off", {"speed": 20}, {"power": "off", "speed": 20}),
        ("fan", {"power": "on"}, "fan.set_speed", {"speed": 0}, {"power": "off", "speed": 0}),
        ("vacuum", {}, "vacuum.start", {}, {"status": "cleaning"}),
        ("vacuum", {"status": "cleaning"}, "vacuum.dock", {}, {"status": "docked"}),
    ],
)
def test_a_command_sets_these_states(
    kind: str, before: dict[str, Any], action: str, args: dict[str, Any], after: dict[str, Any]
) -> None:
    first = device(Kind(kind), **before)
    (then,) = apply({kind: first}, kind, action, args)
    assert after.items() <= then.state.items()
    assert then.changes == (then.state != first.state)


def test_a_sound_moves_as_it_is() -> None:
    first = device(Kind.MEDIA, playing=True, item="Blue", position_s=42, volume=10)
    left, there = apply({**HOME, "media": first}, "media", "media.transfer", {"to": "other"})
    assert (there.state["playing"], there.state["item"], there.state["position_s"]) == (
        True,
        "Blue",
        42,
    )
    assert there.state["volume"] == 50
    assert (left.state["playing"], left.state["item"], left.state["volume"]) == (False, "", 10)


@pytest.mark.parametrize(
    ("target", "action", "args", "code"),
    [
        ("garage", "light.turn_on", {}, ErrorCode.NOT_FOUND),
        ("light", "light.explode", {}, ErrorCode.UNSUPPORTED),
        ("light", "fan.turn_on", {}, ErrorCode.UNSUPPORTED),
        ("sensor", "light.turn_on", {}, ErrorCode.UNSUPPORTED),
        ("light", "light.turn_on", {"speed": 1}, ErrorCode.BAD_MESSAGE),
        ("light", "light.set_brightness", {}, ErrorCode.BAD_MESSAGE),
        ("light", "light.set_brightness", {"brightness": 101}, ErrorCode.BAD_MESSAGE),
        ("light", "light.set_brightness", {"brightness": "9"}, ErrorCode.BAD_MESSAGE),
        ("climate", "climate.set_temperature", {"temperature": 99}, ErrorCode.BAD_MESSAGE),
        ("climate", "climate.set_mode", {"mode": "party"}, ErrorCode.BAD_MESSAGE),
        ("media", "media.transfer", {"to": "light"}, ErrorCode.BAD_MESSAGE),
        ("media", "media.transfer", {"to": "media"}, ErrorCode.BAD_MESSAGE),
        ("media", "media.transfer", {"to": "other"}, ErrorCode.OUT_OF_ORDER),
    ],
)
def test_what_can_not_be_done_is_refused(
    target: str, action: str, args: dict[str, Any], code: ErrorCode
) -> None:
    with pytest.raises(ProtocolError) as refused:
        apply(HOME, target, action, args)
    assert refused.value.code is code


_ARGS = st.dictionaries(
    st.sampled_from(
        ["brightness", "color", "position", "temperature", "mode", "item", "volume", "speed", "to"]
    ),
    st.one_of(
        st.integers(-10, 120),
        st.sampled_from(["other", "heat", "red", "", 21.5, -0.0, 1e308, float("nan"), None, True]),
    ),
    max_size=2,
)


@given(st.lists(st.tuples(st.sampled_from(sorted(COMMANDS)), _ARGS), max_size=12))
def test_whatever_is_commanded_every_state_stays_possible(
    commands: list[tuple[str, dict[str, Any]]],
) -> None:
    home = dict(HOME)
    for action, args in commands:
        try:
            after = apply(home, COMMANDS[action].kind, action, args)
        except ProtocolError:
            continue
        home.update({each.id: each for each in after})
    for each in home.values():
        assert STATES[each.kind].model_validate(each.state).model_dump() == each.state
        json.dumps(each.state, allow_nan=False)


def test_a_wrong_value_is_said_in_plain_words() -> None:
    with pytest.raises(ProtocolError) as refused:
        apply(HOME, "climate", "climate.set_temperature", {"temperature": 99})
    assert refused.value.reason == "the target of a climate should be less than or equal to 35"


def test_every_kind_has_states() -> None:
    assert set(STATES) == set(Kind)


def test_a_description_is_filled_in(tmp_path: Path) -> None:
    light = {"id": "l", "name": "lamp", "kind": "light", "area": "attic", "state": {"power": "on"}}
    (tmp_path / "home.json").write_text(json.dumps({"areas": ["hall"], "devices": [light]}))
    home = read_home(tmp_path)
    assert home.areas == ("hall", "attic")
    assert home.devices[0].state == {"power": "on", "brightness": 100, "color": "white"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSON"),
        ('{"rooms": []}', "rooms"),
        ('{"devices": [{"id": "l", "name": "lamp", "kind": "lamp"}]}', r"devices\.0\.kind"),
        (
            '{"devices": [{"id": "l", "name": "l", "kind": "light", "state": {"speed": 1}}]}',
            r"devices\.0\.state: the speed of a light is not there",
        ),
        (
            '{"devices": [{"id": "l", "name": "l", "kind": "lock"},'
            ' {"id": "l", "name": "m", "kind": "lock"}]}',
            r"devices\.1\.id: l is there twice",
        ),
    ],
)
def test_a_wrong_description_names_the_field(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "home.json").write_text(content)
    with pytest.raises(ConfigError, match=said):
        read_home(tmp_path)


def test_a_missing_description_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"home\.json can't be read"):
        read_home(tmp_path)
