"""Hearing of changed connections as they are committed (LISTEN/NOTIFY)."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import structlog

from app.models.identifiers import ConnectionId
from app.store.connections import CHANNEL
from app.store.database import Database, unavailable_translated

log = structlog.get_logger(__name__)

_STILL_THERE_AFTER_SECONDS = 30.0


async def announced_connections(database: Database) -> AsyncGenerator[ConnectionId, None]:
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
                while True:
                    try:
                        payload = await asyncio.wait_for(heard.get(), _STILL_THERE_AFTER_SECONDS)
                    except TimeoutError:
                        await driver.execute("SELECT 1")  # a half-open connection shows now
                        continue
                    if payload is None:
                        raise ConnectionResetError
                    if (connection_id := _read(payload)) is not None:
                        yield connection_id
            finally:
                await connection.invalidate()


def _read(payload: str) -> ConnectionId | None:
    """Anybody who may connect to the database may announce anything."""
    try:
        return ConnectionId(UUID(payload))
    except ValueError:
        log.warning("announcement_unreadable")
        return None
