"""Who a device is: an Ed25519 key, what it signs, and how bytes to be signed are written."""

import base64
import binascii
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Json = dict[str, Any]
"""A JSON object: string keys, values of JSON's own types."""


def b64(data: bytes) -> str:
    """Write bytes as unpadded URL-safe base 64, the only form that the wire knows."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Read bytes back; `ValueError` if `text` is not base 64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base 64") from error


def canonical(value: object) -> bytes:
    """Write a JSON value in the one form that is digested and signed.

    Keys sorted by code point, no spaces, UTF-8 as it is. Numbers should be integers: a fraction
    is written as Python writes it. `ValueError` for what JSON cannot say (NaN, lone surrogates).
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest(salt: str, value: object) -> str:
    """Return the salted SHA-256 of a JSON value, so that a short secret can't be guessed back."""
    return b64(hashlib.sha256(salt.encode() + canonical(value)).digest())


class Identity:
    """A device's own key pair. The public half stands in the household's roster."""

    def __init__(self, secret: bytes) -> None:
        """Take the 32 secret bytes; `ValueError` for another length."""
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = b64(self._key.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> str:
        """Return the signature of `data` in base 64."""
        return b64(self._key.sign(data))


def verify(public: str, data: bytes, signature: str) -> bool:
    """Say whether `signature` is the public key's for `data`; anything malformed is a no."""
    try:
        Ed25519PublicKey.from_public_bytes(unb64(public)).verify(unb64(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True
