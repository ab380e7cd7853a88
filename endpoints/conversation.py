"""Turns: what is said to this node, what it comes to, and what is answered.

A turn is on disk before anything is changed because of it, and its answer before it is heard.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from manyends.protocol.errors import ErrorCode, ProtocolError
from manyends.protocol.ids import DeviceId, new_id, person_feed
from manyends.protocol.messages import TurnDelta
from manyends.protocol.payloads import (
    Route,
    TurnAnswered,
    TurnAsked,
    TurnCall,
    TurnClosed,
    TurnOpened,
)
from manyends.protocol.task import Call, Result, Risk, State, Task
from manyends.skills.home.model import HomeView
from manyends.skills.policy import Verdict
from manyends.skills.sdk import HomePort

from .commands import Commands
from .contexts import Looking
from .core import Core
from .grants import decide_for
from .reflex.resolution import Act, Answer, Command, Context, Question, Refusal, Resolution, Verb
from .reflex.resolve import Reflex
from .replica import Transaction
from .requests import Requests, Speaker, outcome_text

log = logging.getLogger(__name__)

MODEL_SECONDS = 120.0
"""How long an end waits for the brain's answer to an open question while the link is up."""
HISTORY = 4
"""Earlier turns that go along with an open question."""


@dataclass
class Talk:
    """A conversation as far as it is remembered for the next turn."""

    id: str
    question: Question | None = None
    last: tuple[str, ...] = ()
    history: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Turn:
    """One utterance on its way to its answer."""

    opened: TurnOpened
    speaker: Speaker
    talk: Talk
    route: Route = Route.REFLEX
    texts: list[str | Task] = field(default_factory=list)
    """In the order said: words, or a task whose result gives them."""
    calls: list[TurnCall] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    error: ErrorCode | None = None
    written: bool = False
    """Whether it is on disk that it was said."""

    @property
    def tasks(self) -> list[Task]:
        """The tasks of this turn."""
        return [each for each in self.texts if isinstance(each, Task)]


@dataclass
class Conversation:
    """Hears, resolves, has it done, and answers."""

    core: Core
    reflex: Reflex
    requests: Requests
    commands: Commands
    home: HomePort
    _talks: dict[Speaker, Talk] = field(default_factory=dict)
    _pieces: dict[str, Callable[[str], None]] = field(default_factory=dict)
    _asked: dict[str, asyncio.Future[TurnAnswered]] = field(default_factory=dict)
    open_turns: int = 0

    async def say(
        self, text: str, claim: str | None, on_piece: Callable[[str], None]
    ) -> dict[str, object]:
        """Take an utterance, and return the turn's id, reply, route and error code.

        `claim` is the name of who says to be speaking; `on_piece` gets what a model writes, while
        it writes it. Raises `ProtocolError`: `not_found` for a
        name that is nobody's, `bad_message` for an utterance that is empty or too long.
        """
        turn = self._open(text, self.speaker(claim))
        self.open_turns += 1
        self._pieces[turn.opened.turn] = on_piece
        try:
            resolution = self.reflex.resolve(text, self._context(turn))
            if self._goes_to_brain(resolution):
                await self._ask_brain(turn)
            else:
                await self._act(turn, resolution)
            return await self._close(turn)
        finally:
            del self._pieces[turn.opened.turn]
            self.open_turns -= 1

    def speaker(self, claim: str | None) -> Speaker:
        """Return who speaks: the device's person, or on a shared one who is claimed, or nobody."""
        me = self.core.me
        if claim is None:
            return Speaker(me.person)
        person = self.core.roster.person_named(claim)
        if person is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, f"There is nobody called {claim} here.")
        return Speaker(person.id, claimed=person.id != me.person)

    def on_answered(self, tx: Transaction, origin: DeviceId, answer: TurnAnswered) -> None:
        """Take the brain's answer: for who waits, else as a notice."""
        if origin != self.requests.serving_id():
            raise ProtocolError(ErrorCode.FORBIDDEN, "only the serving node answers turns")
        if answer.turn in self._asked:
            tx.after(lambda: self._answered(answer))
        else:
            self.requests.notice(tx, answer.turn, answer.text)

    def on_delta(self, delta: TurnDelta) -> None:
        """Show a piece of an answer that is still being written."""
        self.core.tell("delta", turn=delta.turn, text=delta.text)
        if delta.turn in self._pieces:
            self._pieces[delta.turn](delta.text)

    def recover(self, tx: Transaction) -> None:
        """After a restart: close the turns that it cut off."""
        rows = tx.connection.execute(
            "SELECT id, person FROM turns WHERE device = ? AND closed IS NULL", (tx.me.id,)
        ).fetchall()
        for turn, person in rows:
            closed = TurnClosed(
                turn=turn,
                route=Route.LOCAL,
                reasons=["this device was restarted before it could answer"],
                at=self.core.clock.wall_ms(),
            )
            tx.append(person_feed(person), closed)

    def _open(self, text: str, speaker: Speaker) -> Turn:
        if not text.strip() or len(text) > 8000:
            raise ProtocolError(ErrorCode.BAD_MESSAGE, "Say something, in up to 8,000 characters.")
        entropy = self.core.replica.entropy
        talk = self._talks.setdefault(speaker, Talk(new_id("con", entropy)))
        turn_id = new_id("trn", entropy)
        opened = TurnOpened(
            turn=turn_id,
            conversation=talk.id,
            device=self.core.me.id,
            person=speaker.person,
            claimed=speaker.claimed,
            utterance=text,
            at=self.core.clock.wall_ms(),
            trace=turn_id,
        )
        log.info("heard %d characters", len(text), extra={"trace": turn_id})
        return Turn(opened, speaker, talk)

    def _context(self, turn: Turn) -> Context:
        view = self.home.view()
        places = {each.area for each in self.core.roster.devices if each.area}
        areas = (*view.areas, *sorted(places - set(view.areas)))
        return Context(
            home=HomeView(areas=areas, devices=view.devices),
            roster=self.core.roster,
            device=self.core.me,
            person=self.core.roster.person(turn.speaker.person),
            question=turn.talk.question,
            last=turn.talk.last,
        )

    @staticmethod
    def _goes_to_brain(resolution: Resolution) -> bool:
        undo = any(
            isinstance(each, Command) and each.verb is Verb.UNDO for each in resolution.parts
        )
        return undo or not resolution.understood

    async def _act(self, turn: Turn, resolution: Resolution) -> None:
        """Do what was understood, and wait for it."""
        turn.talk.question = None
        for part in resolution.parts:
            match part:
                case Act():
                    self._plan(turn, part.call)
                case Command():
                    await self._write_opened(turn)
                    turn.texts += await self.commands.run(part.verb, turn.speaker, turn.opened.turn)
                case Question():
                    turn.talk.question = part
                    turn.texts.append(part.text)
                    turn.reasons.append("several things fit, so I asked which one")
                case Answer() | Refusal():
                    turn.texts.append(part.text)
                    turn.reasons.append(
                        "the home's state answers it"
                        if isinstance(part, Answer)
                        else "what was named is not there"
                    )
        targets = [each.call.args.get("target") for each in turn.calls]
        turn.talk.last = tuple(str(each) for each in targets if each) or turn.talk.last
        if turn.tasks:
            self.requests.expect(turn.tasks)
            await self.core.write(lambda tx: self._begin(tx, turn))
            done = {each.id: each for each in await self.requests.results(turn.tasks)}
            turn.texts = [done[e.id] if isinstance(e, Task) else e for e in turn.texts]

    async def _write_opened(self, turn: Turn) -> None:
        if not turn.written:
            await self.core.write(lambda tx: self._put_opened(tx, turn))

    @staticmethod
    def _put_opened(tx: Transaction, turn: Turn) -> None:
        if not turn.written:
            tx.append(person_feed(turn.speaker.person), turn.opened)
            turn.written = True

    def _begin(self, tx: Transaction, turn: Turn) -> None:
        self._put_opened(tx, turn)
        self.requests.offer(tx, turn.tasks)

    def _plan(self, turn: Turn, call: Call) -> None:
        """Turn a call into words (a look, a refusal) or a task."""
        try:
            task = self.requests.task(call, turn.speaker, turn.opened.turn)
            decision = decide_for(self.core.roster, task, self.core.clock.wall_ms())
        except ProtocolError as refusal:
            turn.texts.append(refusal.reason)
            turn.error = refusal.code
            turn.calls.append(TurnCall(call=call, verdict=Verdict.NO, reason=refusal.reason))
            return
        looks = task.risk is Risk.READ
        turn.calls.append(
            TurnCall(
                call=call,
                verdict=decision.verdict,
                reason=decision.reason,
                task=None if looks else task.id,
            )
        )
        if decision.verdict is Verdict.NO:
            turn.texts.append(decision.reason)
            turn.error = ErrorCode.FORBIDDEN
        else:
            turn.texts.append(self._look(task) if looks else task)

    def _look(self, task: Task) -> str:
        """Run an action that only looks; it needs no task."""
        action = self.requests.registry.get(task.action)
        assert action is not None
        context = Looking(self.core.clock.wall_ms(), task, self.core.me, self.core.store.reader)
        result = action.run(context, **action.check(task.args))
        assert isinstance(result, Result), f"{task.action} looks, and must not be async"
        return result.text

    async def _ask_brain(self, turn: Turn) -> None:
        """Have the serving node answer what this device can't."""
        asked = TurnAsked(turn=turn.opened, history=turn.talk.history[-HISTORY:])
        serving = self.requests.serving_id()
        waits: asyncio.Future[TurnAnswered] = asyncio.get_running_loop().create_future()
        self._asked[turn.opened.turn] = waits

        def ask(tx: Transaction) -> None:
            self._put_opened(tx, turn)
            tx.mail(serving, asked)

        try:
            await self.core.write(ask)
            if not self.requests.online(serving):
                raise TimeoutError
            answer = await self.core.clock.within(MODEL_SECONDS, waits)
            turn.route = answer.route
            turn.texts.append(answer.text)
            turn.calls += answer.calls
            turn.reasons += answer.reasons
        except TimeoutError:
            turn.route = Route.LOCAL
            turn.reasons.append("this needs the brain, and it did not answer")
            turn.texts.append("The brain is away. I've kept that, and tell you when it is back.")
        finally:
            del self._asked[turn.opened.turn]

    def _answered(self, answer: TurnAnswered) -> None:
        waits = self._asked.get(answer.turn)
        if waits is not None and not waits.done():
            waits.set_result(answer)
        elif waits is None or waits.cancelled():
            self.core.spawn(f"notice of {answer.turn}", self._late(answer))

    async def _late(self, answer: TurnAnswered) -> None:
        await self.core.write(lambda tx: self.requests.notice(tx, answer.turn, answer.text))

    async def _close(self, turn: Turn) -> dict[str, object]:
        """Write the answer down, then say it."""
        reply = " ".join(_spoken(self.core, each) for each in turn.texts)
        closed = TurnClosed(
            turn=turn.opened.turn,
            route=turn.route,
            reasons=turn.reasons,
            calls=turn.calls,
            reply=reply,
            at=self.core.clock.wall_ms(),
        )

        def close(tx: Transaction) -> None:
            self._put_opened(tx, turn)
            tx.append(person_feed(turn.speaker.person), closed)
            self.requests.told(tx, turn.tasks)

        await self.core.write(close)
        turn.talk.history.append((turn.opened.utterance, reply))
        del turn.talk.history[:-HISTORY]
        self.core.tell("route", turn=turn.opened.turn, route=turn.route)
        self.core.tell("reply", turn=turn.opened.turn, text=reply)
        errors = [e.result.error for e in turn.tasks if e.result and e.result.error]
        return {
            "turn": turn.opened.turn,
            "reply": reply,
            "route": turn.route,
            "error": turn.error or (errors[0] if errors else None),
            "tasks": [task.id for task in turn.tasks],
        }


def _spoken(core: Core, part: str | Task) -> str:
    """Say a part of the answer: words as they are, a task by how it stands."""
    if isinstance(part, str):
        return part
    if part.done or part.state in (State.ASKING, State.IN_DOUBT):
        return outcome_text(part)
    target = core.roster.device(part.target)
    name = target.name if target else "device"
    if part.state is State.OFFERED:
        return f"The {name} is away. It will be done when it is back."
    return f"The {name} is at it."
