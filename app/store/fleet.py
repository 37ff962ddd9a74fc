"""All refreshers at a glance, for people who look."""

from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.connection import LossCause
from app.models.identifiers import ReplicaId
from app.models.replica import Fleet, Replica, ReplicaReport
from app.models.timeline import TimelineEvent
from app.store.intervals import seconds
from app.store.tables import leases, replicas, timeline

_LOSSES_WITHIN_SECONDS = 3_600


class FleetStore:
    """Reads the tables `replicas`, `leases` and `timeline`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def look(self) -> Fleet:
        """Who is there, or was a moment ago; the oldest first."""
        owned = (
            select(leases.c.owner, func.count().label("shards")).group_by(leases.c.owner).subquery()
        )
        statement = (
            select(replicas, func.coalesce(owned.c.shards, 0).label("shards"))
            .join(owned, owned.c.owner == replicas.c.id, isouter=True)
            .order_by(replicas.c.started_at, replicas.c.id)
        )
        return Fleet(
            replicas=[_replica(row) for row in await self._tx.execute(statement)],
            held=await self._held(),
            losses=await self._losses(),
        )

    async def _held(self) -> int:
        held = (
            select(func.count())
            .select_from(leases)
            .where(leases.c.owner.is_not(None), leases.c.expires_at > func.now())
        )
        return int((await self._tx.execute(held)).scalar_one())

    async def _losses(self) -> dict[LossCause, int]:
        """By cause, the most frequent first."""
        number = func.count()
        lost = (
            select(timeline.c.cause, number)
            .where(
                timeline.c.at > func.now() - seconds(_LOSSES_WITHIN_SECONDS),
                timeline.c.event == TimelineEvent.LOST,
            )
            .group_by(timeline.c.cause)
            .order_by(number.desc(), timeline.c.cause)
        )
        return {LossCause(row[0]): row[1] for row in await self._tx.execute(lost)}


def _replica(row: Row[Any]) -> Replica:
    return Replica(
        id=ReplicaId(row.id),
        started_at=row.started_at,
        seen_at=row.seen_at,
        shards=row.shards,
        report=ReplicaReport(
            live=row.live,
            waiting=row.waiting,
            unwritten=row.unwritten,
            least_seconds_left=row.least_seconds_left,
            rate_ceiling=row.rate_ceiling,
            capacity=row.capacity,
        ),
    )
