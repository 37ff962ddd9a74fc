"""Ending a connection for good."""

import structlog

from app.errors.administration import ConnectionUnknown
from app.models.audit import Action, Deed
from app.models.identifiers import ConnectionId
from app.store.audit import AuditStore
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.tokens import TokenStore

log = structlog.get_logger(__name__)


async def disconnect(database: Database, connection_id: ConnectionId, *, actor: str) -> bool:
    """Take token or key and all sessions away in one transaction; False if it had ended before.

    A renewal that is under way cannot bring the connection back: its write carries a
    generation that this has overtaken. Infobip has no revocation, so a token itself dies
    at the end of its minute, and an API key lives until it is deleted in Infobip.
    Raises ConnectionUnknown or DatabaseUnavailable.
    """
    async with database.transaction() as tx:
        connections = ConnectionStore(tx)
        ended = await connections.disconnect(connection_id)
        if ended:
            await TokenStore(tx).end_grant(connection_id)
            await AuditStore(tx).add(Deed(actor, Action.DISCONNECTED, connection_id))
            await connections.tell(connection_id)
        elif await connections.get(connection_id) is None:
            raise ConnectionUnknown
    if ended:
        log.info("disconnected", connection_id=str(connection_id))
    return ended
