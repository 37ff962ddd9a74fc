"""Tokens as they travel inside the application: opened, or sealed for the database."""

from dataclasses import dataclass, field

import msgspec

from app.models.identifiers import ConnectionId

GENERATIONS_PER_GRANT = 1 << 32
"""A connection's generation grows by one with each renewal and jumps to the next multiple of
this when a person connects again or disconnects. So a renewal that is under way meanwhile
can never reach the new grant's generation, and an older token never replaces a newer one."""


def grant_of(generation: int) -> int:
    """Which of a connection's grants a token of this generation came from."""
    return generation // GENERATIONS_PER_GRANT


@dataclass(frozen=True, slots=True)
class OpenToken:
    """A token in the clear.

    `authorization` is the header value that Infobip wants, `tokenType + " " + token`.
    Ages and lives are seconds relative to now, so that no two clocks have to agree.
    """

    connection_id: ConnectionId
    generation: int
    authorization: str = field(repr=False)
    age_seconds: float
    left_seconds: float


class SealedToken(msgspec.Struct, frozen=True, gc=False):
    """The same, sealed, as the database keeps it."""

    connection_id: ConnectionId
    generation: int
    sealed: bytes
    age_seconds: float
    left_seconds: float

    def __repr__(self) -> str:
        return f"SealedToken({self.connection_id}, generation={self.generation})"


class RenewedToken(msgspec.Struct, frozen=True, gc=False):
    """One that the database is to keep from now on. `key` is its connection's id, as bytes.

    `retries` is how many attempts to renew it failed before it came, `retry_reason` why the last.
    """

    key: bytes
    generation: int
    sealed: bytes
    age_seconds: float
    left_seconds: float
    retries: int = 0
    retry_reason: str | None = None

    def __repr__(self) -> str:
        return f"RenewedToken({self.key.hex()}, generation={self.generation})"


@dataclass(frozen=True, slots=True)
class Loss:
    """A connection whose token cannot be renewed any more, as far as `generation` knows.

    `attempts` is how many failed before that; None where nobody tried.
    """

    connection_id: ConnectionId
    generation: int
    cause: str
    attempts: int | None = None
