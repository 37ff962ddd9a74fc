"""Which share of the connections this process may renew: leases on shards, kept in Postgres."""

import asyncio
from dataclasses import dataclass

import structlog

from app.clock import Clock
from app.errors import DatabaseUnavailable
from app.models.identifiers import ReplicaId, Shard
from app.store.database import Database
from app.store.leases import LeaseStore

log = structlog.get_logger(__name__)

LEASE_SECONDS = 6.0
RENEW_LEASE_EVERY_SECONDS = 2.0
_ASK_WITHIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Change:
    """What came and went since the last look. A shard may be in both: it was away in between."""

    gained: frozenset[Shard]
    gone: frozenset[Shard]


class Shares:
    """This process's leases. No lock is held in the database between two looks."""

    def __init__(self, *, replica: ReplicaId, database: Database, clock: Clock) -> None:
        self._replica = replica
        self._database = database
        self._clock = clock
        self._epochs: dict[Shard, int] = {}
        self._held_at = float("-inf")
        self._in_touch_since: float | None = None

    def holds(self, shard: Shard) -> bool:
        return shard in self._epochs

    def held(self) -> list[Shard]:
        return list(self._epochs)

    async def hold(self) -> Change:
        """Renew our leases and take what is free.

        What others let expire is left to them for one lease's length after the database has come
        (back) into sight: it was away for them as well, and they may have much to write down.
        While the database is away for everyone, what we hold stays ours.
        """
        asked_at = self._clock.monotonic()
        try:
            epochs = await self._ask(asked_at)
        except (DatabaseUnavailable, TimeoutError):
            if self._in_touch_since is not None:
                log.warning("database_away", holding_shards=len(self._epochs))
            self._in_touch_since = None
            return Change(frozenset(), frozenset())
        before, self._epochs, self._held_at = self._epochs, epochs, asked_at
        if self._in_touch_since is None:
            self._in_touch_since = asked_at
        gained = {shard for shard, epoch in epochs.items() if before.get(shard) != epoch}
        gone = {shard for shard, epoch in before.items() if epochs.get(shard) != epoch}
        if gained or gone:
            log.info("shards_changed", gained=len(gained), gone=len(gone))
        return Change(frozenset(gained), frozenset(gone))

    def forget(self, shards: frozenset[Shard]) -> None:
        """Treat these as not held, so that the next look gains them once more."""
        for shard in shards:
            self._epochs.pop(shard, None)

    def may_renew(self) -> bool:
        """Whether our leases can be trusted at this moment.

        False after this process was stalled for longer than a lease lasts: then somebody else
        may have taken over, and we have to look before we renew.
        """
        away = self._in_touch_since is None
        return away or self._clock.monotonic() - self._held_at < LEASE_SECONDS

    async def release(self) -> None:
        """Let others take over at once instead of after the leases' end."""
        try:
            async with asyncio.timeout(_ASK_WITHIN_SECONDS), self._database.statement() as tx:
                await LeaseStore(tx).release(self._replica)
        except (DatabaseUnavailable, TimeoutError):
            log.warning("leases_not_released", reason="database_unavailable")
        self._epochs = {}

    async def _ask(self, now: float) -> dict[Shard, int]:
        since = self._in_touch_since
        async with asyncio.timeout(_ASK_WITHIN_SECONDS), self._database.statement() as tx:
            return await LeaseStore(tx).hold(
                self._replica,
                ttl_seconds=LEASE_SECONDS,
                claim_expired=since is not None and now - since >= LEASE_SECONDS,
            )
