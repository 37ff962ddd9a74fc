"""What is told and noted of a connection that begins, in the transaction that begins it.

`before` is its row as it was, `now` as it is. What was neither there before nor made now, somebody
else has made at the same time.
"""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.connection import ConnectionStatus, ConnectionType
from app.models.event import EventType
from app.models.identifiers import ConnectionId
from app.models.timeline import TimelineEvent
from app.store.outbox import OutboxStore
from app.store.timeline import TimelineStore


async def tell_beginning(
    tx: AsyncConnection, connection_id: ConnectionId, before: Row[Any, Any] | None, now: Row[Any]
) -> None:
    """Into its timeline, and to the outbox: there, a page that is opened once more is no news."""
    await _note(TimelineStore(tx), connection_id, before, now)
    if before is None:
        news = EventType.CONNECTED if now.made_now else None
    elif before.status == ConnectionStatus.LOST:
        news = EventType.RECONNECTED
    else:
        is_same = before == (now.status, now.external_id)
        news = None if is_same else EventType.CONNECTED
    if news is not None:
        await OutboxStore(tx).tell(news, connection_id)


async def _note(
    timeline: TimelineStore,
    connection_id: ConnectionId,
    before: Row[Any, Any] | None,
    now: Row[Any],
) -> None:
    was_active = before is None or before.status == ConnectionStatus.ACTIVE
    if before is None and now.made_now:
        await timeline.add(connection_id, TimelineEvent.CONNECTED)
    elif was_active and now.type == ConnectionType.OAUTH:
        await timeline.add_repeated(connection_id, TimelineEvent.SIGNED_IN)
    else:
        await timeline.add(connection_id, TimelineEvent.RECONNECTED)
