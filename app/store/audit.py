"""The record of who did what. Rows are added in the transaction of what they tell of."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.audit import EVERYTHING, Action, Asked, Deed, Recorded
from app.models.identifiers import ConnectionId
from app.store.intervals import seconds
from app.store.tables import audit


class AuditStore:
    """The table `audit`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def add(self, *deeds: Deed) -> None:
        """Put on record; nothing can be taken off it again."""
        if deeds:
            await self._tx.execute(audit.insert(), [_values(deed) for deed in deeds])

    async def list_newest(
        self, asked: Asked = EVERYTHING, *, before: int | None, limit: int
    ) -> Sequence[Recorded]:
        """The newest first; `before` is the id of the last one of the page before."""
        conditions = [
            audit.c.action.in_(list(Action)),  # a newer version may have written others
            *(
                column == value
                for column, value in (
                    (audit.c.connection_id, asked.connection_id),
                    (audit.c.action, asked.action),
                    (audit.c.actor, asked.actor),
                )
                if value is not None
            ),
            *([audit.c.at >= asked.since] if asked.since else []),
            *([audit.c.at < asked.until] if asked.until else []),
            *([audit.c.id < before] if before is not None else []),
        ]
        statement = select(audit).where(*conditions).order_by(audit.c.id.desc())
        return [
            Recorded(
                row.id,
                row.at,
                Deed(
                    row.actor,
                    Action(row.action),
                    ConnectionId(row.connection_id) if row.connection_id else None,
                    row.details,
                ),
            )
            for row in await self._tx.execute(statement.limit(limit))
        ]

    async def purge(self, *, kept_days: int, at_most: int) -> int:
        """Remove what is so old; how many that were. The database refuses it to be younger than
        a month: see `migrations/versions/…_append_only_audit.py`."""
        old = (
            select(audit.c.id)
            .where(audit.c.at < func.now() - seconds(kept_days * 86_400))
            .order_by(audit.c.id)
            .limit(at_most)
        )
        return (await self._tx.execute(delete(audit).where(audit.c.id.in_(old)))).rowcount


def _values(deed: Deed) -> dict[str, object]:
    return {
        "actor": deed.actor,
        "action": deed.action,
        "connection_id": deed.connection_id,
        "details": dict(deed.details),
    }
