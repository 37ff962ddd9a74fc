"""Leases: which refresher renews which shard of the connections."""

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import (
    ColumnElement,
    SmallInteger,
    Uuid,
    any_,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.identifiers import ReplicaId, Shard
from app.models.replica import ReplicaReport
from app.store.intervals import seconds
from app.store.tables import leases, replicas, takeovers

FREED = "hearth_leases"
"""Where it is announced that shards were given away (LISTEN/NOTIFY)."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many refreshers there are, ourselves too, and how many tokens they keep alive."""

    replicas: int
    live: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What we hold, each shard with its epoch, and who is there beside us."""

    epochs: dict[Shard, int]
    crowd: Crowd


class LeaseStore:
    """The tables `leases`, one row per shard, and `replicas`, one per refresher."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def report(
        self, replica: ReplicaId, report: ReplicaReport, *, ttl_seconds: float
    ) -> Crowd:
        """Say that we are there, and how we are doing. Forgets who has long been gone."""
        now = {"seen_at": func.now(), **asdict(report)}
        seen = insert(replicas).values(id=replica, **now)
        await self._tx.execute(seen.on_conflict_do_update(index_elements=["id"], set_=now))
        await self._tx.execute(
            delete(replicas).where(replicas.c.seen_at <= func.now() - seconds(10 * ttl_seconds))
        )
        present = or_(
            replicas.c.id == replica, replicas.c.seen_at > func.now() - seconds(ttl_seconds)
        )
        count = select(func.count(), func.coalesce(func.sum(replicas.c.live), 0)).where(present)
        found = (await self._tx.execute(count)).one()
        return Crowd(replicas=int(found[0]), live=int(found[1]))

    async def renew(self, owner: ReplicaId, *, ttl_seconds: float) -> dict[Shard, int]:
        """Go on holding what is ours; all of it, with its epoch."""
        statement = (
            update(leases)
            .where(leases.c.owner == owner)
            .values(expires_at=func.now() + seconds(ttl_seconds))
            .returning(leases.c.shard, leases.c.epoch)
        )
        return {Shard(row.shard): row.epoch for row in await self._tx.execute(statement)}

    async def claim(
        self, owner: ReplicaId, *, at_most: int, ttl_seconds: float, expired_too: bool
    ) -> dict[Shard, int]:
        """Take so many of what is free: what was released and, if asked for, what expired.

        A shard's epoch grows whenever it changes hands, so its holder can tell when it was away
        in between. Of two replicas that come at once, each gets rows of its own. What had expired
        is put on record as taken over.
        """
        free: ColumnElement[bool] = leases.c.owner.is_(None)
        if expired_too:
            free = or_(free, (leases.c.owner != owner) & (leases.c.expires_at <= func.now()))
        chosen = (
            select(leases.c.shard, leases.c.owner)
            .where(free)
            .order_by(leases.c.shard)
            .limit(at_most)
            .with_for_update(skip_locked=True)
            .cte("chosen")
        )
        claimed = (
            update(leases)
            .where(leases.c.shard == chosen.c.shard)
            .values(
                owner=owner,
                epoch=leases.c.epoch + 1,
                expires_at=func.now() + seconds(ttl_seconds),
            )
            .returning(leases.c.shard, leases.c.epoch, chosen.c.owner.label("before"))
            .cte("claimed")
        )
        taken_over = (
            insert(takeovers)
            .from_select(
                ["shard", "from_replica", "to_replica"],
                select(claimed.c.shard, claimed.c.before, literal(owner, Uuid)).where(
                    claimed.c.before.is_not(None)
                ),
            )
            .cte("taken_over")
        )
        statement = select(claimed.c.shard, claimed.c.epoch).add_cte(taken_over)
        return {Shard(row.shard): row.epoch for row in await self._tx.execute(statement)}

    async def release(self, owner: ReplicaId, shards: Collection[Shard]) -> None:
        """Give these up, as far as they are ours."""
        await self._tx.execute(
            update(leases)
            .where(
                leases.c.owner == owner,
                leases.c.shard == any_(literal(list(shards), ARRAY(SmallInteger))),
            )
            .values(owner=None, expires_at=func.now())
        )
        await self._announce()

    async def leave(self, replica: ReplicaId) -> None:
        """Give up all that is ours, and ourselves."""
        await self._tx.execute(
            update(leases)
            .where(leases.c.owner == replica)
            .values(owner=None, expires_at=func.now())
        )
        await self._tx.execute(delete(replicas).where(replicas.c.id == replica))
        await self._announce()

    async def _announce(self) -> None:
        """Others need not wait for their next look."""
        await self._tx.execute(select(func.pg_notify(FREED, "")))
