"""Things that are kept for a while and then forgotten."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.clock import Clock

T = TypeVar("T")

_SWEPT_PER_CALL = 8


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    value: T
    expires_at: float


class Shelf(Generic[T]):
    """A dictionary whose entries expire.

    Each ``put`` also drops a few of the oldest expired entries, so that memory follows the number
    of live ones while no single call pays for a big clean-up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()

    def put(self, key: str, value: T, *, seconds: float) -> None:
        """Keep ``value`` under ``key`` for ``seconds``."""
        now = self._clock.now()
        self._sweep(now)
        self._entries[key] = _Entry(value, now + seconds)

    def get(self, key: str) -> T | None:
        """Return what is kept under ``key``, unless its time is over."""
        entry = self._entries.get(key)
        if entry is None or entry.expires_at <= self._clock.now():
            return None
        return entry.value

    def pop(self, key: str) -> T | None:
        """Take ``key`` off the shelf."""
        value = self.get(key)
        self._entries.pop(key, None)
        return value

    def __len__(self) -> int:
        return len(self._entries)

    def _sweep(self, now: float) -> None:
        for _ in range(_SWEPT_PER_CALL):
            key = next(iter(self._entries), None)
            if key is None or self._entries[key].expires_at > now:
                return
            del self._entries[key]
