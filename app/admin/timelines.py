"""What happened to a connection, for who wants to know why it lives or died."""

from collections.abc import Iterable, Sequence

from app.errors.administration import ConnectionUnknown
from app.models.connection import ConnectionType
from app.models.identifiers import ConnectionId
from app.models.timeline import Happening, TimelineEvent
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.timeline import MOST_ENTRIES, TimelineStore

_BEGINS_LIFE = (TimelineEvent.CONNECTED, TimelineEvent.RECONNECTED, TimelineEvent.FOUND_ALIVE)
_ENDS_LIFE = (TimelineEvent.LOST, TimelineEvent.DISCONNECTED)


async def timeline_of(database: Database, connection_id: ConnectionId) -> Sequence[Happening]:
    """The newest first, MOST_ENTRIES at most. Raises ConnectionUnknown or DatabaseUnavailable."""
    async with database.statement() as tx:
        connection = await ConnectionStore(tx).get(connection_id)
        if connection is None:
            raise ConnectionUnknown
        found = await TimelineStore(tx).list_newest(connection_id)
    was_there = [one for one in reversed(found) if one.last_at >= connection.created_at]
    concerned = _while_alive(was_there, is_renewed=connection.type is ConnectionType.OAUTH)
    return concerned[::-1][:MOST_ENTRIES]


def _while_alive(happenings: Iterable[Happening], *, is_renewed: bool) -> list[Happening]:
    """Without the takeovers of its shard while it had no token; the oldest is first."""
    concerned = []
    alive = is_renewed
    for happening in happenings:
        if happening.event in _BEGINS_LIFE:
            alive = is_renewed
        elif happening.event in _ENDS_LIFE:
            alive = False
        if alive or happening.event is not TimelineEvent.TAKEN_OVER:
            concerned.append(happening)
    return concerned
