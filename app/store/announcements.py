"""Hearing of what others changed as it is committed (LISTEN/NOTIFY)."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from app.models.identifiers import ConnectionId, SessionId
from app.store.account_settings import SETTINGS
from app.store.connections import CHANNEL
from app.store.database import Database, unavailable_translated
from app.store.endings import ENDINGS
from app.store.leases import FREED
from app.store.renewals import WANTED
from app.store.tokens import STATES

log = structlog.get_logger(__name__)

_STILL_THERE_AFTER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Changed:
    """A connection was made, remade, ended, lost or found alive."""

    connection_id: ConnectionId


@dataclass(frozen=True, slots=True)
class SharesFreed:
    """A refresher has given shards away: they can be claimed."""


@dataclass(frozen=True, slots=True)
class RenewalWanted:
    """Somebody waits for a renewal before its time (see `store.renewals`)."""


RefresherNews = Changed | SharesFreed | RenewalWanted


async def refresher_news(database: Database) -> AsyncGenerator[RefresherNews, None]:
    """What concerns refreshers; see `_announced`. A connection that came alive again was found so
    by another one, and is now for its owner to keep."""
    async for channel, payload in _announced(database, CHANNEL, STATES, FREED, WANTED):
        if channel == FREED:
            yield SharesFreed()
        elif channel == WANTED:
            yield RenewalWanted()
        elif (changed := _read(payload)) is not None:
            yield Changed(ConnectionId(changed))


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """What an embedded page may show has changed: one of these."""

    session_id: SessionId | None = None
    connection_id: ConnectionId | None = None
    account_key: str | None = None


async def page_news(
    database: Database, *, on_listening: Callable[[], None]
) -> AsyncGenerator[ChangedPage, None]:
    """Sessions that were ended or given less time, connections, settings; see `_announced`."""
    channels = (ENDINGS, CHANNEL, STATES, SETTINGS)
    async for channel, payload in _announced(database, *channels, on_listening=on_listening):
        if channel == SETTINGS:
            yield ChangedPage(account_key=payload)
        elif (changed := _read(payload)) is None:
            continue
        elif channel == ENDINGS:
            yield ChangedPage(session_id=SessionId(changed))
        else:
            yield ChangedPage(connection_id=ConnectionId(changed))


async def _announced(
    database: Database, *channels: str, on_listening: Callable[[], None] = lambda: None
) -> AsyncGenerator[tuple[str, str], None]:
    """Channels and payloads as they are announced, until the connection to Postgres breaks.

    From `on_listening` on nothing is missed.
    Raises DatabaseUnavailable then. What was announced meanwhile is missed: poll as well.
    Keeps one connection of the pool. Behind a transaction pooler nothing is ever heard, and
    nothing is tried: LISTEN would stay behind on a connection that is somebody else's.
    """
    if not database.hears:
        await asyncio.Event().wait()
    heard: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
    with unavailable_translated():
        async with database.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None  # noqa: S101 - a fresh pool connection always has one
            driver.add_termination_listener(lambda _: heard.put_nowait(None))
            for channel in channels:
                await driver.add_listener(channel, lambda *told: heard.put_nowait(told[2:]))
            on_listening()
            try:
                while True:
                    try:
                        told = await asyncio.wait_for(heard.get(), _STILL_THERE_AFTER_SECONDS)
                    except TimeoutError:
                        await driver.execute("SELECT 1")  # a half-open connection shows now
                        continue
                    if told is None:
                        raise ConnectionResetError
                    yield told
            finally:
                await connection.invalidate()


def _read(payload: str) -> UUID | None:
    """Anybody who may connect to the database may announce anything."""
    try:
        return UUID(payload)
    except ValueError:
        log.warning("announcement_unreadable")
        return None
