"""Tokens that are due and wait to be sent: nearest expiry first, as fast as the pace allows."""

import heapq
from collections.abc import Callable
from itertools import count

from app.connections.live import LiveToken
from app.refresher.pace import Pace
from app.refresher.stats import Histogram

_Entry = tuple[float, int, float, LiveToken]
_AT_ONCE = float("-inf")
_LATE = 0.55


class Line:
    """`is_current` tells whether a token is still its connection's; others are passed over.
    `lateness` is told for how long each that is taken has been due."""

    def __init__(
        self, *, pace: Pace, is_current: Callable[[LiveToken], bool], lateness: Histogram
    ) -> None:
        self._pace = pace
        self._is_current = is_current
        self._lateness = lateness
        self._first_attempts: list[_Entry] = []
        self._retries: list[_Entry] = []
        self._number = count()

    def __len__(self) -> int:
        return len(self._first_attempts) + len(self._retries)

    def add(self, token: LiveToken, *, due: float, at_once: bool = False) -> None:
        """`due`: since when. `at_once`: before all others."""
        heap = self._retries if token.failures else self._first_attempts
        place = _AT_ONCE if at_once else token.sent + token.life
        heapq.heappush(heap, (place, next(self._number), due, token))

    def move_up(self, token: LiveToken) -> bool:
        """Put one that waits before all others; whether it was here."""
        for heap in (self._first_attempts, self._retries):
            for index, (_, number, due, one) in enumerate(heap):
                if one is token:
                    heap[index] = (_AT_ONCE, number, due, token)
                    heapq.heapify(heap)
                    return True
        return False

    def ready(self, now: float) -> int:
        """How many of those that wait the pace lets through now."""
        retries = min(len(self._retries), self._pace.retries_left(now))
        left = self._pace.left(now, stretched=self.stretched(now))
        return int(min(len(self._first_attempts) + retries, left))

    def take(self, now: float) -> LiveToken | None:
        """The next that may be sent now, if there is one."""
        for heap in self._nearest_expiry_first():
            _, _, due, token = heap[0]
            age = (now - token.sent) / token.life
            if self._pace.may_send(now, retry=heap is self._retries, stretched=age):
                heapq.heappop(heap)
                self._lateness.observe(now - due)
                return token
        return None

    def stretched(self, now: float) -> float:
        """How far into its life the one is that is nearest to its end; 0 when nobody waits."""
        heads = (heap[0][-1] for heap in (self._first_attempts, self._retries) if heap)
        return max(((now - token.sent) / token.life for token in heads), default=0.0)

    def late(self, now: float) -> int:
        """How many have passed half of their lives by more than what spreads renewals."""
        heaps = (self._first_attempts, self._retries)
        return sum(now - token.sent > _LATE * token.life for heap in heaps for *_, token in heap)

    def _nearest_expiry_first(self) -> list[list[_Entry]]:
        """The heaps with something in them, once those are gone that are nobody's any more."""
        heaps = []
        for heap in (self._first_attempts, self._retries):
            while heap and not self._is_current(heap[0][-1]):
                heapq.heappop(heap)
            if heap:
                heaps.append(heap)
        if len(heaps) == 2 and self._retries[0] < self._first_attempts[0]:
            heaps.reverse()
        return heaps
