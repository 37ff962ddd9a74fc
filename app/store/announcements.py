"""Hearing of changed connections as they are committed (LISTEN/NOTIFY)."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from app.models.identifiers import ConnectionId
from app.store.connections import CHANNEL
from app.store.database import Database, unavailable_translated


async def announced_connections(database: Database) -> AsyncIterator[ConnectionId]:
    """Ids as they are announced, until the connection to Postgres breaks.

    Raises DatabaseUnavailable then. What was announced meanwhile is missed: poll as well.
    Keeps one connection of the pool. Behind a transaction pooler nothing arrives.
    """
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    with unavailable_translated():
        async with database.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None  # noqa: S101 - a fresh pool connection always has one
            driver.add_termination_listener(lambda _: heard.put_nowait(None))
            await driver.add_listener(CHANNEL, lambda *told: heard.put_nowait(told[3]))
            try:
                while (payload := await heard.get()) is not None:
                    yield ConnectionId(UUID(payload))
            finally:
                await connection.invalidate()
        raise ConnectionResetError
