"""The rule that says when a step has settled."""

import pytest

from manyends.evals.scenarios.settle import (
    Counters,
    Link,
    Settling,
    World,
    unrest,
    unrest_or_unserved,
    unserved,
)

WORLD = World(names={"device_a": "brain", "device_b": "watch"})


def node(
    open_turns: int = 0,
    moving_tasks: int = 0,
    unsent: int = 0,
    serving: bool = True,
    changes: int = 0,
    told: int = 0,
    **links: tuple[str, int, int],
) -> Counters:
    """Return counters; links as peer, out, in."""
    return Counters(
        open_turns=open_turns,
        moving_tasks=moving_tasks,
        unsent=unsent,
        serving=serving,
        changes=changes,
        told=told,
        links={
            name: Link(peer=peer, out=out, into=into) for name, (peer, out, into) in links.items()
        },
    )


def test_nothing_moving_is_at_rest() -> None:
    assert unrest({"brain": node(), "watch": node()}, WORLD) is None


@pytest.mark.parametrize(
    ("moving", "words"),
    [
        (node(open_turns=1), "watch has 1 open turn"),
        (node(moving_tasks=2), "watch has 2 moving tasks"),
        (node(unsent=3), "watch has 3 unsent ops"),
    ],
)
def test_what_moves_is_named(moving: Counters, words: str) -> None:
    assert unrest({"brain": node(), "watch": moving}, WORLD) == words


def test_frames_must_add_up_both_ways() -> None:
    brain = node(l1=("device_b", 5, 7))
    assert unrest({"brain": brain, "watch": node(l1=("device_a", 7, 5))}, WORLD) is None
    for out, into in ((8, 5), (7, 4)):
        watch = node(l1=("device_a", out, into))
        assert "under way" in str(unrest({"brain": brain, "watch": watch}, WORLD))


def test_a_link_of_one_side_is_unrest_unless_the_other_is_dead_or_cut_off() -> None:
    sample = {"brain": node(), "watch": node(l1=("device_a", 1, 1))}
    assert "does not know" in str(unrest(sample, WORLD))
    dead = World(WORLD.names, dead=frozenset({"brain"}))
    cut = World(WORLD.names, cuts=frozenset({frozenset({"watch", "brain"})}))
    assert unrest(sample, dead) is None
    assert unrest(sample, cut) is None


def test_a_node_must_be_served_if_it_could_be() -> None:
    alone = {"brain": node(), "home": node(serving=False), "watch": node(serving=False)}
    assert unserved(alone, WORLD) == "watch has no serving node"
    assert unrest_or_unserved(alone, WORLD) == "watch has no serving node"
    cut = World(WORLD.names, cuts=frozenset({frozenset({"watch", "brain"})}))
    assert unserved(alone, cut) is None
    del alone["brain"]
    assert unserved(alone, World(WORLD.names, dead=frozenset({"brain"}))) is None


def test_it_has_settled_after_300_ms_without_a_change() -> None:
    settling = Settling()
    sample = {"brain": node()}
    assert not settling.feed(1.0, sample, WORLD)
    assert not settling.feed(1.29, sample, WORLD)
    assert settling.reason == "something changed a moment ago"
    assert settling.feed(1.31, sample, WORLD)
    assert settling.reason is None


@pytest.mark.parametrize("changed", [node(changes=1), node(told=1), node(l1=("device_x", 1, 1))])
def test_any_change_begins_the_quiet_anew(changed: Counters) -> None:
    settling = Settling()
    settling.feed(1.0, {"brain": node()}, WORLD)
    assert not settling.feed(1.4, {"brain": changed}, WORLD)
    assert not settling.feed(1.6, {"brain": changed}, WORLD)
    assert settling.feed(1.75, {"brain": changed}, WORLD)


def test_unrest_begins_the_quiet_anew() -> None:
    settling = Settling()
    sample = {"watch": node(open_turns=1)}
    settling.feed(1.0, sample, WORLD)
    assert not settling.feed(2.0, sample, WORLD)
    assert settling.reason == "watch has 1 open turn"


def test_counters_are_read_as_the_control_socket_gives_them() -> None:
    answer = {
        "name": "watch",
        "open_turns": 0,
        "moving_tasks": 0,
        "unsent": 0,
        "serving": True,
        "links": {"l1": {"peer": "device_a", "out": 3, "in": 4}},
        "changes": 9,
        "told": 2,
    }
    assert Counters.read(answer) == node(changes=9, told=2, l1=("device_a", 3, 4))
    with pytest.raises(ValueError, match="links"):
        Counters.read({"name": "watch"})
