"""The reflex's own evaluation runs on any folder, and says what is not there."""

import json
from pathlib import Path

import pytest

from manyends.evals import reflex

SAMPLES = Path(reflex.__file__).parent / "samples"


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    return reflex.evaluate(SAMPLES)


def test_the_samples_are_right_and_nothing_acts_falsely(figures: dict[str, object]) -> None:
    actions = figures["device actions"]
    assert isinstance(actions, dict)
    for where in ("said anywhere", "said in its own area"):
        assert actions[f"reflex, {where}"]["right"] >= actions[f"plain hassil, {where}"]["right"]
        assert actions[f"reflex, {where}"]["wrong"] == 0
    false = figures["false actions"]
    assert isinstance(false, dict)
    assert [row["which"] for row in false.values()] == [[], []]


def test_the_time_is_told_for_both_sizes_of_home(figures: dict[str, object]) -> None:
    speed = figures["speed"]
    assert isinstance(speed, dict)
    assert set(speed) == {
        f"{name}, {size} devices" for name in ("reflex", "plain hassil") for size in (20, 200)
    }


def test_missing_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reflex.run(tmp_path) == 0
    assert "not available: ha-device-actions-dev.jsonl" in capsys.readouterr().out


def test_figures_can_be_had_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"sentence": "lock the door", "intent": "freeze_account"}
    (tmp_path / "clinc-dev.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert reflex.run(tmp_path, json_output=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["false actions"]["clinc-dev.jsonl"]["false"] == 1


def test_made_sentences_are_never_repeated() -> None:
    home = reflex.made_home(20)
    said = reflex.made_sentences(home, 60)
    assert len(said) == len(set(said)) >= 50
