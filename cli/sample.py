"""The household that `manyends up` begins with: a person, three ends, and a home of ten things."""

from manyends.brain.household import EndPlan, HomePlan, HouseholdPlan, PersonPlan
from manyends.protocol.roster import Profile, Role

_DEVICES = (
    ("light.kitchen", "kitchen light", "light", "kitchen", {"power": "off", "brightness": 100}),
    ("light.bedroom", "bedroom lamp", "light", "bedroom", {"power": "off", "brightness": 100}),
    ("light.living", "living room lamp", "light", "living room", {"power": "off"}),
    ("switch.coffee", "coffee machine", "switch", "kitchen", {"power": "off"}),
    ("cover.bedroom", "bedroom blinds", "cover", "bedroom", {"position": 100}),
    ("climate.living", "heating", "climate", "living room", {"mode": "heat", "target": 20}),
    ("media.living", "radio", "media", "living room", {"playing": False, "volume": 30}),
    ("fan.bedroom", "bedroom fan", "fan", "bedroom", {"power": "off"}),
    ("lock.front", "front door", "lock", "hall", {"locked": True}),
    ("sensor.hall", "hall thermometer", "sensor", "hall", {"value": 19.5, "unit": "°C"}),
)


def sample(model: str, port: int) -> HouseholdPlan:
    """Return the plan, with the brain listening on `port` and the home on the next one."""
    return HouseholdPlan(
        people=[PersonPlan(name="Ana", role=Role.OWNER)],
        ends=[
            EndPlan(name="kitchen hub", profile=Profile.HUB, area="kitchen"),
            EndPlan(name="laptop", profile=Profile.LAPTOP, person="Ana"),
            EndPlan(name="watch", profile=Profile.WEARABLE, person="Ana"),
        ],
        home=HomePlan(
            areas=["kitchen", "living room", "bedroom", "hall"],
            devices=[
                {"id": device, "name": name, "kind": kind, "area": area, "state": state}
                for device, name, kind, area, state in _DEVICES
            ],
        ),
        model=model,
        addresses={"brain": f"127.0.0.1:{port}", "home": f"127.0.0.1:{port + 1}"},
    )
