"""Leases: which refresher renews which shard of the connections."""

from sqlalchemy import ColumnElement, case, func, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.identifiers import ReplicaId, Shard
from app.store.intervals import seconds
from app.store.tables import leases


class LeaseStore:
    """The table `leases`, one row per shard."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def hold(
        self, owner: ReplicaId, *, ttl_seconds: float, claim_expired: bool
    ) -> dict[Shard, int]:
        """Renew what is ours and take what is free; all that we hold now, with its epoch.

        Free is what was released and, if asked for, what somebody else let expire. A shard's
        epoch grows whenever it changes hands, so its holder can tell when it was away in between.
        One statement: of two replicas that come at once, one gets a row and the other,
        who waited for it, finds that it no longer qualifies.
        """
        ours = leases.c.owner == owner
        free: ColumnElement[bool] = leases.c.owner.is_(None)
        if claim_expired:
            free = or_(free, leases.c.expires_at <= func.now())
        statement = (
            update(leases)
            .where(or_(ours, free))
            .values(
                owner=owner,
                epoch=leases.c.epoch + case((ours, 0), else_=1),
                expires_at=func.now() + seconds(ttl_seconds),
            )
            .returning(leases.c.shard, leases.c.epoch)
        )
        rows = await self._tx.execute(statement)
        return {Shard(row.shard): row.epoch for row in rows}

    async def release(self, owner: ReplicaId) -> None:
        """Give up what is ours, and only that."""
        await self._tx.execute(
            update(leases).where(leases.c.owner == owner).values(owner=None, expires_at=func.now())
        )
