"""A node's link to the home: kept up by itself, with the newest view and answers to commands."""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.identity import Identity
from manyends.protocol.ids import DeviceId
from manyends.protocol.io.clock import Clock, Tell
from manyends.protocol.io.folder import Address, split_address
from manyends.protocol.io.websockets import LinkLostError, Wire, dial
from manyends.protocol.messages import (
    Bye,
    Error,
    HomeCommand,
    HomeRead,
    HomeResult,
    HomeState,
    Message,
    Ping,
)
from manyends.protocol.roster import RosterEntry
from manyends.protocol.session import Session, Side

from .model import Device, HomeAwayError, HomeView, Outcome

log = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0
"""How long a command waits for the home."""
DIAL_SECONDS = 3.0
PING_SECONDS = 20.0
SILENCE_SECONDS = 10.0
"""A home that has not answered a ping for so long is taken to be gone."""
FIRST_BACK_OFF, LAST_BACK_OFF = 0.1, 5.0

_Answer = HomeResult | None
"""None: the link was lost meanwhile."""


class HomeLink:
    """A `HomePort` on the wire. `run` keeps the link; the rest may be called at any time."""

    def __init__(
        self,
        address: Address,
        home: DeviceId,
        me: RosterEntry,
        identity: Identity,
        lookup: Callable[[DeviceId], RosterEntry | None],
        clock: Clock,
        tell: Tell,
        load: Callable[[], HomeView | None],
        save: Callable[[HomeView], None],
    ) -> None:
        """Take where the home is and who it must be, who dials, and where snapshots are kept.

        `tell` gets `{"observation": "home", "reachable": bool}` when that changes.
        """
        self._address = split_address(address)
        self._clock = clock
        self._tell = tell
        self._save = save
        self._saved = load()
        self._view = self._saved or HomeView()
        self._session = lambda tls_key: Session(
            Side.CLIENT, me, identity, lookup, tls_key, secrets.token_bytes, expected=home
        )
        self.wire: Wire | None = None
        """The open link, whose frames are counted; None while there is none."""
        self._up = asyncio.Event()
        self._wanted = asyncio.Event()
        self._heard = asyncio.Event()
        self._answers: dict[str, asyncio.Future[_Answer]] = {}
        self._parts: dict[str, Device] = {}
        self._ids = 0

    @property
    def reachable(self) -> bool:
        """Whether the home answers now."""
        return self._up.is_set()

    def view(self) -> HomeView:
        """Return the newest snapshot, of an earlier run if the home was not reached in this one."""
        return self._view

    async def command(
        self, device: str, action: str, args: dict[str, Any], key: str, unchanged: int | None = None
    ) -> Outcome:
        """Carry out one command; over a new link if the first is lost, under the same key.

        Raises `HomeAwayError` if the home was never reached, so that nothing was done, and
        `ProtocolError` `timeout` if it may have been.
        """
        answer = await self._ask(
            lambda number: HomeCommand(
                id=number, key=key, device=device, action=action, args=args, unchanged=unchanged
            )
        )
        return _outcome(answer)

    async def carried_out(self, key: str) -> Outcome | None:
        """Read back what the command of this key came to; None if it was not carried out.

        Raises `ProtocolError` `timeout` if the home does not answer.
        """
        answer = await self._ask(lambda number: HomeRead(id=number, key=key))
        return _outcome(answer) if answer.found else None

    async def run(self) -> None:
        """Keep a link to the home, until cancelled."""
        back_off = FIRST_BACK_OFF
        while True:
            try:
                self.wire = await dial(*self._address, self._clock, self._session, DIAL_SECONDS)
                back_off = FIRST_BACK_OFF
                await self._live(self.wire)
            except LinkLostError as lost:
                log.debug("no link to the home: %s", lost)
            except ProtocolError as refusal:
                log.warning("the home refuses: %s", refusal.reason)
            finally:
                self._down()
            pause = back_off * random.uniform(0.5, 1)  # noqa: S311 - spreads, hides nothing
            back_off = min(2 * back_off, LAST_BACK_OFF)
            with contextlib.suppress(TimeoutError):
                await self._clock.within(pause, self._wanted.wait())
                back_off = FIRST_BACK_OFF
            self._wanted.clear()

    async def _live(self, wire: Wire) -> None:
        """Read one link until it ends."""
        pings = asyncio.create_task(self._ping(wire), name="pings to the home")
        try:
            await wire.send(HomeRead(id=self._number()))
            while True:
                message = await wire.receive()
                self._heard.set()
                if isinstance(message, Bye | Error):
                    raise LinkLostError(message.reason)
                self._take(message)
        finally:
            pings.cancel()
            await asyncio.wait([pings])
            await wire.close()

    async def _ping(self, wire: Wire) -> None:
        number = 0
        with contextlib.suppress(LinkLostError):
            while True:
                await asyncio.sleep(PING_SECONDS)
                number += 1
                self._heard.clear()
                await wire.send(Ping(id=number))
                try:
                    await self._clock.within(SILENCE_SECONDS, self._heard.wait())
                except TimeoutError:
                    log.warning("the home is silent; its link is shut")
                    await wire.close("silence")

    def _take(self, message: Message) -> None:
        match message:
            case HomeState():
                self._see(message)
            case HomeResult():
                waiting = self._answers.get(message.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)

    def _see(self, state: HomeState) -> None:
        """Take a change, or a piece of the whole."""
        try:
            devices = {each.id: each for each in map(Device.model_validate, state.devices)}
        except ValidationError as error:
            reason = f"the home has a wrong device: {error.errors()[0]['msg']}"
            raise ProtocolError(ErrorCode.BAD_MESSAGE, reason) from None
        if not state.id:
            known = {each.id: each for each in self._view.devices}
            self._view = self._view.model_copy(
                update={"devices": tuple({**known, **devices}.values())}
            )
            return
        self._parts.update(devices)
        if state.complete:
            self._view = HomeView(areas=tuple(state.areas), devices=tuple(self._parts.values()))
            self._parts = {}
            self._keep()
            if not self.reachable:
                self._up.set()
                self._tell({"observation": "home", "reachable": True})

    def _keep(self) -> None:
        if self._view != self._saved:
            self._save(self._view)
            self._saved = self._view

    def _down(self) -> None:
        self.wire = None
        self._parts = {}
        for each in self._answers.values():
            if not each.done():
                each.set_result(None)
        if self.reachable:
            self._up.clear()
            self._keep()
            self._tell({"observation": "home", "reachable": False})

    def _number(self) -> str:
        self._ids += 1
        return str(self._ids)

    async def _ask(self, make: Callable[[str], Message]) -> HomeResult:
        """Send and wait for the answer, over as many links as the time allows."""
        sent = False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    self._wanted.set()
                    await self._up.wait()
                    sent = True
                    answer = await self._ask_once(make)
                    if answer is not None:
                        return answer
        except TimeoutError:
            if not sent:
                raise HomeAwayError from None
            raise ProtocolError(ErrorCode.TIMEOUT, "the home does not answer") from None

    async def _ask_once(self, make: Callable[[str], Message]) -> _Answer:
        """Ask over the present link; None if it is lost before the answer."""
        wire = self.wire
        if wire is None:
            return None
        number = self._number()
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            await wire.send(make(number))
            return await answer
        except LinkLostError:
            if self.wire is wire:
                self._down()
            return None
        finally:
            del self._answers[number]


def _outcome(answer: HomeResult) -> Outcome:
    device = None if answer.device is None else Device.model_validate(answer.device)
    return Outcome(ok=answer.ok, device=device, before=answer.before, error=answer.error)
