"""The sandbox's own time, which can be moved forward."""

import time
from datetime import UTC, datetime


class Clock:
    """Wall-clock time plus what was added with :meth:`advance`; it never runs backwards."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()
        self._advanced = 0.0

    @property
    def advanced(self) -> float:
        """Seconds by which this clock is ahead of the real one."""
        return self._advanced

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._start + time.monotonic() + self._advanced

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` (not negative) pass at once."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._advanced += seconds


def rfc3339(moment: float) -> str:
    """Write seconds since the epoch as ``2026-01-31T12:00:00.000Z``."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
