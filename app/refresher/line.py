"""Tokens that are due and wait to be sent: nearest expiry first, as fast as the pace allows."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain

from app.connections.live import LiveToken
from app.refresher.pace import Pace
from app.refresher.stats import Histogram

_Entry = tuple[float, LiveToken, int]
"""Since when it is due, the token, and its generation."""

_AT_ONCE = -1
_PLACE_SECONDS = 0.1
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
        self._first_attempts = _Queue()
        self._retries = _Queue()

    def __len__(self) -> int:
        return len(self._first_attempts) + len(self._retries)

    def add(self, token: LiveToken, *, due: float, at_once: bool = False) -> None:
        """`due`: since when. `at_once`: before all others."""
        queue = self._retries if token.failures else self._first_attempts
        queue.push(_AT_ONCE if at_once else _place(token), (due, token, token.generation))

    def move_up(self, token: LiveToken) -> bool:
        """Put one that waits before all others; whether it was here."""
        return any(queue.move_up(token) for queue in (self._first_attempts, self._retries))

    def ready(self, now: float) -> int:
        """How many of those that wait the pace lets through now."""
        retries = min(len(self._retries), self._pace.retries_left(now))
        left = self._pace.left(now, stretched=self.stretched(now))
        return int(min(len(self._first_attempts) + retries, left))

    def take(self, now: float) -> LiveToken | None:
        """The next that may be sent now, if there is one."""
        for queue in self._nearest_expiry_first():
            due, token, _ = queue.head
            age = (now - token.sent) / token.life
            if self._pace.may_send(now, retry=queue is self._retries, stretched=age):
                queue.pop()
                self._lateness.observe(now - due)
                return token
        return None

    def stretched(self, now: float) -> float:
        """How far into its life the one is that is nearest to its end; 0 when nobody waits."""
        heads = (queue.head[1] for queue in (self._first_attempts, self._retries) if queue)
        return max(((now - token.sent) / token.life for token in heads), default=0.0)

    def late(self, now: float) -> int:
        """How many have passed half of their lives by more than what spreads renewals."""
        waiting = chain(self._first_attempts, self._retries)
        return sum(now - token.sent > _LATE * token.life for _, token, _ in waiting)

    def _is_to_be_sent(self, entry: _Entry) -> bool:
        _, token, generation = entry
        return token.generation == generation and self._is_current(token)

    def _nearest_expiry_first(self) -> list["_Queue"]:
        """The queues with something in them, once those are gone that need not be sent: nobody's
        any more, or renewed meanwhile by an attempt that had been given up."""
        queues = []
        for queue in (self._first_attempts, self._retries):
            while queue and not self._is_to_be_sent(queue.head):
                queue.pop()
            if queue:
                queues.append(queue)
        if len(queues) == 2 and self._retries.place < self._first_attempts.place:
            queues.reverse()
        return queues


class _Queue:
    """Entries by their places, lowest first; those of one place as they came. Where a hundred
    thousand wait after an outage, that is a tenth of a renewal cheaper than a heap of them."""

    def __init__(self) -> None:
        self._places: list[int] = []  # a heap
        self._at: dict[int, deque[_Entry]] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[_Entry]:
        return chain.from_iterable(self._at.values())

    @property
    def place(self) -> int:
        """Of the first."""
        return self._places[0]

    @property
    def head(self) -> _Entry:
        return self._at[self._places[0]][0]

    def push(self, place: int, entry: _Entry) -> None:
        entries = self._at.get(place)
        if entries is None:
            entries = self._at[place] = deque()
            heapq.heappush(self._places, place)
        entries.append(entry)
        self._length += 1

    def pop(self) -> None:
        """Take out the first."""
        place = self._places[0]
        entries = self._at[place]
        entries.popleft()
        self._length -= 1
        if not entries:
            heapq.heappop(self._places)
            del self._at[place]

    def move_up(self, token: LiveToken) -> bool:
        """Whether it is here, and before all others now."""
        for place, entries in self._at.items():
            for entry in entries:
                if entry[1] is token and entry[2] == token.generation:
                    entries.remove(entry)
                    self._forget_if_empty(place)
                    self._length -= 1
                    self.push(_AT_ONCE, entry)
                    return True
        return False

    def _forget_if_empty(self, place: int) -> None:
        if not self._at[place]:
            del self._at[place]
            self._places.remove(place)
            heapq.heapify(self._places)


def _place(token: LiveToken) -> int:
    return int((token.sent + token.life) / _PLACE_SECONDS)
