"""Removing what has expired by itself."""

import asyncio

import structlog

from app.errors import DatabaseUnavailable
from app.models.audit import BROWSER, Action, Deed
from app.models.identifiers import LinkId
from app.store.audit import AuditStore
from app.store.database import Database
from app.store.flows import FlowStore
from app.store.links import LinkStore
from app.store.sessions import SessionStore
from app.store.timeline import TimelineStore

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60
_LINKS_KEPT_SECONDS = 30 * 86_400
_TIMELINES_KEPT_SECONDS = 90 * 86_400
_SLICE = 2_000


async def purge_for_ever(database: Database, *, session_idle_seconds: float) -> None:
    """Once a minute; several processes doing this at once do no harm."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await purge(database, session_idle_seconds=session_idle_seconds)
        except DatabaseUnavailable:
            log.warning("purge_postponed", reason="database_unavailable")


async def purge(database: Database, *, session_idle_seconds: float) -> None:
    """Flows go a slice at a time: this process may be keeping tokens alive meanwhile."""
    flows = 0
    while True:
        async with database.transaction() as tx:
            purged = await FlowStore(tx).purge(at_most=_SLICE)
            await AuditStore(tx).add(*(_abandoned(link_id) for link_id in purged.links))
        flows += purged.flows
        if purged.flows < _SLICE:
            break
    async with database.transaction() as tx:
        await TimelineStore(tx).trim(
            kept_seconds=_TIMELINES_KEPT_SECONDS, recent_seconds=5 * _EVERY_SECONDS
        )
    async with database.transaction() as tx:
        await LinkStore(tx).purge(kept_seconds=_LINKS_KEPT_SECONDS)
        sessions = await SessionStore(tx).purge(idle_seconds=session_idle_seconds)
    if flows or sessions:
        log.info("purged", abandoned_flows=flows, ended_sessions=sessions)


def _abandoned(link_id: LinkId) -> Deed:
    """Documented: who cancels is not sent back to us, so that it was given up shows only now."""
    return Deed(BROWSER, Action.ACTIVATION_ABANDONED, None, {"linkId": str(link_id)})
