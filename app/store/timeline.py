"""What happened to each connection: a few entries, written with what they tell of.

Takeovers are kept by shard: one row instead of thousands, and each connection knows its shard.
"""

from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal, null, select, text, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.identifiers import ConnectionId, ReplicaId, shard_of
from app.models.timeline import Happening, TimelineEvent
from app.store.intervals import seconds
from app.store.tables import takeovers, timeline

MOST_ENTRIES = 50
"""So many are kept of each connection, and of each shard."""

PERIOD = "(extract(epoch FROM now()) / 600)::bigint"
"""SQL for the ten minutes in which what repeats itself is one entry."""

_TRIM = (
    text(
        """
        DELETE FROM timeline WHERE id IN (
            SELECT surplus.id
            FROM (
                SELECT DISTINCT connection_id FROM timeline
                WHERE at > now() - make_interval(secs => :recent_seconds)
            ) AS recent,
            LATERAL (
                SELECT id FROM timeline
                WHERE timeline.connection_id = recent.connection_id
                ORDER BY last_at DESC, id DESC
                OFFSET :most
            ) AS surplus
        )
        """
    ),
    text(
        """
        DELETE FROM takeovers WHERE id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY shard ORDER BY id DESC) AS place
                FROM takeovers
            ) AS ranked
            WHERE place > :most
        )
        """
    ),
)


class TimelineStore:
    """The tables `timeline` and `takeovers`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def add(self, connection_id: ConnectionId, event: TimelineEvent) -> None:
        """Something that deserves an entry of its own."""
        entry = timeline.insert().values(connection_id=connection_id, event=event)
        await self._tx.execute(entry)

    async def add_repeated(self, connection_id: ConnectionId, event: TimelineEvent) -> None:
        """Something that may come often."""
        entry = insert(timeline).values(
            connection_id=connection_id, event=event, period=text(PERIOD)
        )
        await self._tx.execute(
            entry.on_conflict_do_update(
                index_elements=["connection_id", "event", "period"],
                set_={"times": timeline.c.times + 1, "last_at": func.now()},
            )
        )

    async def list_newest(self, connection_id: ConnectionId) -> list[Happening]:
        """All that is kept of this connection, and the takeovers of its shard."""
        own = select(
            timeline.c.event,
            timeline.c.at,
            timeline.c.last_at,
            timeline.c.times,
            timeline.c.cause,
            timeline.c.attempts,
            null().label("replica"),
            timeline.c.id,
        ).where(timeline.c.connection_id == connection_id)
        of_shard = select(
            literal(TimelineEvent.TAKEN_OVER.value),
            takeovers.c.at,
            takeovers.c.at,
            literal(1),
            null(),
            null(),
            takeovers.c.to_replica,
            takeovers.c.id,
        ).where(takeovers.c.shard == shard_of(connection_id))
        both = union_all(own, of_shard).order_by(text("last_at DESC"), text("id DESC"))
        return [_happening(row) for row in await self._tx.execute(both)]

    async def trim(self, *, kept_seconds: float, recent_seconds: float) -> None:
        """Remove what is old, and what is too much of connections with recent entries."""
        for table in (timeline, takeovers):
            is_old: ColumnElement[bool] = table.c.at < func.now() - seconds(kept_seconds)
            await self._tx.execute(table.delete().where(is_old))
        entries, changes = _TRIM
        await self._tx.execute(entries, {"recent_seconds": recent_seconds, "most": MOST_ENTRIES})
        await self._tx.execute(changes, {"most": MOST_ENTRIES})


def _happening(row: Row[Any]) -> Happening:
    return Happening(
        event=TimelineEvent(row.event),
        at=row.at,
        last_at=row.last_at,
        times=row.times,
        cause=row.cause,
        attempts=row.attempts,
        replica=ReplicaId(row.replica) if row.replica else None,
    )
