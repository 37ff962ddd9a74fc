"""Which share of the connections this process may renew: leases on shards, kept in Postgres."""

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


@dataclass(frozen=True, slots=True)
class Change:
    """What came and went since the last look."""

    gained: frozenset[Shard]
    gone: frozenset[Shard]


class Shares:
    """This process's leases. No lock is held in the database between two looks."""

    def __init__(self, *, replica: ReplicaId, database: Database, clock: Clock) -> None:
        self._replica = replica
        self._database = database
        self._clock = clock
        self.held: frozenset[Shard] = frozenset()
        self._held_at = float("-inf")
        self._database_away = False

    async def hold(self) -> Change:
        """Renew our leases and take what is free.

        While the database is away nobody else can take anything, so what we hold stays ours.
        """
        asked_at = self._clock.monotonic()
        try:
            async with self._database.statement() as tx:
                held = frozenset(
                    await LeaseStore(tx).hold(self._replica, ttl_seconds=LEASE_SECONDS)
                )
        except DatabaseUnavailable:
            if not self._database_away:
                log.warning("database_away", holding_shards=len(self.held))
            self._database_away = True
            return Change(frozenset(), frozenset())
        change = Change(gained=held - self.held, gone=self.held - held)
        self.held, self._held_at, self._database_away = held, asked_at, False
        if change.gained or change.gone:
            log.info("shards_changed", gained=len(change.gained), gone=len(change.gone))
        return change

    def forget(self, shards: frozenset[Shard]) -> None:
        """Treat these as not held, so that the next look gains them once more."""
        self.held -= shards

    def may_renew(self) -> bool:
        """Whether our leases can be trusted at this moment.

        False after this process was stalled for longer than a lease lasts: then somebody else
        may have taken over, and we have to look before we renew.
        """
        return self._database_away or self._clock.monotonic() - self._held_at < LEASE_SECONDS

    async def release(self) -> None:
        """Let others take over at once instead of after the leases' end."""
        try:
            async with self._database.statement() as tx:
                await LeaseStore(tx).release(self._replica)
        except DatabaseUnavailable:
            log.warning("leases_not_released", reason="database_unavailable")
        self.held = frozenset()
