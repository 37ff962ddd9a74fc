"""When connections were last used."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Float, SmallInteger, Uuid, any_, column, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.connection import ConnectionStatus
from app.models.identifiers import ConnectionId, Shard
from app.store.intervals import seconds
from app.store.tables import connections, tokens


class UsageStore:
    """The column `last_used_at` of the table `connections`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def note(self, ages: Mapping[ConnectionId, float]) -> None:
        """They were used so many seconds ago, unless a later use is known already."""
        used = func.unnest(
            literal(list(ages), ARRAY(Uuid)), literal(list(ages.values()), ARRAY(Float))
        ).table_valued(column("id", Uuid), column("age", Float), name="used")
        used = used.render_derived()  # else both of its columns are called `unnest`
        latest = func.greatest(connections.c.last_used_at, func.now() - seconds(used.c.age))
        await self._tx.execute(
            update(connections).where(connections.c.id == used.c.id).values(last_used_at=latest)
        )

    async def least_recent(self, shards: Sequence[Shard], at_most: int) -> list[ConnectionId]:
        """So many of these shards' live connections: those whose last use is longest ago.

        To connect is to use it as well.
        """
        last = func.greatest(connections.c.last_used_at, connections.c.connected_at)
        statement = (
            select(connections.c.id)
            .join(tokens, tokens.c.connection_id == connections.c.id)
            .where(
                tokens.c.shard == any_(literal(list(shards), ARRAY(SmallInteger))),
                connections.c.status == ConnectionStatus.ACTIVE,
            )
            .order_by(last, connections.c.id)
            .limit(at_most)
        )
        return [ConnectionId(row.id) for row in await self._tx.execute(statement)]
