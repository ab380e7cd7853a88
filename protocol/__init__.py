"""The wire and its rules: pure, without sockets or a clock; adapters live in protocol/io/."""
