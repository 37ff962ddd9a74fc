"""Removing what has expired by itself."""

import asyncio
from collections.abc import Iterable

import structlog

from app.errors import DatabaseUnavailable
from app.models.audit import BROWSER, Action, Deed
from app.models.flow import Activation, Flow
from app.store.audit import AuditStore
from app.store.database import Database
from app.store.flows import FlowStore
from app.store.links import LinkStore
from app.store.sessions import SessionStore

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60
_LINKS_KEPT_SECONDS = 30 * 86_400


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
        await AuditStore(tx).add(*_abandoned_activations(abandoned))
        await LinkStore(tx).purge(kept_seconds=_LINKS_KEPT_SECONDS)
        ended = await SessionStore(tx).purge(idle_seconds=session_idle_seconds)
    if abandoned or ended:
        log.info("purged", abandoned_flows=len(abandoned), ended_sessions=ended)


def _abandoned_activations(flows: Iterable[Flow]) -> list[Deed]:
    """Documented: who cancels is not sent back to us, so that it was given up shows only now."""
    return [
        Deed(
            BROWSER, Action.ACTIVATION_ABANDONED, None, {"linkId": str(flow.purpose.link_id or "")}
        )
        for flow in flows
        if isinstance(flow.purpose, Activation)
    ]
