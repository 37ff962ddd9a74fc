"""The last hour at a glance, kept in memory: what the operator's page draws.

Each process that serves keeps its own. Connections are counted over all refreshers; renewals are
those of this process, which is all that it knows while the database is away.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.admin.overview import Overview
from app.clock import Clock
from app.errors import DatabaseUnavailable
from app.metrics import Watched
from app.models.connection import ConnectionStatus
from app.models.replica import Replica

_EVERY_SECONDS = 5.0
_MOMENTS = 720
_RECENT_MOMENTS = 12
_COUNT_EVERY_SECONDS = 15.0
_GONE_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How it was. Renewals, failures and `seconds_left` count from this process's start.

    `live` and `least_seconds_left` are of all refreshers; while the database is away, of the one
    in this process; None where nobody knows.
    """

    at: datetime
    database: bool
    live: int | None
    least_seconds_left: float | None
    renewals: int
    failures: int
    seconds_left: tuple[int, ...]


class History:
    """`refresher` is None where this process has none."""

    def __init__(self, *, overview: Overview, refresher: Watched | None, clock: Clock) -> None:
        self._overview = overview
        self._refresher = refresher
        self._clock = clock
        self._moments: deque[Moment] = deque(maxlen=_MOMENTS)
        self._counts: Mapping[ConnectionStatus, int] | None = None
        self._counted = float("-inf")

    async def follow(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_SECONDS)

    async def look(self) -> None:
        """Take in how it is now."""
        try:
            replicas = _present((await self._overview.fleet()).replicas)
        except DatabaseUnavailable:
            self._moments.append(self._as_this_process_knows())
            return
        least = [
            replica.report.least_seconds_left
            for replica in replicas
            if replica.report.least_seconds_left is not None
        ]
        live = sum(replica.report.live for replica in replicas)
        self._moments.append(self._moment(True, live, min(least, default=None)))

    def _as_this_process_knows(self) -> Moment:
        if self._refresher is None:
            return self._moment(False, None, None)
        status = self._refresher.status()
        return self._moment(False, status.live, status.least_seconds_left)

    def _moment(self, database: bool, live: int | None, least: float | None) -> Moment:
        stats = self._refresher.stats if self._refresher else None
        return Moment(
            at=self._clock.utcnow(),
            database=database,
            live=live,
            least_seconds_left=least,
            renewals=stats.renewals if stats else 0,
            failures=sum(stats.failures.values()) if stats else 0,
            seconds_left=tuple(stats.seconds_left.counts) if stats else (),
        )

    @property
    def moments(self) -> Sequence[Moment]:
        """The oldest first."""
        return tuple(self._moments)

    @property
    def recent(self) -> Sequence[Moment]:
        """Those of the last minute."""
        return self.moments[-_RECENT_MOMENTS:]

    @property
    def bounds(self) -> Sequence[float]:
        """Upper bounds of `seconds_left`; its last count is what was above them all."""
        return self._refresher.stats.seconds_left.bounds if self._refresher else ()

    @property
    def renews(self) -> bool:
        """Whether this process has a refresher."""
        return self._refresher is not None

    async def counts(self) -> Mapping[ConnectionStatus, int] | None:
        """How many connections there are, right to a quarter of a minute; None when not known.

        Counting goes over all of them, so many who look at once have it done only once.
        """
        now = self._clock.monotonic()
        if now - self._counted >= _COUNT_EVERY_SECONDS:
            self._counted = now
            try:
                self._counts = await self._overview.count_connections()
            except DatabaseUnavailable:
                self._counts = None
        return self._counts


def _present(replicas: Sequence[Replica]) -> Sequence[Replica]:
    """Without those that others have outlived: what they renewed is counted there by now."""
    latest = max((replica.seen_at for replica in replicas), default=None)
    return [one for one in replicas if latest is None or latest - one.seen_at < _GONE_AFTER]
