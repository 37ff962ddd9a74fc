"""Handing out what a call to Infobip is authorised by."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.connections.live import LiveTokens
from app.connections.usage import Usage
from app.connections.vault import Vault
from app.infobip.api_keys import api_key_authorization
from app.models.connection import Connection, ConnectionStatus, ConnectionType
from app.security.sealing import Unsealable
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.tokens import TokenStore

log = structlog.get_logger(__name__)


class NoLiveToken(Exception):
    """The connection has no token that is alive, or no key: it was lost or disconnected."""


@dataclass(frozen=True, slots=True)
class Usable:
    """What a call is authorised by, at this moment.

    `generation` is what `Renewal.newer_than` wants to know when Infobip does not accept it.
    An API key has neither that nor an end.
    """

    authorization: str = field(repr=False)
    generation: int | None
    expires_in_seconds: float | None


class UsableTokens:
    """From memory where this process renews the connection, else from the database.

    API keys come from the database each time: they live long, and a disconnect ends them at once.
    """

    def __init__(
        self,
        *,
        live: LiveTokens,
        database: Database,
        vault: Vault,
        clock: Clock,
        usage: Usage,
    ) -> None:
        self._live = live
        self._usage = usage
        self._database = database
        self._vault = vault
        self._clock = clock

    async def usable(self, connection: Connection) -> Usable:
        """What to send as Infobip's Authorization header.

        Raises NoLiveToken, or DatabaseUnavailable where the database is needed and away.
        """
        if connection.status is not ConnectionStatus.ACTIVE:
            raise NoLiveToken
        self._usage.note(connection.id)
        if connection.type is ConnectionType.API_KEY:
            return Usable(await self._api_key(connection), None, None)
        live = self._live.get(connection.id)
        if live is not None and (left := live.expires - self._clock.monotonic()) > 0:
            return Usable(live.authorization, live.generation, left)
        return await self._stored(connection)

    async def _stored(self, connection: Connection) -> Usable:
        async with self._database.statement() as tx:
            stored = await TokenStore(tx).load([connection.id])
        if not stored:
            raise NoLiveToken
        try:
            token = self._vault.open(stored[0])
        except Unsealable as error:
            raise NoLiveToken from error
        return Usable(token.authorization, token.generation, token.left_seconds)

    async def _api_key(self, connection: Connection) -> str:
        async with self._database.statement() as tx:
            sealed = await ConnectionStore(tx).sealed_api_key(connection.id)
        if sealed is None:
            raise NoLiveToken
        try:
            return api_key_authorization(self._vault.open_api_key(connection.id, sealed))
        except Unsealable as error:
            log.error("api_key_unsealable", connection_id=str(connection.id), error=str(error))
            raise NoLiveToken from error

    def times(self, connection: Connection) -> tuple[datetime | None, datetime | None]:
        """When the token was renewed and when it dies, as fresh as this process knows."""
        live = self._live.get(connection.id)
        if live is None or connection.status is not ConnectionStatus.ACTIVE:
            return connection.renewed_at, connection.expires_at
        now, monotonic = self._clock.utcnow(), self._clock.monotonic()
        return (
            now - timedelta(seconds=monotonic - live.sent),
            now + timedelta(seconds=live.expires - monotonic),
        )
