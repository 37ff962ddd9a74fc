"""What an operator sees of events on their way, and how one is sent once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.errors.administration import EventsNotConfigured, EventUnknown
from app.models.audit import Action, Deed
from app.models.event import Outgoing, Sought
from app.store.audit import AuditStore
from app.store.database import Database
from app.store.outbox import OutboxStore


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Some events, newest first; `next_before` is where to go on, None at the end."""

    items: Sequence[Outgoing]
    next_before: int | None


class Events:
    """`are_delivered`: whether this deployment has a receiver."""

    def __init__(self, *, database: Database, are_delivered: bool) -> None:
        self._database = database
        self._are_delivered = are_delivered

    async def page(self, sought: Sought, *, before: int | None, limit: int) -> EventsPage:
        async with self._database.statement() as tx:
            found = await OutboxStore(tx).list_newest(sought, before=before, limit=limit + 1)
        items = found[:limit]
        return EventsPage(items, items[-1].sequence if len(found) > limit else None)

    async def get(self, event_id: UUID) -> Outgoing:
        """Raises EventUnknown."""
        async with self._database.statement() as tx:
            found = await OutboxStore(tx).get(event_id)
        if found is None:
            raise EventUnknown
        return found

    async def redeliver(self, event_id: UUID, *, actor: str) -> Outgoing:
        """Send it again, whatever became of it. Raises EventsNotConfigured or EventUnknown."""
        if not self._are_delivered:
            raise EventsNotConfigured
        async with self._database.transaction() as tx:
            found = await OutboxStore(tx).redeliver(event_id)
            if found is None:
                raise EventUnknown
            details = {"eventId": str(event_id), "type": found.event.type.value}
            deed = Deed(actor, Action.EVENT_REDELIVERED, found.event.connection_id, details)
            await AuditStore(tx).add(deed)
        return found
