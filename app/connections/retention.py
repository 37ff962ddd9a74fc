"""Removing what has expired by itself."""

import asyncio

import structlog

from app.errors import DatabaseUnavailable
from app.store.database import Database
from app.store.flows import FlowStore
from app.store.sessions import SessionStore

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60


async def purge_for_ever(database: Database, *, session_idle_seconds: float) -> None:
    """Once a minute; several processes doing this at once do no harm."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await purge(database, session_idle_seconds=session_idle_seconds)
        except DatabaseUnavailable:
            log.warning("purge_postponed", reason="database_unavailable")


async def purge(database: Database, *, session_idle_seconds: float) -> None:
    async with database.transaction() as tx:
        abandoned = await FlowStore(tx).purge()
        ended = await SessionStore(tx).purge(idle_seconds=session_idle_seconds)
    if abandoned or ended:
        log.info("purged", abandoned_flows=abandoned, ended_sessions=ended)
