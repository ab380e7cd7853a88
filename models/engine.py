"""The interface of everything that runs a language model: messages in, pieces of text out."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

DEFAULT_MAX_TOKENS = 128
"""How long an answer gets when nobody says otherwise: some four spoken sentences."""


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class Message:
    """One message of what the model is shown."""

    role: Role
    text: str


@dataclass(frozen=True)
class Delta:
    """The next piece of the answer, never empty; the pieces joined are the whole text."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The last thing that a stream gives, with what the answer cost."""

    text: str
    """The whole answer."""
    prompt_tokens: int
    output_tokens: int
    cached_tokens: int
    """How many of the prompt's tokens were still known from the run before."""
    cut: bool
    """Whether the answer ran into `max_tokens` or the end of the context."""
    seconds: float
    """From the start of the work, so without waiting for the question before."""


Piece = Delta | Finished


class Engine(Protocol):
    """A model that can be asked, one question after the other in the order they come."""

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        ...

    @property
    def context(self) -> int:
        """How many tokens prompt and answer may have together."""
        ...

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        ...

    @property
    def memory_bytes(self) -> int:
        """How much resident memory the loaded model takes; 0 while it isn't loaded."""
        ...

    async def load(self) -> None:
        """Load the weights now instead of at the first question; does nothing if they are loaded.

        Raises `ModelMissing`, `ModelDamaged`, `EngineMissing` or `EngineFailed`.
        """
        ...

    def stream(
        self, messages: Sequence[Message], max_tokens: int = DEFAULT_MAX_TOKENS
    ) -> AsyncGenerator[Piece, None]:
        """Answer: some `Delta`s, then one `Finished`. Loads first where needed.

        Cancelling the task that reads, or `aclose()`, stops the work within a few tokens, so read
        inside `contextlib.aclosing`. Raises what `load` raises, `PromptTooLong`, or `EngineFailed`.
        """
        ...

    async def close(self) -> None:
        """Stop all questions with `EngineFailed` and free the memory, for good."""
        ...
