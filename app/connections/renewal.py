"""Having a token renewed before its time, by the one who renews that connection anyway.

So one renewal of a connection is waited for at most, within a process and between processes: its
owner's. In the owning process whoever asks waits for that one; elsewhere the owner is told through
the database, and its result is seen there.
"""

import asyncio
from typing import Protocol

from app.connections.live import LiveTokens
from app.connections.tokens import NoLiveToken
from app.errors.calls import RenewalTimedOut
from app.models.connection import Connection, ConnectionStatus
from app.models.identifiers import ConnectionId
from app.store.database import Database
from app.store.renewals import RenewalRequests, Wanted
from app.store.tokens import TokenStore

_LOOK_EVERY_SECONDS = 0.1


class Renewer(Protocol):
    """This process's refresher."""

    async def renew_now(self, connection_id: ConnectionId, *, newer_than: int) -> bool:
        """Whether the token is of a later generation than this now; False also if not ours."""


class Renewal:
    """`renewer` is None where this process has no refresher."""

    def __init__(
        self,
        *,
        live: LiveTokens,
        database: Database,
        renewer: Renewer | None,
        within_seconds: float,
    ) -> None:
        self._live = live
        self._database = database
        self._renewer = renewer
        self._within_seconds = within_seconds

    async def now(self, connection: Connection) -> None:
        """Renew the token that the connection has at this moment.

        Raises NoLiveToken, RenewalTimedOut or DatabaseUnavailable.
        """
        if connection.status is not ConnectionStatus.ACTIVE:
            raise NoLiveToken
        live = self._live.get(connection.id)
        generation = live.generation if live else await self._generation(connection.id)
        await self.newer_than(generation, connection.id)

    async def newer_than(self, generation: int, connection_id: ConnectionId) -> None:
        """Have the token replaced that has this generation, unless somebody already did.

        Raises as `now`. In the process that renews this connection, the database is not needed.
        """
        try:
            async with asyncio.timeout(self._within_seconds):
                renewer = self._renewer
                if renewer and await renewer.renew_now(connection_id, newer_than=generation):
                    return
                await self._by_its_owner(connection_id, generation)
        except TimeoutError as error:
            raise RenewalTimedOut from error

    async def _by_its_owner(self, connection_id: ConnectionId, generation: int) -> None:
        async with self._database.transaction() as tx:
            await RenewalRequests(tx).ask(Wanted(connection_id, generation))
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            if await self._generation(connection_id) > generation:
                return

    async def _generation(self, connection_id: ConnectionId) -> int:
        async with self._database.statement() as tx:
            stored = await TokenStore(tx).load([connection_id])
        if not stored:
            raise NoLiveToken
        return stored[0].generation
