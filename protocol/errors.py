"""The closed list of errors that may cross the wire, each with what the other side may do."""

from enum import StrEnum


class Retry(StrEnum):
    """What a peer that gets an error may do: give up, try at once, or try after a while."""

    NO = "no"
    NOW = "now"
    AFTER = "after"


class ErrorCode(StrEnum):
    """Every error that `manyends/1` knows."""

    BAD_MESSAGE = "bad_message"
    BUSY = "busy"
    DUPLICATE_IDENTITY = "duplicate_identity"
    EXPIRED = "expired"
    FORBIDDEN = "forbidden"
    GAP = "gap"
    INTERNAL = "internal"
    NOT_FOUND = "not_found"
    NOT_PAIRED = "not_paired"
    OUT_OF_ORDER = "out_of_order"
    REVOKED = "revoked"
    STALE_EPOCH = "stale_epoch"
    STORAGE = "storage"
    TIMEOUT = "timeout"
    TOO_BIG = "too_big"
    UNSUPPORTED = "unsupported"
    UNSUPPORTED_VERSION = "unsupported_version"


RETRY: dict[ErrorCode, Retry] = {
    ErrorCode.BAD_MESSAGE: Retry.NO,
    ErrorCode.BUSY: Retry.AFTER,
    ErrorCode.DUPLICATE_IDENTITY: Retry.NO,
    ErrorCode.EXPIRED: Retry.NO,
    ErrorCode.FORBIDDEN: Retry.NO,
    ErrorCode.GAP: Retry.NOW,
    ErrorCode.INTERNAL: Retry.AFTER,
    ErrorCode.NOT_FOUND: Retry.NO,
    ErrorCode.NOT_PAIRED: Retry.NO,
    ErrorCode.OUT_OF_ORDER: Retry.NO,
    ErrorCode.REVOKED: Retry.NO,
    ErrorCode.STALE_EPOCH: Retry.NO,
    ErrorCode.STORAGE: Retry.AFTER,
    ErrorCode.TIMEOUT: Retry.NOW,
    ErrorCode.TOO_BIG: Retry.NO,
    ErrorCode.UNSUPPORTED: Retry.NO,
    ErrorCode.UNSUPPORTED_VERSION: Retry.NO,
}


class ProtocolError(Exception):
    """A breach of the protocol, or a refusal: `code` for the peer, `reason` for a person."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason

    @property
    def retry(self) -> Retry:
        """What the peer may do about it."""
        return RETRY[self.code]
