"""Every sentence of a skill has a reader, and every reader a sentence."""

from importlib.resources import files

import yaml

from manyends.endpoints.reflex import chores


def test_intents_and_readers_are_the_same() -> None:
    text = (files("manyends.endpoints.reflex") / "sentences" / "skills.yaml").read_text()
    assert set(yaml.safe_load(text)["intents"]) == set(chores._READERS)
