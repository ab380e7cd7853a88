"""Tests of the `manyends` command."""
