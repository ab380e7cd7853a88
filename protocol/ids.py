"""Identifiers: what they look like on the wire, and how a new one is made."""

import base64
from collections.abc import Callable
from typing import Annotated

from pydantic import StringConstraints

Entropy = Callable[[int], bytes]
"""A source of random bytes; `secrets.token_bytes` outside of tests."""

_ID = r"[a-z]+_[a-z2-7]{16}"

DeviceId = Annotated[str, StringConstraints(pattern=rf"^{_ID}$", max_length=40)]
PersonId = Annotated[str, StringConstraints(pattern=rf"^{_ID}$", max_length=40)]
TaskId = Annotated[str, StringConstraints(pattern=rf"^{_ID}$", max_length=40)]
TurnId = Annotated[str, StringConstraints(pattern=rf"^{_ID}$", max_length=40)]
GrantId = Annotated[str, StringConstraints(pattern=rf"^{_ID}$", max_length=40)]
ConversationId = Annotated[str, StringConstraints(pattern=rf"^{_ID}$", max_length=40)]
HouseholdId = Annotated[str, StringConstraints(pattern=rf"^{_ID}$", max_length=40)]
FeedName = Annotated[
    str, StringConstraints(pattern=rf"^(household|(person|device):{_ID})$", max_length=60)
]

HOUSEHOLD: FeedName = "household"


def new_id(kind: str, entropy: Entropy) -> str:
    """Return `KIND_` and 80 random bits in base 32, for example `task_b5yq7v3kx2mna4ce`."""
    return f"{kind}_{base64.b32encode(entropy(10)).decode().lower()}"


def device_feed(device: DeviceId) -> FeedName:
    """Return the feed that is this device's mailbox."""
    return f"device:{device}"


def person_feed(person: PersonId | None) -> FeedName:
    """Return the feed of what concerns a person; what concerns nobody is the household's."""
    return f"person:{person}" if person else HOUSEHOLD
