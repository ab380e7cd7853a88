"""Answers to what ends can't answer by themselves: undo, and open questions to the model."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from manyends.endpoints.core import Core
from manyends.endpoints.network import Network
from manyends.endpoints.projections import task_of
from manyends.endpoints.reflex.resolution import Command, Context, Part, Verb
from manyends.endpoints.reflex.resolve import Reflex
from manyends.endpoints.replica import Transaction
from manyends.endpoints.requests import ANSWER_SECONDS, Requests, Speaker, outcome_text
from manyends.endpoints.undo import Undo
from manyends.models.engine import Delta, Engine, Finished, Message, Role
from manyends.models.errors import ModelError
from manyends.models.prompts import claims_deed, looks_like_call, open_question
from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import DeviceId, TurnId, device_feed
from manyends.protocol.messages import TurnDelta
from manyends.protocol.payloads import Route, TurnAnswered, TurnAsked
from manyends.protocol.task import Task
from manyends.skills.sdk import HomePort

from .spoken import audible, settled

log = logging.getLogger(__name__)

NO_MODEL = "I didn't understand that, and I have no language model to think about it."
ONLY_UNDONE = "That is all I did: please say the rest again."
NO_DEED = "I can't do that."


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
    _taken: set[TurnId] = field(default_factory=set)
    """The turns that are being answered, or were: each is answered once."""

    def on_asked(self, tx: Transaction, origin: DeviceId, asked: TurnAsked) -> None:
        """Take a turn, and answer it once it is on disk here."""
        device = tx.roster.device(origin)
        turn = asked.turn
        if device is None or turn.device != origin:
            raise ProtocolError(ErrorCode.FORBIDDEN, "the turn is another device's")
        if not turn.claimed and turn.person != device.person:
            raise ProtocolError(ErrorCode.FORBIDDEN, "the person is not that device's")
        tx.after(lambda: self._take(asked))

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
                    self._take(asked)

    def _take(self, asked: TurnAsked) -> None:
        """Begin to answer; a turn that arrives while the unanswered are looked for comes twice."""
        turn = asked.turn.turn
        if turn not in self._taken:
            self._taken.add(turn)
            self.core.spawn(f"answer {turn}", self._answer(asked))

    async def _answer(self, asked: TurnAsked) -> None:
        parts = self._parts(asked)
        rest = [each for each in parts if not _is_undo(each)]
        if len(rest) < len(parts):
            answer = await self._take_back(asked, alone=not rest)
        else:
            answer = await self._think(asked)
        await self.core.write(lambda tx: tx.mail(asked.turn.device, answer))

    def _parts(self, asked: TurnAsked) -> tuple[Part, ...]:
        """Resolve the utterance once more; undo is the one command that runs here."""
        device = self.core.roster.device(asked.turn.device)
        assert device is not None
        context = Context(
            home=self.home.view(),
            roster=self.core.roster,
            device=device,
            person=self.core.roster.person(asked.turn.person),
        )
        return self.reflex.resolve(asked.turn.utterance, context).parts

    async def _take_back(self, asked: TurnAsked, alone: bool) -> TurnAnswered:
        """Undo; what was said besides, if it was not `alone`, the person has to say again."""
        speaker = Speaker(asked.turn.person, asked.turn.claimed)
        begun = self._begun(asked.turn.turn)
        try:
            if begun is None:
                text = await self.undo.latest(speaker, asked.turn.turn)
            else:
                text = outcome_text(await self._over(begun))
        except ProtocolError as refusal:
            text = refusal.reason
        if not alone:
            text = f"{text} {ONLY_UNDONE}"
        reasons = ["the serving node took back the latest task that can be undone"]
        return TurnAnswered(turn=asked.turn.turn, route=Route.REFLEX, reasons=reasons, text=text)

    def _begun(self, turn: TurnId) -> Task | None:
        """Return the task that takes something back for this turn, begun before a restart."""
        row = self.core.store.reader.execute(
            "SELECT body FROM tasks WHERE json_extract(body, '$.turn') = ?"
            " AND json_extract(body, '$.undoes') IS NOT NULL",
            (turn,),
        ).fetchone()
        return Task.model_validate_json(row[0]) if row else None

    async def _over(self, task: Task) -> Task:
        """Return a task of before a restart as it stands after a while, which its device needs to
        be linked again."""
        changed = asyncio.Event()
        self.requests.expect([task])
        self.core.committed.append(changed.set)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while not task.done:
                    await changed.wait()
                    changed.clear()
                    task = task_of(self.core.store.reader, task.id) or task
        self.core.committed.remove(changed.set)
        await self.core.write(lambda tx: self.requests.told(tx, [task]))
        return task

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
        text, heard = "", 0
        async with aclosing(engine.stream(open_question(asked.turn.utterance, history))) as pieces:
            async for piece in pieces:
                match piece:
                    case Delta():
                        text += piece.text
                        if looks_like_call(text) or claims_deed(settled(text)):
                            return NO_DEED
                        if audible(text) > heard:
                            await self._pass_on(asked, text[heard : audible(text)])
                            heard = audible(text)
                    case Finished():
                        text = piece.text
        if claims_deed(text) or looks_like_call(text):
            return NO_DEED
        if text.strip() and text[heard:]:
            await self._pass_on(asked, text[heard:])
        return text.strip() or "I don't know."

    async def _pass_on(self, asked: TurnAsked, text: str) -> None:
        turn = asked.turn
        delta = TurnDelta(turn=turn.turn, to=turn.device, text=text)
        if turn.device == self.core.me.id:
            self.on_delta(delta)
        else:
            await self.network.send(turn.device, delta)


def _is_undo(part: Part) -> bool:
    return isinstance(part, Command) and part.verb is Verb.UNDO
