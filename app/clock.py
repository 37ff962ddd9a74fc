"""Time as the application sees it: a monotonic clock for lives, a wall clock for people."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the code asks for the time; tests pass one that they can move."""

    def monotonic(self) -> float:
        """Seconds that only grow; comparable within this process alone."""
        ...

    def utcnow(self) -> datetime:
        """The wall clock, for what is shown to people."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utcnow(self) -> datetime:
        return datetime.now(UTC)
