"""How well the reflex does on sentences for homes, beside plain hassil in the same run."""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from time import thread_time
from typing import Any

from hassil import Intents, RecognizeResult, SlotList, TextSlotList, recognize_best
from home_assistant_intents import get_intents

from manyends.endpoints.reflex.resolution import Act, Context, Question, Refusal, Resolution
from manyends.endpoints.reflex.resolve import Reflex
from manyends.protocol.roster import Profile, Roster, RosterEntry
from manyends.skills.home.model import Device, HomeView, Kind

SERVED = frozenset({
    "calculator", "cancel", "change_volume", "date", "next_song", "no", "play_music", "reminder",
    "reminder_update", "shopping_list", "shopping_list_update", "smart_home", "time", "timer",
    "todo_list", "todo_list_update", "yes",
})  # fmt: skip
"""CLINC's intents that a skill of ours serves; a call for any other is a false action."""

KINDS = {
    "light": Kind.LIGHT, "light-dimmable": Kind.LIGHT, "smart-plug": Kind.SWITCH,
    "switch": Kind.SWITCH, "smart-sprinkler": Kind.SWITCH, "exhaust-fan": Kind.FAN,
    "fan-oscilating": Kind.FAN, "garage-door": Kind.COVER, "smart-blinds": Kind.COVER,
    "water-valve": Kind.COVER, "heat-pump": Kind.CLIMATE, "hvac": Kind.CLIMATE,
    "smart-speaker": Kind.MEDIA, "smart-tv": Kind.MEDIA, "vacuum": Kind.VACUUM,
}  # fmt: skip
"""The data's device types as our kinds."""

ACTIONS = {
    "Turn on": {"light.turn_on", "switch.turn_on", "fan.turn_on", "climate.set_mode", "media.play",
                "cover.open"},
    "Turn off": {"light.turn_off", "switch.turn_off", "fan.turn_off", "climate.set_mode",
                 "media.pause", "cover.close"},
    "Open": {"cover.open"}, "Close": {"cover.close"}, "Set position": {"cover.set_position"},
    "Set brightness": {"light.set_brightness"}, "Set temperature": {"climate.set_temperature"},
    "Set volume": {"media.set_volume"}, "Pause": {"media.pause"}, "Unpause": {"media.play"},
    "Next track": {"media.next"}, "Start": {"vacuum.start"}, "Return to base": {"vacuum.dock"},
}  # fmt: skip
"""The data's actions as ours. "Previous track" is left out: no action of ours does it."""

_HUB = "device_" + "h" * 16


@dataclass(frozen=True)
class Case:
    """A sentence, the home and area it is said in, and what is meant."""

    home: HomeView
    area: str | None
    sentence: str
    target: str
    actions: frozenset[str]


def context(home: HomeView, area: str | None) -> Context:
    """Return what is known when something is said to a hub in this area, by nobody known."""
    hub = RosterEntry(id=_HUB, name="hub", profile=Profile.HUB, area=area, device_key="")
    roster = Roster(household="household_" + "h" * 16, devices=(hub,))
    return Context(home=home, roster=roster, device=hub)


def homes(rows: Iterable[dict[str, str]]) -> dict[str, HomeView]:
    """Return the homes that the rows speak of, each with all its devices."""
    found: dict[str, dict[str, Device]] = defaultdict(dict)
    for row in rows:
        device = Device(id=_device_id(row), name=row["device"], kind=KINDS[row["device_type"]],
                        area=row["area"])  # fmt: skip
        found[row["home"]][device.id] = device
    return {
        name: HomeView(areas=tuple(sorted({str(each.area) for each in devices.values()})),
                       devices=tuple(devices.values()))
        for name, devices in found.items()
    }  # fmt: skip


def _device_id(row: dict[str, str]) -> str:
    return f"{row['area']}/{row['device']}/{row['device_type']}".lower().replace(" ", "_")


def cases(rows: Sequence[dict[str, str]], own_area: bool) -> list[Case]:
    """Return the sentences as said anywhere, or in the room of the thing that is meant."""
    known = homes(rows)
    return [
        Case(known[row["home"]], row["area"] if own_area else None, row["sentence"],
             _device_id(row), frozenset(ACTIONS[row["action"]]))
        for row in rows if row["action"] in ACTIONS
    ]  # fmt: skip


Verdict = str
"""right, wrong, asked (a question back), refused, other (an answer) or nothing."""


def judge(case: Case, resolution: Resolution) -> Verdict:
    """Say how the reflex did on one sentence."""
    acts = [part.call for part in resolution.parts if isinstance(part, Act)]
    if acts:
        right = len(acts) == 1 and acts[0].action in case.actions
        return "right" if right and acts[0].args.get("target") == case.target else "wrong"
    for kind, verdict in ((Question, "asked"), (Refusal, "refused")):
        if any(isinstance(part, kind) for part in resolution.parts):
            return verdict
    return "other" if resolution.parts else "nothing"


Judged = Callable[[Case], Verdict]


def tally(sentences: Sequence[Case], how: Judged) -> dict[str, float]:
    """Return the share of each verdict in percent, and the milliseconds of processor time."""
    counts: Counter[str] = Counter()
    times = []
    for case in sentences:
        start = thread_time()
        verdict = how(case)
        times.append(1000 * (thread_time() - start))
        counts[verdict] += 1
    shares = {name: round(100 * counts[name] / len(sentences), 1)
              for name in ("right", "wrong", "asked", "refused", "other", "nothing")}  # fmt: skip
    return {**shares, **spread(times)}


def spread(times: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the worst, in milliseconds of processor time."""
    ordered = sorted(times)
    at = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    return {name: round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2)
            for name, part in at.items()}  # fmt: skip


DOMAINS = {
    Kind.LIGHT: "light", Kind.SWITCH: "switch", Kind.FAN: "fan", Kind.COVER: "cover",
    Kind.CLIMATE: "climate", Kind.MEDIA: "media_player", Kind.VACUUM: "vacuum",
    Kind.LOCK: "lock", Kind.SENSOR: "sensor",
}  # fmt: skip
"""Our kinds as Home Assistant's domains."""

INTENTS = {
    "HassTurnOn": ACTIONS["Turn on"] | {"cover.open", "lock.lock"},
    "HassTurnOff": ACTIONS["Turn off"] | {"cover.close", "lock.unlock"},
    "HassLightSet": {"light.set_brightness"}, "HassSetPosition": {"cover.set_position"},
    "HassClimateSetTemperature": {"climate.set_temperature"},
    "HassSetVolume": {"media.set_volume"}, "HassSetVolumeRelative": {"media.set_volume"},
    "HassMediaPause": {"media.pause"}, "HassMediaUnpause": {"media.play"},
    "HassMediaNext": {"media.next"}, "HassVacuumStart": {"vacuum.start"},
    "HassVacuumCleanArea": {"vacuum.start"}, "HassVacuumReturnToBase": {"vacuum.dock"},
}  # fmt: skip
"""Home Assistant's intents as the actions that would carry them out."""


class Peer:
    """Plain hassil with Home Assistant's English sentences and lists from the home."""

    def __init__(self) -> None:
        found = get_intents("en")
        assert found is not None
        self._intents = Intents.from_dict(found)
        self._lists: dict[int, dict[str, SlotList]] = {}

    def recognize(self, sentence: str, home: HomeView, area: str | None) -> RecognizeResult | None:
        """Return the best reading, or None."""
        lists = self._lists.setdefault(id(home), _slot_lists(home))
        return recognize_best(
            sentence, self._intents, slot_lists=lists, best_slot_name="name", language="en",
            intent_context={"area": area} if area else None,
        )  # fmt: skip

    def judge(self, case: Case) -> Verdict:
        """Say how it did on one sentence; more devices than the one meant still count as right."""
        result = self.recognize(case.sentence, case.home, case.area)
        actions = INTENTS.get(result.intent.name) if result else None
        if result is None or actions is None:
            return "nothing"
        slots = {name: str(each.value).lower() for name, each in result.entities.items()}
        targets = [each.id for each in case.home.devices if _meets(each, slots)]
        right = case.target in targets and bool(actions & case.actions)
        return "right" if right else "wrong" if targets else "refused"


def _slot_lists(home: HomeView) -> dict[str, SlotList]:
    names = [(each.name, each.name, {"domain": DOMAINS[each.kind]}) for each in home.devices]
    return {
        "name": TextSlotList.from_tuples(names, name="name"),
        "area": TextSlotList.from_strings(home.areas, name="area"),
        "floor": TextSlotList.from_strings([], name="floor"),
    }


def _meets(device: Device, slots: dict[str, str]) -> bool:
    own = {"name": device.name.lower(), "area": (device.area or "").lower(),
           "domain": DOMAINS[device.kind]}  # fmt: skip
    named = [slot for slot in own if slot in slots]
    return bool(named) and all(slots[slot] == own[slot] for slot in named)


_ROOMS = (
    "kitchen", "bedroom", "living room", "bathroom", "hall", "office", "garage", "attic",
    "nursery", "dining room", "guest room", "cellar", "balcony", "laundry", "study", "library",
    "workshop", "conservatory", "pantry", "terrace",
)  # fmt: skip
_THINGS: tuple[tuple[Kind, str, tuple[str, ...]], ...] = (
    (Kind.LIGHT, "light", ("turn on the {}", "please switch the {} off", "dim the {} to {} percent",
                           "make the {} brighter", "is the {} on")),
    (Kind.COVER, "blinds", ("close the {}", "open the {}", "set the {} to {} percent")),
    (Kind.FAN, "fan", ("turn off the {}", "turn on the {} and set a timer for {} minutes")),
    (Kind.MEDIA, "speaker", ("pause the {}", "set the volume of the {} to {} percent",
                             "make the {} louder")),
    (Kind.CLIMATE, "thermostat", ("set the {} to {} degrees", "turn the {} up")),
    (Kind.LOCK, "door", ("lock the {}", "is the {} locked")),
)  # fmt: skip


def made_home(size: int) -> HomeView:
    """Return a home with so many devices, all with different names."""
    devices = []
    for number, (kind, noun, _) in enumerate(islice(cycle(_THINGS), size)):
        room = _ROOMS[number // len(_THINGS) % len(_ROOMS)]
        storey = number // (len(_THINGS) * len(_ROOMS))
        name = f"{('', 'upper ')[storey]}{room} {noun}"
        devices.append(Device(id=f"{kind}.{number}", name=name, kind=kind, area=room))
    return HomeView(areas=_ROOMS, devices=tuple(devices))


def made_sentences(home: HomeView, count: int) -> list[str]:
    """Return sentences for the home's devices, none twice."""
    forms = {kind: sentences for kind, _, sentences in _THINGS}
    turns = (
        form.format(device.name, 10 + (number + turn) % 90)
        for turn in range(5)
        for number, device in enumerate(home.devices)
        for form in forms[device.kind][turn % len(forms[device.kind]) :][:1]
    )
    return list(islice(dict.fromkeys(turns), count))


def _speed(reflex: Reflex, peer: Peer) -> dict[str, dict[str, float]]:
    result = {}
    for size in (20, 200):
        home = made_home(size)
        here = context(home, "kitchen")
        said = made_sentences(home, 200)
        for name, how in (
            ("reflex", lambda text, here=here: reflex.resolve(text, here)),
            ("plain hassil", lambda text, home=home: peer.recognize(text, home, "kitchen")),
        ):
            result[f"{name}, {size} devices"] = spread([_timed(how, text) for text in said])
    return result


def _timed(how: Callable[[str], Any], text: str) -> float:
    start = thread_time()
    how(text)
    return 1000 * (thread_time() - start)


def _false_actions(reflex: Reflex, rows: Iterable[dict[str, str]]) -> dict[str, Any]:
    """Return for sentences that no skill serves how many would have done something, and which."""
    here = context(made_home(20), "kitchen")
    total, acted = 0, []
    for row in rows:
        if row.get("intent") in SERVED:
            continue
        total += 1
        parts = reflex.resolve(row["sentence"], here).parts
        if any(isinstance(part, Act) for part in parts):
            acted.append(row["sentence"])
    return {"sentences": total, "false": len(acted), "which": acted}


def _rows(folder: Path, name: str) -> list[dict[str, str]] | None:
    file = folder / name
    if not file.is_file():
        return None
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]


def evaluate(folder: Path) -> dict[str, Any]:
    """Return all figures for the files of this folder, and which files are not there.

    The files are `ha-device-actions-dev.jsonl`, `clinc-dev.jsonl` and `clinc-oos-dev.jsonl`.
    """
    reflex, peer = Reflex(), Peer()
    result: dict[str, Any] = {"served": sorted(SERVED), "not available": []}
    rows = _rows(folder, "ha-device-actions-dev.jsonl")
    if rows is None:
        result["not available"].append("ha-device-actions-dev.jsonl")
    else:
        result["device actions"] = _device_actions(reflex, peer, rows)
    for name in ("clinc-oos-dev.jsonl", "clinc-dev.jsonl"):
        strange = _rows(folder, name)
        if strange is None:
            result["not available"].append(name)
        else:
            result.setdefault("false actions", {})[name] = _false_actions(reflex, strange)
    result["speed"] = _speed(reflex, peer)
    return result


def _device_actions(reflex: Reflex, peer: Peer, rows: list[dict[str, str]]) -> dict[str, Any]:
    def ours(case: Case) -> Verdict:
        return judge(case, reflex.resolve(case.sentence, context(case.home, case.area)))

    found: dict[str, Any] = {}
    for where, own_area in (("said anywhere", False), ("said in its own area", True)):
        sentences = cases(rows, own_area)
        found[f"reflex, {where}"] = tally(sentences, ours)
        found[f"plain hassil, {where}"] = tally(sentences, peer.judge)
    return found


def table(result: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    lines = [f"not available: {name}" for name in result["not available"]]
    for name, row in {**result.get("device actions", {}), **result["speed"]}.items():
        figures = "  ".join(f"{key} {value:g}" for key, value in row.items())
        lines.append(f"{name:38} {figures}")
    for name, row in result.get("false actions", {}).items():
        lines.append(f"{name:38} {row['false']} false actions of {row['sentences']}")
        lines += [f"    {each}" for each in row["which"]]
    lines.append(f"intents that are served: {', '.join(result['served'])}")
    return "\n".join(lines)


def run(folder: Path, json_output: bool = False) -> int:
    """Print the figures for this folder, as a table or as JSON; 0 unless an action was false."""
    result = evaluate(folder)
    sys.stdout.write((json.dumps(result, indent=2) if json_output else table(result)) + "\n")
    return int(any(row["false"] for row in result.get("false actions", {}).values()))
