"""The home's actions: lights, switches, locks, covers, heating, players, fans, the vacuum.

Each takes `target`, a thing's name, alias or id. The arguments that no schema shows are for undo:
`unchanged` (only if nobody touched it since), and what a thing that is off remembers.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from manyends.protocol.task import Effect, Result, Risk

from ..home.doing import carry_out, read_back
from ..home.rules import Color, Mode
from ..sdk import Action, RunContext, Where, action

Percent = Annotated[int, Field(ge=0, le=100)]
Target = Annotated[str, Field(min_length=1, max_length=120, description="name of the thing")]
Unchanged = SkipJsonSchema[int | None]


def _settable(name: str) -> Callable[[Callable[..., Awaitable[Result]]], Action]:
    return action(name, risk=Risk.LOW, effect=Effect.SETTABLE, where=Where.HOME)


def _once(name: str, risk: Risk) -> Callable[[Callable[..., Awaitable[Result]]], Action]:
    return action(name, risk=risk, effect=Effect.ONCE, where=Where.HOME, read_back=read_back)


@_settable("light.turn_on")
async def light_turn_on(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Turn on a light."""
    return await carry_out(context, target, unchanged)


@_settable("light.turn_off")
async def light_turn_off(
    context: RunContext,
    target: Target,
    brightness: SkipJsonSchema[Percent | None] = None,
    color: SkipJsonSchema[Color | None] = None,
    unchanged: Unchanged = None,
) -> Result:
    """Turn off a light."""
    return await carry_out(context, target, unchanged, brightness=brightness, color=color)


@_settable("light.set_brightness")
async def light_set_brightness(
    context: RunContext, target: Target, brightness: Percent, unchanged: Unchanged = None
) -> Result:
    """Set how bright a light is, in percent; 0 turns it off."""
    return await carry_out(context, target, unchanged, brightness=brightness)


@_settable("light.set_color")
async def light_set_color(
    context: RunContext, target: Target, color: Color, unchanged: Unchanged = None
) -> Result:
    """Set a light's color: its name, or #rrggbb."""
    return await carry_out(context, target, unchanged, color=color)


@_settable("switch.turn_on")
async def switch_turn_on(
    context: RunContext, target: Target, unchanged: Unchanged = None
) -> Result:
    """Turn on a switch, and what is plugged in there."""
    return await carry_out(context, target, unchanged)


@_settable("switch.turn_off")
async def switch_turn_off(
    context: RunContext, target: Target, unchanged: Unchanged = None
) -> Result:
    """Turn off a switch, and what is plugged in there."""
    return await carry_out(context, target, unchanged)


@_settable("lock.lock")
async def lock_lock(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Lock a lock."""
    return await carry_out(context, target, unchanged)


@_once("lock.unlock", Risk.HIGH)
async def lock_unlock(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Unlock a lock."""
    return await carry_out(context, target, unchanged)


@_settable("cover.open")
async def cover_open(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Open blinds, curtains, a shutter or a garage door."""
    return await carry_out(context, target, unchanged)


@_settable("cover.close")
async def cover_close(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Close blinds, curtains, a shutter or a garage door."""
    return await carry_out(context, target, unchanged)


@_settable("cover.set_position")
async def cover_set_position(
    context: RunContext, target: Target, position: Percent, unchanged: Unchanged = None
) -> Result:
    """Open a cover to a percentage: 0 is closed, 100 is open."""
    return await carry_out(context, target, unchanged, position=position)


@_settable("climate.set_temperature")
async def climate_set_temperature(
    context: RunContext, target: Target, temperature: float, unchanged: Unchanged = None
) -> Result:
    """Set the temperature that a heating or cooling aims at, in Celsius."""
    return await carry_out(context, target, unchanged, temperature=temperature)


@_settable("climate.set_mode")
async def climate_set_mode(
    context: RunContext, target: Target, mode: Mode, unchanged: Unchanged = None
) -> Result:
    """Set what a heating or cooling does."""
    return await carry_out(context, target, unchanged, mode=mode)


@_settable("media.play")
async def media_play(
    context: RunContext, target: Target, item: str | None = None, unchanged: Unchanged = None
) -> Result:
    """Play on a player: go on, or something new if an item is named."""
    return await carry_out(context, target, unchanged, item=item)


@_settable("media.pause")
async def media_pause(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Pause a player."""
    return await carry_out(context, target, unchanged)


@_once("media.next", Risk.LOW)
async def media_next(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Skip to the next track on a player."""
    return await carry_out(context, target, unchanged)


@_settable("media.set_volume")
async def media_set_volume(
    context: RunContext, target: Target, volume: Percent, unchanged: Unchanged = None
) -> Result:
    """Set how loud a player is, in percent."""
    return await carry_out(context, target, unchanged, volume=volume)


@_settable("media.transfer")
async def media_transfer(
    context: RunContext, target: Target, to: Target, unchanged: Unchanged = None
) -> Result:
    """Move what plays on one player to another one."""
    return await carry_out(context, target, unchanged, to=to)


@_settable("fan.turn_on")
async def fan_turn_on(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Turn on a fan."""
    return await carry_out(context, target, unchanged)


@_settable("fan.turn_off")
async def fan_turn_off(
    context: RunContext,
    target: Target,
    speed: SkipJsonSchema[Percent | None] = None,
    unchanged: Unchanged = None,
) -> Result:
    """Turn off a fan."""
    return await carry_out(context, target, unchanged, speed=speed)


@_settable("fan.set_speed")
async def fan_set_speed(
    context: RunContext, target: Target, speed: Percent, unchanged: Unchanged = None
) -> Result:
    """Set how fast a fan turns, in percent; 0 turns it off."""
    return await carry_out(context, target, unchanged, speed=speed)


@_settable("vacuum.start")
async def vacuum_start(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Let a vacuum cleaner begin."""
    return await carry_out(context, target, unchanged)


@_settable("vacuum.dock")
async def vacuum_dock(context: RunContext, target: Target, unchanged: Unchanged = None) -> Result:
    """Send a vacuum cleaner back to its dock."""
    return await carry_out(context, target, unchanged)
