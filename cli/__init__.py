"""The `manyends` command."""
