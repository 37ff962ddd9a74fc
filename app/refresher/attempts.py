"""Attempts to renew a token: those that are waited for, and those that are merely listened to."""

import math
from collections.abc import Collection

import msgspec

from app.connections.live import LiveToken
from app.models.identifiers import Shard


class Attempt(msgspec.Struct, eq=False, gc=False):
    """A request to renew this generation of a token, sent at this time (see `LiveToken`).

    `until`: when it is given up and another one may be made; infinite where its own time limit
    ends it. What it brings after that is taken all the same: where the old token dies at once, it
    is the only live one.
    """

    token: LiveToken
    generation: int
    sent: float
    until: float = math.inf
    is_given_up: bool = False

    @property
    def is_of_use(self) -> bool:
        """Whether none that was sent later has been granted."""
        return self.generation == self.token.generation or self.sent > self.token.sent


class Attempts:
    """All whose answers may still come, of which at most one for each token is waited for."""

    def __init__(self) -> None:
        self._awaited: dict[LiveToken, Attempt] = {}
        self._given_up: set[Attempt] = set()

    def __len__(self) -> int:
        return len(self._awaited) + len(self._given_up)

    def begin(self, attempt: Attempt) -> None:
        self._awaited[attempt.token] = attempt

    def end(self, attempt: Attempt) -> None:
        if attempt.is_given_up:
            self._given_up.discard(attempt)
        else:
            del self._awaited[attempt.token]

    def give_up(self, now: float) -> list[Attempt]:
        """Those that have taken too long by now; they are listened to from now on."""
        overdue = [attempt for attempt in self._awaited.values() if attempt.until <= now]
        for attempt in overdue:
            attempt.is_given_up = True
            del self._awaited[attempt.token]
            self._given_up.add(attempt)
        return overdue

    def awaits(self, token: LiveToken) -> bool:
        return token in self._awaited

    def listens_for(self, token: LiveToken) -> bool:
        """Whether one that was given up may still bring something."""
        return any(one.token.key == token.key and one.is_of_use for one in self._given_up)

    def has(self, token: LiveToken) -> bool:
        return self.awaits(token) or self.listens_for(token)

    def awaits_any_of(self, shards: Collection[Shard]) -> bool:
        return any(token.shard in shards for token in self._awaited)
