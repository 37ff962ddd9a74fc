"""Which share of the connections this process may renew: leases on shards, kept in Postgres."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.clock import Clock
from app.errors import DatabaseUnavailable
from app.models.identifiers import SHARD_COUNT, ReplicaId, Shard
from app.models.replica import ReplicaReport
from app.store.database import Database
from app.store.leases import Crowd, Holding, LeaseStore

log = structlog.get_logger(__name__)

_LOOKS_PER_LEASE = 3
_ASK_WITHIN_SECONDS = 2.0
_RELEASE_WITHIN_SECONDS = 1.0
_ASK_WITHIN_LEASES = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """What came and went since the last look. A shard may be in both: it was away in between.

    `surplus` is what others should have: it stays ours until it is handed over. `back`: the
    database was away and is in touch again.
    """

    gained: frozenset[Shard] = frozenset()
    gone: frozenset[Shard] = frozenset()
    surplus: frozenset[Shard] = frozenset()
    back: bool = False


def fair_share(replicas: int) -> int:
    """How many shards each of so many refreshers should have, at most."""
    return -(-SHARD_COUNT // max(replicas, 1))


class Shares:
    """This process's leases. No lock is held in the database between two looks.

    A lease lasts `lease_seconds`; to renew it in time, look every `look_every_seconds`. `report`
    is how this process is doing, for others to see.
    """

    def __init__(
        self,
        *,
        replica: ReplicaId,
        database: Database,
        clock: Clock,
        lease_seconds: float,
        report: Callable[[], ReplicaReport],
    ) -> None:
        self.replica = replica
        self.lease_seconds = lease_seconds
        self.look_every_seconds = lease_seconds / _LOOKS_PER_LEASE
        self.crowd = Crowd(replicas=1, live=0)
        self._database = database
        self._report = report
        self._clock = clock
        self._epochs: dict[Shard, int] = {}
        self._leaving: frozenset[Shard] = frozenset()
        self._held_at = float("-inf")
        self._in_touch_since: float | None = None
        self._away_since: float | None = None

    def holds(self, shard: Shard) -> bool:
        return shard in self._epochs

    def held(self) -> list[Shard]:
        return list(self._epochs)

    @property
    def leaving(self) -> frozenset[Shard]:
        """What is being handed over: nothing is begun there any more."""
        return self._leaving

    @property
    def away_seconds(self) -> float:
        """For how long the database has been away; 0 when in touch."""
        return 0.0 if self._away_since is None else self._clock.monotonic() - self._away_since

    async def hold(self) -> Change:
        """Renew our leases, and take of what is free as much as is our share.

        What others let expire is left to them for one lease's length after the database has come
        (back) into sight: it was away for them as well, and they may have much to write down.
        While the database is away for everyone, what we hold stays ours.
        """
        asked_at = self._clock.monotonic()
        away = self._in_touch_since is None
        try:
            holding = await self._ask(asked_at)
        except (DatabaseUnavailable, TimeoutError):
            if away or self._clock.monotonic() - asked_at < self.lease_seconds:
                self._lost_touch(asked_at)
            return Change()  # else it was we who stood still; nothing is renewed before we know
        epochs = holding.epochs
        before, self._epochs, self._held_at = self._epochs, epochs, asked_at
        back, self._away_since = self._away_since is not None, None
        self.crowd = holding.crowd
        if self._in_touch_since is None:
            self._in_touch_since = asked_at
        gained = {shard for shard, epoch in epochs.items() if before.get(shard) != epoch}
        gone = {shard for shard, epoch in before.items() if epochs.get(shard) != epoch}
        if gained or gone:
            log.info("shards_changed", gained=len(gained), gone=len(gone), held=len(epochs))
        return Change(frozenset(gained), frozenset(gone), self._surplus(epochs), back)

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
        return away or self._clock.monotonic() - self._held_at < self.lease_seconds

    def begin_leaving(self, shards: frozenset[Shard]) -> None:
        """From now on nothing is begun in these."""
        self._leaving = shards

    async def finish_leaving(self, *, give_up: bool) -> None:
        """Let others have what was handed over; or keep it, when that took too long.

        Raises DatabaseUnavailable or TimeoutError; the shards then stay ours.
        """
        shards = self._leaving
        try:
            if give_up:
                return
            async with asyncio.timeout(_ASK_WITHIN_SECONDS), self._database.statement() as tx:
                await LeaseStore(tx).release(self.replica, shards)
            for shard in shards:
                self._epochs.pop(shard, None)
        finally:
            self._leaving = frozenset()
        log.info("shards_handed_over", shards=len(shards), held=len(self._epochs))

    async def release(self) -> None:
        """Let others take over at once instead of after the leases' end."""
        try:
            async with asyncio.timeout(_RELEASE_WITHIN_SECONDS), self._database.transaction() as tx:
                await LeaseStore(tx).leave(self.replica)
        except (DatabaseUnavailable, TimeoutError):
            log.warning("leases_not_released", reason="database_unavailable")
        self._epochs = {}

    def _lost_touch(self, now: float) -> None:
        if self._in_touch_since is not None:
            log.warning("database_away", holding_shards=len(self._epochs))
        self._in_touch_since = None
        if self._away_since is None:
            self._away_since = now

    def _surplus(self, epochs: dict[Shard, int]) -> frozenset[Shard]:
        """The last ones; nothing while there is something on its way already."""
        if self._leaving:
            return frozenset()
        return frozenset(sorted(epochs)[fair_share(self.crowd.replicas) :])

    async def _ask(self, now: float) -> Holding:
        """Leases are renewed in a statement of their own, so that nothing else can undo that."""
        since, ttl = self._in_touch_since, self.lease_seconds
        within = _ASK_WITHIN_SECONDS
        if since is not None:  # whoever waits for a lease's length has to stop renewing meanwhile
            within = min(within, ttl * _ASK_WITHIN_LEASES)
        async with asyncio.timeout(within), self._database.statement() as tx:
            store = LeaseStore(tx)
            epochs = await store.renew(self.replica, ttl_seconds=ttl)
            crowd = await store.report(self.replica, self._report(), ttl_seconds=ttl)
            missing = fair_share(crowd.replicas) - len(epochs)
            if missing > 0 and not self._leaving:
                epochs |= await store.claim(
                    self.replica,
                    at_most=missing,
                    ttl_seconds=ttl,
                    expired_too=since is not None and now - since >= ttl,
                )
        return Holding(epochs, crowd)
