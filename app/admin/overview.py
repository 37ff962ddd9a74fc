"""What an operator can look up: connections, and who did what."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.errors.administration import ConnectionUnknown
from app.models.audit import Asked, Recorded
from app.models.connection import Connection, ConnectionStatus
from app.models.identifiers import ConnectionId
from app.models.listing import Place, Wanted
from app.models.replica import Fleet
from app.store.audit import AuditStore
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.fleet import FleetStore


@dataclass(frozen=True, slots=True)
class ConnectionsPage:
    """Some connections, newest first; `next` is where to go on, None at the end."""

    items: Sequence[Connection]
    next: Place | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A part of the record, newest first; `next_before` is where to go on, None at the end."""

    items: Sequence[Recorded]
    next_before: int | None


class Overview:
    """Reads only."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def connection(self, connection_id: ConnectionId) -> Connection:
        """Raises ConnectionUnknown."""
        async with self._database.statement() as tx:
            connection = await ConnectionStore(tx).get(connection_id)
        if connection is None:
            raise ConnectionUnknown
        return connection

    async def connections(
        self, wanted: Wanted, *, after: Place | None, limit: int
    ) -> ConnectionsPage:
        """A page; those made while somebody turns the pages stand before the first one."""
        async with self._database.statement() as tx:
            found = await ConnectionStore(tx).list_newest(wanted, after=after, limit=limit + 1)
        items = found[:limit]
        last = items[-1] if len(found) > limit else None
        return ConnectionsPage(items, Place(last.created_at, last.id) if last else None)

    async def audit(self, asked: Asked, *, before: int | None, limit: int) -> AuditPage:
        """A page of the record."""
        async with self._database.statement() as tx:
            found = await AuditStore(tx).list_newest(asked, before=before, limit=limit + 1)
        items = found[:limit]
        return AuditPage(items, items[-1].id if len(found) > limit else None)

    async def count_connections(self) -> dict[ConnectionStatus, int]:
        """How many there are in each state."""
        async with self._database.statement() as tx:
            return await ConnectionStore(tx).count()

    async def fleet(self) -> Fleet:
        """All refreshers."""
        async with self._database.statement() as tx:
            return await FleetStore(tx).look()
