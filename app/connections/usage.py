"""When each connection was last used, noted in memory and written down now and then.

A call through the gateway must not cost a write, and the order in which connections are let go
under a ceiling needs no more than half a minute's accuracy.
"""

import asyncio

import structlog

from app.clock import Clock
from app.errors import DatabaseUnavailable
from app.models.identifiers import ConnectionId
from app.store.database import Database
from app.store.usage import UsageStore

log = structlog.get_logger(__name__)

_WRITE_EVERY_SECONDS = 30.0


class Usage:
    """Uses are what a person or a backend did with a connection; renewals are none."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._used: dict[ConnectionId, float] = {}

    def note(self, connection_id: ConnectionId) -> None:
        """It is being used now."""
        self._used[connection_id] = self._clock.monotonic()

    async def write_for_ever(self) -> None:
        """Write down what was noted; while the database is away it waits here."""
        while True:
            await asyncio.sleep(_WRITE_EVERY_SECONDS)
            try:
                await self.write()
            except DatabaseUnavailable:
                log.warning("usage_not_written", waiting=len(self._used))

    async def write(self) -> None:
        """Write down what was noted since the last time. Raises DatabaseUnavailable."""
        used = dict(self._used)
        if not used:
            return
        now = self._clock.monotonic()
        ages = {connection_id: now - at for connection_id, at in used.items()}
        async with self._database.statement() as tx:
            await UsageStore(tx).note(ages)
        for connection_id, at in used.items():
            if self._used.get(connection_id) == at:
                del self._used[connection_id]
