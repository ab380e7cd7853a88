"""Answers to what ends can't answer by themselves: undo, and open questions to the model."""

import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from manyends.endpoints.core import Core
from manyends.endpoints.network import Network
from manyends.endpoints.reflex.resolution import Command, Context, Verb
from manyends.endpoints.reflex.resolve import Reflex
from manyends.endpoints.replica import Transaction
from manyends.endpoints.requests import Requests, Speaker
from manyends.endpoints.undo import Undo
from manyends.models.engine import Delta, Engine, Finished, Message, Role
from manyends.models.errors import ModelError
from manyends.models.prompts import claims_deed, looks_like_call, open_question
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import DeviceId, device_feed
from manyends.protocol.messages import TurnDelta
from manyends.protocol.payloads import Route, TurnAnswered, TurnAsked
from manyends.skills.sdk import HomePort

log = logging.getLogger(__name__)

NO_MODEL = "I didn't understand that, and I have no language model to think about it."


@dataclass
class Answers:
    """Answers the turns that ends pass on."""

    core: Core
    network: Network
    reflex: Reflex
    requests: Requests
    undo: Undo
    home: HomePort
    engine: Engine | None
    on_delta: Callable[[TurnDelta], None]
    """Gets the pieces of answers to what was said to the brain itself."""

    def on_asked(self, tx: Transaction, origin: DeviceId, asked: TurnAsked) -> None:
        """Take a turn, and answer it once it is on disk here."""
        device = tx.roster.device(origin)
        turn = asked.turn
        if device is None or turn.device != origin:
            raise ProtocolError(ErrorCode.FORBIDDEN, "the turn is another device's")
        if not turn.claimed and turn.person != device.person:
            raise ProtocolError(ErrorCode.FORBIDDEN, "the person is not that device's")
        tx.after(lambda: self.core.spawn(f"answer {turn.turn}", self._answer(asked)))

    def recover(self) -> None:
        """After a restart: answer what was asked and not answered."""
        rows = self.core.store.reader.execute(
            "SELECT kind, body FROM ops JOIN payloads ON op = n WHERE"
            " (kind = 'turn.asked' AND feed = ?) OR (kind = 'turn.answered' AND origin = ?)",
            (device_feed(self.core.me.id), self.core.me.id),
        ).fetchall()
        answered = {
            TurnAnswered.model_validate_json(row["body"]).turn
            for row in rows
            if row["kind"] == "turn.answered"
        }
        for row in rows:
            if row["kind"] == "turn.asked":
                asked = TurnAsked.model_validate_json(row["body"])
                if asked.turn.turn not in answered:
                    self.core.spawn(f"answer {asked.turn.turn}", self._answer(asked))

    async def _answer(self, asked: TurnAsked) -> None:
        if self._is_undo(asked):
            answer = await self._take_back(asked)
        else:
            answer = await self._think(asked)
        await self.core.write(lambda tx: tx.mail(asked.turn.device, answer))

    def _is_undo(self, asked: TurnAsked) -> bool:
        """Resolve the utterance once more; undo is the one command that runs here."""
        device = self.core.roster.device(asked.turn.device)
        assert device is not None
        context = Context(
            home=self.home.view(),
            roster=self.core.roster,
            device=device,
            person=self.core.roster.person(asked.turn.person),
        )
        parts = self.reflex.resolve(asked.turn.utterance, context).parts
        return any(isinstance(each, Command) and each.verb is Verb.UNDO for each in parts)

    async def _take_back(self, asked: TurnAsked) -> TurnAnswered:
        speaker = Speaker(asked.turn.person, asked.turn.claimed)
        try:
            text = await self.undo.latest(speaker, asked.turn.turn)
        except ProtocolError as refusal:
            text = refusal.reason
        reasons = ["the serving node took back the latest task that can be undone"]
        return TurnAnswered(turn=asked.turn.turn, route=Route.REFLEX, reasons=reasons, text=text)

    async def _think(self, asked: TurnAsked) -> TurnAnswered:
        """Let the model answer an open question. Its words never start an action."""
        reasons = ["no sentence that I know fits"]
        if self.engine is None:
            text = NO_MODEL
        else:
            reasons.append(f"the model {self.engine.name} answered in its own words")
            try:
                text = await self._generate(self.engine, asked)
            except ModelError as error:
                log.error("the model did not answer: %s", error)
                text = f"I can't think about that now: {error}"
        return TurnAnswered(turn=asked.turn.turn, route=Route.BRAIN, reasons=reasons, text=text)

    async def _generate(self, engine: Engine, asked: TurnAsked) -> str:
        history = [
            Message(role, text)
            for pair in asked.history
            for role, text in zip((Role.USER, Role.ASSISTANT), pair, strict=True)
        ]
        text = ""
        async with aclosing(engine.stream(open_question(asked.turn.utterance, history))) as pieces:
            async for piece in pieces:
                match piece:
                    case Delta():
                        text += piece.text
                        if looks_like_call(text):
                            return "I can't do that."
                        await self._pass_on(asked, piece.text)
                    case Finished():
                        text = piece.text
        if claims_deed(text) or looks_like_call(text):
            return "I can't do that."
        return text.strip() or "I don't know."

    async def _pass_on(self, asked: TurnAsked, text: str) -> None:
        turn = asked.turn
        delta = TurnDelta(turn=turn.turn, to=turn.device, text=text)
        if turn.device == self.core.me.id:
            self.on_delta(delta)
        else:
            await self.network.send(turn.device, delta)
