"""The record of who did what. Rows are added in the transaction of what they tell of."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.audit import Action, Deed, Recorded
from app.models.identifiers import ConnectionId
from app.store.tables import audit


class AuditStore:
    """The table `audit`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def add(self, *deeds: Deed) -> None:
        """Put on record; nothing can be taken off it again."""
        if deeds:
            await self._tx.execute(audit.insert(), [_values(deed) for deed in deeds])

    async def list_newest(self, *, before: int | None, limit: int) -> Sequence[Recorded]:
        """The newest first; `before` is the id of the last one of the page before."""
        statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(audit.c.id < before)
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
            for row in await self._tx.execute(statement)
        ]


def _values(deed: Deed) -> dict[str, object]:
    return {
        "actor": deed.actor,
        "action": deed.action,
        "connection_id": deed.connection_id,
        "details": dict(deed.details),
    }
