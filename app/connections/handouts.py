"""Giving what authorises a call to the operator's own programs, on record."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.clock import Clock
from app.connections.tokens import UsableTokens
from app.models.audit import Action, Deed
from app.models.connection import Connection
from app.store.audit import AuditStore
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Handout:
    """A value for Infobip's Authorization header, and when it dies; None for an API key."""

    authorization: str = field(repr=False)
    expires_at: datetime | None


class Handouts:
    """Nothing is handed out off the record: while the database is away, nothing is at all."""

    def __init__(self, *, tokens: UsableTokens, database: Database, clock: Clock) -> None:
        self._tokens = tokens
        self._database = database
        self._clock = clock

    async def hand_out(self, connection: Connection, *, actor: str) -> Handout:
        """Raises NoLiveToken or DatabaseUnavailable."""
        usable = await self._tokens.usable(connection)
        now = self._clock.utcnow()
        async with self._database.transaction() as tx:
            await AuditStore(tx).add(Deed(actor, Action.AUTHORIZATION_READ, connection.id))
        left = usable.expires_in_seconds
        expires_at = now + timedelta(seconds=left) if left is not None else None
        return Handout(usable.authorization, expires_at)
