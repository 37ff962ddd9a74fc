"""Events for webhooks, written in the transaction of what they tell of.

They are written as long as somebody delivers them: whoever does says so in `deliverers`, and every
process heeds that, whatever its own settings are. So a refresher that knows nothing of webhooks
still tells of the connections that it lost.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, literal, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.event import Backlog, DeliveryStatus, Event, EventType, Outgoing, Sought
from app.models.identifiers import ConnectionId
from app.store.intervals import seconds
from app.store.tables import deliverers, outbox

_PENDING = outbox.c.status == DeliveryStatus.PENDING
_KNOWN = outbox.c.type.in_(list(EventType))
"""A newer version may have written others while it is rolled out, or before it was rolled back."""

_WANTED = "EXISTS (SELECT FROM deliverers WHERE until > now())"


def telling_of(rows: str, event_type: EventType, *, further: str = "'{}'::jsonb") -> str:
    """SQL that tells of all connections in `rows`, the name of a CTE with their columns."""
    return f"""
        INSERT INTO outbox (type, connection_id, data)
        SELECT '{event_type}', id, jsonb_build_object(
            'connectionId', id, 'connectionType', type, 'accountKey', account_key,
            'userKey', user_key, 'externalId', external_id
        ) || {further}
        FROM {rows}
        WHERE {_WANTED}
    """  # noqa: S608 - constants of ours


_ONE = "SELECT * FROM connections WHERE id = :id"
_TELL = {
    event_type: text(f"WITH one AS ({_ONE}) {telling_of('one', event_type)}")
    for event_type in EventType
}


class OutboxStore:
    """The tables `outbox` and `deliverers`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    # --- telling --------------------------------------------------------------------------

    async def add(self, event: Event) -> None:
        """Tell of this, if anybody delivers events; in the transaction of what it tells of.

        Whoever calls has changed (and so locked) what the event is about: that keeps the sequence
        of one connection's or account's events in the order in which they happened.
        """
        row = select(
            literal(event.type, outbox.c.type.type),
            literal(event.connection_id, outbox.c.connection_id.type),
            literal(dict(event.data), outbox.c.data.type),
        ).where(literal_column(_WANTED))
        await self._tx.execute(outbox.insert().from_select(["type", "connection_id", "data"], row))

    async def tell(self, event_type: EventType, connection_id: ConnectionId) -> None:
        """The same about a connection as it is now."""
        await self._tx.execute(_TELL[event_type], {"id": connection_id})

    # --- delivering -----------------------------------------------------------------------

    async def want(self, *, for_seconds: float) -> None:
        """Have events written from now on, for so long: somebody delivers them."""
        until = func.now() + seconds(for_seconds)
        row = insert(deliverers).values(id=1, until=until)
        await self._tx.execute(
            row.on_conflict_do_update(index_elements=["id"], set_={"until": until})
        )

    async def claim(self, *, at_most: int, lease_seconds: float) -> list[Outgoing]:
        """So many of those that are due; nobody else gets them before the lease is over."""
        due = (
            select(outbox.c.sequence)
            .where(_PENDING, _KNOWN, outbox.c.due_at <= func.now())
            .order_by(outbox.c.due_at)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(outbox)
            .where(outbox.c.sequence.in_(due))
            .values(
                attempts=outbox.c.attempts + 1,
                due_at=func.now() + seconds(lease_seconds),
                attempted_at=func.now(),
            )
            .returning(*outbox.c)
        )
        found = [_outgoing(row) for row in await self._tx.execute(statement)]
        return sorted(found, key=lambda outgoing: outgoing.sequence)

    async def delivered(self, claimed: Outgoing, *, outcome: str) -> bool:
        """It was taken; False if it is not ours to say any more."""
        return await self._settle(
            claimed, status=DeliveryStatus.DELIVERED, outcome=outcome, delivered_at=func.now()
        )

    async def postpone(self, claimed: Outgoing, *, outcome: str, wait_seconds: float) -> bool:
        """Try again after so long; False as `delivered`."""
        due_at = func.now() + seconds(wait_seconds)
        return await self._settle(claimed, outcome=outcome, due_at=due_at)

    async def give_up(self, claimed: Outgoing, *, outcome: str) -> bool:
        """It is not tried again by itself; False as `delivered`."""
        return await self._settle(claimed, status=DeliveryStatus.FAILED, outcome=outcome)

    async def _settle(self, claimed: Outgoing, **values: Any) -> bool:
        """`due_at` is the claim's own mark: whoever claims or redelivers changes it."""
        statement = (
            update(outbox)
            .where(
                outbox.c.sequence == claimed.sequence, _PENDING, outbox.c.due_at == claimed.due_at
            )
            .values(**values)
        )
        return (await self._tx.execute(statement)).rowcount == 1

    # --- looking --------------------------------------------------------------------------

    async def get(self, event_id: UUID) -> Outgoing | None:
        statement = select(outbox).where(outbox.c.id == event_id, _KNOWN)
        row = (await self._tx.execute(statement)).one_or_none()
        return _outgoing(row) if row else None

    async def list_newest(
        self, sought: Sought, *, before: int | None, limit: int
    ) -> list[Outgoing]:
        """The newest first; `before` is the sequence of the last one of the page before."""
        wanted = [
            column == value
            for column, value in (
                (outbox.c.status, sought.status),
                (outbox.c.type, sought.type),
                (outbox.c.connection_id, sought.connection_id),
            )
            if value is not None
        ]
        if before is not None:
            wanted.append(outbox.c.sequence < before)
        statement = select(outbox).where(_KNOWN, *wanted).order_by(outbox.c.sequence.desc())
        return [_outgoing(row) for row in await self._tx.execute(statement.limit(limit))]

    async def redeliver(self, event_id: UUID) -> Outgoing | None:
        """Have it delivered (again) now, with all its attempts before it."""
        statement = (
            update(outbox)
            .where(outbox.c.id == event_id, _KNOWN)
            .values(status=DeliveryStatus.PENDING, attempts=0, due_at=func.now(), delivered_at=None)
            .returning(*outbox.c)
        )
        row = (await self._tx.execute(statement)).one_or_none()
        return _outgoing(row) if row else None

    async def backlog(self) -> Backlog:
        """What is not delivered, of all processes."""
        oldest = func.extract("epoch", func.now() - func.min(outbox.c.occurred_at))
        statement = (
            select(outbox.c.status, func.count(), oldest)
            .where(outbox.c.status != DeliveryStatus.DELIVERED)
            .group_by(outbox.c.status)
        )
        found = {row[0]: row for row in await self._tx.execute(statement)}
        pending = found.get(DeliveryStatus.PENDING)
        failed = found.get(DeliveryStatus.FAILED)
        return Backlog(
            pending=pending[1] if pending else 0,
            failed=failed[1] if failed else 0,
            oldest_seconds=float(pending[2]) if pending else 0.0,
        )

    async def purge(self, *, kept_seconds: float, at_most: int) -> int:
        """Remove what happened so long ago, delivered or not; how many that were."""
        old = (
            select(outbox.c.sequence)
            .where(outbox.c.occurred_at <= func.now() - seconds(kept_seconds))
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        return (await self._tx.execute(delete(outbox).where(outbox.c.sequence.in_(old)))).rowcount


def _outgoing(row: Row[Any]) -> Outgoing:
    connection_id = ConnectionId(row.connection_id) if row.connection_id else None
    return Outgoing(
        sequence=row.sequence,
        id=row.id,
        event=Event(EventType(row.type), row.data, connection_id),
        occurred_at=row.occurred_at,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        due_at=row.due_at,
        outcome=row.outcome,
        attempted_at=row.attempted_at,
        delivered_at=row.delivered_at,
    )
