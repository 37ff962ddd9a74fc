"""What happened to a connection, as far as it helps to understand why it lives or died."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.models.identifiers import ReplicaId


class TimelineEvent(StrEnum):
    """Ordinary renewals are none: they come twice a minute."""

    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    """A person connected again what was lost or disconnected; or an API key was given again."""
    SIGNED_IN = "signed_in"
    """Its person came again while it lived: a new token took the place of the old one."""
    RETRIED = "retried"
    """Renewals that came only after failed attempts."""
    TAKEN_OVER = "taken_over"
    """Another refresher took it from one that had gone without a word."""
    LOST = "lost"
    FOUND_ALIVE = "found_alive"
    """It had been held for lost, and then its refresher wrote down a newer token."""
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An entry of a timeline.

    What repeats itself is one entry for a while: it happened so many `times` from `at` to
    `last_at`. `cause` is that of the loss, or of the last failed attempt; `attempts` how many
    failed. `replica` is the refresher that took over.
    """

    event: TimelineEvent
    at: datetime
    last_at: datetime
    times: int = 1
    cause: str | None = None
    attempts: int | None = None
    replica: ReplicaId | None = None
