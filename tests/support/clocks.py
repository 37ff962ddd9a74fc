"""A clock that tests move."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class SetClock:
    """Shows what it is set to."""

    time: float = 1_000.0

    def monotonic(self) -> float:
        return self.time

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)
