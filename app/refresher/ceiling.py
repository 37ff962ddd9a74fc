"""The operator's ceiling for the whole deployment, and who is let go when it is too low."""

import structlog

from app.clock import Clock
from app.connections.live import LiveTokens
from app.refresher.pace import Pace
from app.refresher.renewals import Renewals
from app.refresher.shares import Shares
from app.store.database import Database
from app.store.usage import UsageStore

log = structlog.get_logger(__name__)

_NEAR = 0.8


class Ceiling:
    """Divides REFRESHER_RATE_PER_SECOND by how many tokens each refresher keeps alive."""

    def __init__(
        self,
        *,
        rate_per_second: float | None,
        pace: Pace,
        renewals: Renewals,
        live: LiveTokens,
        shares: Shares,
        database: Database,
        clock: Clock,
    ) -> None:
        self._rate = rate_per_second
        self._pace = pace
        self._renewals = renewals
        self._live = live
        self._shares = shares
        self._database = database
        self._clock = clock
        self._too_many_since: float | None = None
        self._is_near = False
        self._was_throttled = False

    async def look(self) -> None:
        """Take our part of the ceiling, warn before it is reached, let go of what does not fit.

        Raises DatabaseUnavailable: who has not been used for longest is known there alone.
        """
        self._warn_when_throttled()
        if self._rate is None:
            return
        ours = len(self._live)
        everyone = max(self._shares.crowd.live, ours, 1)
        part = ours / everyone if ours else 1 / self._shares.crowd.replicas
        self._pace.set_ceiling(self._rate * part, now=self._clock.monotonic())
        capacity = self._pace.capacity() or 0
        self._warn_when_near(everyone, int(capacity / part))
        await self._let_go(ours - capacity)

    async def _let_go(self, too_many: int) -> None:
        """Once it has lasted: while shards change hands, some are counted twice for a moment, and
        for a moment those who were let go are still counted."""
        now = self._clock.monotonic()
        if too_many <= 0 or self._shares.leaving:
            self._too_many_since = None
            return
        if self._too_many_since is None:
            self._too_many_since = now
        if now - self._too_many_since < 2 * self._shares.lease_seconds:
            return
        async with self._database.statement() as tx:
            unused = await UsageStore(tx).least_recent(self._shares.held(), too_many)
        count = sum(self._renewals.let_go(connection_id) for connection_id in unused)
        log.error("connections_let_go", count=count, rate_per_second=self._rate)
        self._too_many_since = None

    def _warn_when_near(self, everyone: int, capacity: int) -> None:
        was_near, self._is_near = self._is_near, everyone > _NEAR * capacity
        if self._is_near and not was_near:
            log.warning(
                "ceiling_near",
                connections=everyone,
                at_connections=capacity,
                rate_per_second=self._rate,
                remedy="Ask Infobip for a higher rate and set REFRESHER_RATE_PER_SECOND to it.",
            )

    def _warn_when_throttled(self) -> None:
        was_throttled, self._was_throttled = self._was_throttled, self._pace.is_throttled
        if self._was_throttled and not was_throttled:
            log.warning(
                "infobip_throttles",
                connections=len(self._live),
                remedy="If Infobip's limit is known, set REFRESHER_RATE_PER_SECOND: then the "
                "least recently used connections are let go first, not those whose turn it is.",
            )
