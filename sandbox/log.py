"""What happened, newest first, and how often."""

from collections import Counter, deque
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from sandbox.clock import Clock, rfc3339
from sandbox.directory import User

Kind = Literal[
    "authorize",
    "exchange",
    "refresh",
    "refused",
    "api",
    "fault",
    "message",
    "signed",
    "control",
]

_ENTRIES_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. It never holds a whole token, code or secret."""

    number: int
    time: float
    kind: Kind
    outcome: str
    user: str | None
    token: str | None

    def as_json(self) -> dict[str, object]:
        """The form in which the control API shows it."""
        return {
            "number": self.number,
            "time": rfc3339(self.time),
            "kind": self.kind,
            "outcome": self.outcome,
            "user": self.user,
            "token": self.token,
        }


class Log:
    """A bounded journal, and counters that are not bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=_ENTRIES_KEPT)
        self._number = 0
        self.counters: Counter[str] = Counter(
            authorizations=0,
            tokenRequests=0,
            exchanges=0,
            refreshes=0,
            refusals=0,
            apiCalls=0,
            faults=0,
            messages=0,
        )
        self.refusals: Counter[str] = Counter()

    def add(
        self, kind: Kind, outcome: str, *, user: User | None = None, token: str | None = None
    ) -> None:
        """Write an entry; ``token`` is shortened to its last four characters here."""
        self._number += 1
        name = user.name if user else None
        tail = token[-4:] if token else None
        self._entries.appendleft(Entry(self._number, self._clock.now(), kind, outcome, name, tail))

    def count(self, counter: str) -> None:
        """Count one more of something."""
        self.counters[counter] += 1

    def refused(self, cause: str, outcome: str, *, user: User | None, token: str | None) -> None:
        """Write and count a refusal of the token endpoint, by its cause."""
        self.counters["refusals"] += 1
        self.refusals[cause] += 1
        self.add("refused", outcome, user=user, token=token)

    def newest(self, limit: int) -> list[Entry]:
        """The last ``limit`` entries, newest first."""
        return list(islice(self._entries, limit))
