"""Handing out a usable token."""

from datetime import datetime, timedelta

from app.clock import Clock
from app.connections.live import LiveTokens
from app.connections.vault import Vault
from app.models.connection import Connection, ConnectionStatus
from app.security.sealing import Unsealable
from app.store.database import Database
from app.store.tokens import TokenStore


class NoLiveToken(Exception):
    """The connection has no token that is alive: it was lost or disconnected."""


class UsableTokens:
    """From memory where this process renews the connection, else from the database."""

    def __init__(self, *, live: LiveTokens, database: Database, vault: Vault, clock: Clock) -> None:
        self._live = live
        self._database = database
        self._vault = vault
        self._clock = clock

    async def authorization(self, connection: Connection) -> str:
        """The value for Infobip's Authorization header.

        Raises NoLiveToken, or DatabaseUnavailable where the database is needed and away.
        """
        if connection.status is not ConnectionStatus.ACTIVE:
            raise NoLiveToken
        live = self._live.get(connection.id)
        if live is not None and live.expires > self._clock.monotonic():
            return live.authorization
        async with self._database.statement() as tx:
            stored = await TokenStore(tx).load([connection.id])
        if not stored:
            raise NoLiveToken
        try:
            return self._vault.open(stored[0]).authorization
        except Unsealable as error:
            raise NoLiveToken from error

    def times(self, connection: Connection) -> tuple[datetime, datetime]:
        """When the token was renewed and when it dies, as fresh as this process knows."""
        live = self._live.get(connection.id)
        if live is None or connection.status is not ConnectionStatus.ACTIVE:
            return connection.renewed_at, connection.expires_at
        now, monotonic = self._clock.utcnow(), self._clock.monotonic()
        return (
            now - timedelta(seconds=monotonic - live.sent),
            now + timedelta(seconds=live.expires - monotonic),
        )
