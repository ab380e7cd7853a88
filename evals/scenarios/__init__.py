"""Plays whole-household scenarios, written in YAML, against real processes."""
