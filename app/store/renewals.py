"""Renewals that somebody wants before their time, told to whoever renews that connection.

Nobody but the owner of a connection's shard ever renews it, so that there is never a second
renewal on the way; everybody else asks here. The row is there for those who do not hear the
announcement; what nobody takes in time is swept out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import SmallInteger, any_, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.identifiers import ConnectionId, Shard, shard_of
from app.store.intervals import seconds
from app.store.tables import renewals_wanted

WANTED = "hearth_renewals"
"""Where it is announced that there is something to take (LISTEN/NOTIFY)."""

_KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token of a later generation than this one is wanted."""

    connection_id: ConnectionId
    generation: int


class RenewalRequests:
    """The table `renewals_wanted`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def ask(self, wanted: Wanted) -> None:
        """Have the connection's owner renew it now, unless it already has."""
        row = insert(renewals_wanted).values(
            connection_id=wanted.connection_id,
            shard=shard_of(wanted.connection_id),
            generation=wanted.generation,
        )
        await self._tx.execute(
            row.on_conflict_do_update(
                index_elements=["connection_id"],
                set_={
                    "generation": func.greatest(
                        renewals_wanted.c.generation, row.excluded.generation
                    ),
                    "asked_at": func.now(),
                },
            )
        )
        await self._tx.execute(select(func.pg_notify(WANTED, "")))

    async def take(self, shards: Sequence[Shard]) -> list[Wanted]:
        """What is wanted of these shards; nobody gets it a second time."""
        ours = renewals_wanted.c.shard == any_(literal(list(shards), ARRAY(SmallInteger)))
        old = renewals_wanted.c.asked_at <= func.now() - seconds(_KEPT_SECONDS)
        rows = await self._tx.execute(
            delete(renewals_wanted)
            .where(or_(ours, old))
            .returning(renewals_wanted.c.connection_id, renewals_wanted.c.generation, ours)
        )
        return [Wanted(ConnectionId(row[0]), row[1]) for row in rows if row[2]]
