"""From the reading of a sentence to the assistant itself to calls of skills, and to commands."""

import re
from collections.abc import Callable
from typing import Any

from manyends.protocol.roster import Profile, RosterEntry
from manyends.protocol.task import Call

from .durations import duration, expression, root
from .patterns import Frame
from .resolution import Act, Command, Context, Option, Part, Refusal, Verb
from .things import ask
from .words import article, name_words

Parts = tuple[Part, ...]
_QUOTED = re.compile(r"[\"'](.+)[\"']")
_ITEMS = re.compile(r",? and |, ?")
_LISTS = {"grocery": "shopping", "groceries": "shopping", "todo": "to do", "to-do": "to do",
          "": "shopping"}  # fmt: skip
_LAPTOPS = frozenset({"laptop", "computer", "notebook", "pc"})
_OTHERS = frozenset({"phone", "mobile", "watch", "hub", "tablet"})


def _act(action: str, args: dict[str, Any], phrase: str, target: str | None = None) -> Act:
    return Act(Call(action=action, args=args, target=target), phrase)


def _command(verb: Verb) -> Callable[[Frame, Context], Parts | None]:
    return lambda frame, context: (Command(verb),)


def _open_page(frame: Frame, context: Context) -> Parts | None:
    url, wanted = frame.text("url"), frame.text("device") or "laptop"
    named = None if wanted.lower() in _LAPTOPS else context.roster.named(wanted)
    person = context.person.id if context.person else None
    own = context.roster.own_devices(person)
    mine = [each for each in own if each.profile is Profile.LAPTOP]
    every = list(context.roster.of_profile(Profile.LAPTOP))
    if named is None and wanted.lower() not in _LAPTOPS:
        other = wanted in _OTHERS
        return (
            (Refusal(f"I can open pages on a laptop only, not on a {wanted}."),) if other else None
        )
    if named is not None and named.profile is not Profile.LAPTOP:
        return (Refusal(f"I can open pages on a laptop only, not on the {named.name}."),)
    laptops = [named] if named else mine or ([] if _owned_by_others(every, context) else every)
    if not laptops:
        return (Refusal("I don't know a laptop of yours." if every else "I don't know a laptop."),)
    acts = [_act("laptop.open_page", {"url": url}, each.name, each.id) for each in laptops]
    if len(acts) == 1:
        return (acts[0],)
    return (ask(tuple(Option(each.name, (act,)) for each, act in zip(laptops, acts, strict=True))),)


def _owned_by_others(laptops: list[RosterEntry], context: Context) -> bool:
    """Say whether somebody known asks, and every laptop is somebody else's."""
    return context.person is not None and all(each.person for each in laptops)


def _announce(frame: Frame, context: Context) -> Parts | None:
    text, area = frame.text("text") or "", frame.text("area")
    ends = [each for each in context.roster.devices
            if each.profile not in (Profile.BRAIN, Profile.HOME)]  # fmt: skip
    if area is None:
        inside = re.match(r"(?:in|to|into) (?:the )?(.+)", text, re.IGNORECASE)
        if inside:
            return _in_room_first(inside[1], ends, context)
        hubs = [each for each in ends if each.profile is Profile.HUB]
        return _say(hubs, text) or (Refusal("I don't know a hub that could say it."),)
    room = _room(area, context)
    if room is None:
        return None if "told" in frame.slots else (Refusal(f"I don't know {article(area)}."),)
    said = _say([each for each in ends if each.area and _same(each.area, room)], text)
    return said or (Refusal(f"There is no device in the {room} that could say it."),)


def _in_room_first(words: str, ends: list[RosterEntry], context: Context) -> Parts | None:
    """Read "in the kitchen dinner is ready": the room is the longest beginning that is one."""
    spoken = words.split()
    for count in range(len(spoken) - 1, 0, -1):
        room = _room(" ".join(spoken[:count]), context)
        if room:
            text = " ".join(spoken[count:])
            return _say([each for each in ends if each.area and _same(each.area, room)], text) or (
                Refusal(f"There is no device in the {room} that could say it."),
            )
    return (Refusal("I don't know that room."),)


def _say(ends: list[RosterEntry], text: str) -> Parts:
    return tuple(_act("announce.say", {"text": text}, each.name, each.id) for each in ends)


def _room(words: str, context: Context) -> str | None:
    areas = [*context.home.areas, *(each.area for each in context.roster.devices if each.area)]
    return next((area for area in areas if _same(area, words)), None)


def _same(area: str, words: str) -> bool:
    return name_words(area) == name_words(words)


def _timer_start(frame: Frame, context: Context) -> Parts | None:
    length = duration(frame.text("duration") or "")
    label = frame.text("label")
    if length is None:
        return None
    return (_act("timer.start", {"duration": length, "label": label},
                 f"{label} timer" if label else "timer"),)  # fmt: skip


def _timer(action: str) -> Callable[[Frame, Context], Parts | None]:
    def read(frame: Frame, context: Context) -> Parts | None:
        label = frame.text("label")
        if label and re.search(r"\b(?:timers?|and|my|the)\b", label):
            return None
        return (_act(action, {"label": label}, f"{label} timer" if label else "timer"),)

    return read


def _list(action: str) -> Callable[[Frame, Context], Parts | None]:
    def read(frame: Frame, context: Context) -> Parts | None:
        name = _list_name(frame.text("list") or "")
        if action == "list.read":
            return (_act(action, {"list": name}, f"{name} list"),)
        items = _items(frame.text("item") or "")
        return tuple(_act(action, {"list": name, "item": item}, item) for item in items) or None

    return read


def _list_name(said: str) -> str:
    name = re.sub(r"(?:^|\s)list$", "", said.lower())
    return _LISTS.get(name, name)


def _items(said: str) -> list[str]:
    quoted = _QUOTED.fullmatch(said)
    pieces = [quoted[1]] if quoted else _ITEMS.split(said)
    if said.lower() in ("everything", "all", "it", "them"):
        return []
    bare = [re.sub(r"^(?:some|the) ", "", each.strip(), flags=re.IGNORECASE) for each in pieces]
    return [each for each in bare if each]


def _text(action: str) -> Callable[[Frame, Context], Parts | None]:
    def read(frame: Frame, context: Context) -> Parts | None:
        text = frame.text("text") or ""
        return (_act(action, {"text": text}, text),)

    return read


def _memory(frame: Frame, context: Context) -> Parts | None:
    text = frame.text("text") or ""
    if re.match(r"(?:to|when|how|what|who|where|why|the time|me|this|that|it)\b", text, re.I):
        return None
    if "loose" in frame.slots and len(text.split()) < 4:
        return None
    return (_act("memory.add", {"text": text, "scope": str(frame.slots["scope"])}, text),)


def _reminder(frame: Frame, context: Context) -> Parts | None:
    text, when = frame.text("text") or "", frame.text("when") or ""
    return (_act("reminder.add", {"text": text, "when": when}, text),)


def _calculate(frame: Frame, context: Context) -> Parts | None:
    said = frame.text("root")
    found = root(said) if said else expression(frame.text("expression") or "")
    if found and "bare" in frame.slots and not re.search(r"\d (?:[+*/-]|\*\*) \d", found):
        return None
    return (_act("calculator.compute", {"expression": found}, found),) if found else None


def _fixed(action: str, args: dict[str, Any]) -> Callable[[Frame, Context], Parts | None]:
    return lambda frame, context: (_act(action, args, action.split(".")[0]),)


_READERS: dict[str, Callable[[Frame, Context], Parts | None]] = {
    "cancel": _command(Verb.CANCEL),
    "running": _command(Verb.RUNNING),
    "undo": _command(Verb.UNDO),
    "stop": _command(Verb.STOP),
    "yes": _command(Verb.YES),
    "no": _command(Verb.NO),
    "open_page": _open_page,
    "announce": _announce,
    "timer_start": _timer_start,
    "timer_status": _timer("timer.status"),
    "timer_cancel": _timer("timer.cancel"),
    "timer_cancel_all": _fixed("timer.cancel", {"all": True}),
    "reminder": _reminder,
    "memory": _memory,
    "list_add": _list("list.add"),
    "list_remove": _list("list.remove"),
    "list_read": _list("list.read"),
    "notes_add": _text("notes.add"),
    "notes_remove": _text("notes.remove"),
    "notes_read": _fixed("notes.read", {}),
    "clock_time": _fixed("clock.time", {}),
    "clock_date": _fixed("clock.date", {}),
    "calculate": _calculate,
}


def read(frame: Frame, context: Context) -> Parts | None:
    """Return what this reading asks of the assistant, or None if it makes no sense."""
    return _READERS[frame.intent](frame, context)
