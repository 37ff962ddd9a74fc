"""Ending a connection for good."""

import structlog

from app.models.identifiers import ConnectionId
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.tokens import TokenStore

log = structlog.get_logger(__name__)


async def disconnect(database: Database, connection_id: ConnectionId) -> bool:
    """Take token and sessions away in one transaction; False if there was nothing to end.

    A renewal that is under way cannot bring the connection back: its write carries a
    generation that this has overtaken. Infobip has no revocation, so the token itself dies
    at the end of its minute.
    """
    async with database.transaction() as tx:
        connections = ConnectionStore(tx)
        ended = await connections.disconnect(connection_id)
        if ended:
            await TokenStore(tx).end_grant(connection_id)
            await connections.tell(connection_id)
    if ended:
        log.info("disconnected", connection_id=str(connection_id))
    return ended
