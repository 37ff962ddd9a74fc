"""What a refresher has done since it started, in plain numbers that cost next to nothing to keep.

Whoever publishes them (`GET /metrics`) reads them; nobody but the refresher writes them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from app.models.connection import LossCause

_MINIMUM_OVER_SECONDS = 60.0

LIFE_LEFT_BOUNDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
"""Upper bounds of the buckets for what was left at a renewal, as shares of a life."""

LATENESS_BOUNDS = (0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets for how late renewals are begun, in seconds."""


class Histogram:
    """Counts per bucket: the last one holds what is above every bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class RecentMinimum:
    """The smallest value of the last one to two minutes."""

    def __init__(self) -> None:
        self._since = float("-inf")
        self._former: float | None = None
        self._current: float | None = None

    def observe(self, value: float, *, now: float) -> None:
        self._turn(now)
        if self._current is None or value < self._current:
            self._current = value

    def read(self, *, now: float) -> float | None:
        """None when there was nothing."""
        self._turn(now)
        found = [one for one in (self._former, self._current) if one is not None]
        return min(found) if found else None

    def _turn(self, now: float) -> None:
        passed = now - self._since
        if passed >= _MINIMUM_OVER_SECONDS:
            self._former = self._current if passed < 2 * _MINIMUM_OVER_SECONDS else None
            self._current = None
            self._since = now


class Stats:
    """Counters since the start.

    `seconds_left` is what was left of a token's life, in seconds, when its renewal was sent,
    `lateness` how many seconds it had waited for its turn by then.
    `failures` counts attempts that brought no token, by reason; `duplicates` renewals whose
    result somebody else's renewal had overtaken.
    """

    def __init__(self, *, life_seconds: float) -> None:
        self.seconds_left = Histogram([life_seconds * share for share in LIFE_LEFT_BOUNDS])
        self.lateness = Histogram(LATENESS_BOUNDS)
        self.least_seconds_left = RecentMinimum()
        self.renewals = 0
        self.failures: Counter[str] = Counter()
        self.losses: Counter[LossCause] = Counter()
        self.duplicates = 0
        self.shards_gained = 0
        self.shards_gone = 0

    def sent(self, *, seconds_left: float, now: float) -> None:
        """A renewal was sent when its token had so many seconds left."""
        self.seconds_left.observe(seconds_left)
        self.least_seconds_left.observe(seconds_left, now=now)
