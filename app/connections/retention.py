"""Removing what has expired by itself, and what was kept for long enough."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from app.errors import DatabaseUnavailable
from app.models.audit import BROWSER, Action, Deed
from app.models.identifiers import LinkId
from app.store.audit import AuditStore
from app.store.database import Database, Transaction
from app.store.flows import FlowStore
from app.store.links import LinkStore
from app.store.outbox import OutboxStore
from app.store.sessions import SessionStore
from app.store.timeline import TimelineStore

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60
_DAY_SECONDS = 86_400
_LINKS_KEPT_SECONDS = 30 * _DAY_SECONDS
_TIMELINES_KEPT_SECONDS = 90 * _DAY_SECONDS
_SLICE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """For how long, as the settings say."""

    session_idle_seconds: float
    audit_days: int
    events_days: int


async def purge_for_ever(database: Database, kept: Kept) -> None:
    """Once a minute; several processes doing this at once do no harm."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await purge(database, kept)
        except DatabaseUnavailable:
            log.warning("purge_postponed", reason="database_unavailable")


async def purge(database: Database, kept: Kept) -> None:
    """All of it. Raises DatabaseUnavailable; what is gone by then is gone."""
    purged = {
        "abandoned_flows": await _in_slices(database, _purge_flows),
        "events": await _in_slices(
            database,
            lambda tx: OutboxStore(tx).purge(
                kept_seconds=kept.events_days * _DAY_SECONDS, at_most=_SLICE
            ),
        ),
        "audit": await _in_slices(
            database,
            lambda tx: AuditStore(tx).purge(kept_days=kept.audit_days, at_most=_SLICE),
        ),
    }
    async with database.transaction() as tx:
        await TimelineStore(tx).trim(
            kept_seconds=_TIMELINES_KEPT_SECONDS, recent_seconds=5 * _EVERY_SECONDS
        )
    async with database.transaction() as tx:
        await LinkStore(tx).purge(kept_seconds=_LINKS_KEPT_SECONDS)
        purged["ended_sessions"] = await SessionStore(tx).purge(
            idle_seconds=kept.session_idle_seconds
        )
    if any(purged.values()):
        log.info("purged", **purged)


async def _in_slices(
    database: Database, purge_some: Callable[[Transaction], Awaitable[int]]
) -> int:
    """A slice at a time: this process may be keeping tokens alive meanwhile."""
    total = 0
    while True:
        async with database.transaction() as tx:
            purged = await purge_some(tx)
        total += purged
        if purged < _SLICE:
            return total


async def _purge_flows(tx: Transaction) -> int:
    purged = await FlowStore(tx).purge(at_most=_SLICE)
    abandoned = await LinkStore(tx).unused(purged.links)
    await AuditStore(tx).add(*(_abandoned(link_id) for link_id in abandoned))
    return purged.flows


def _abandoned(link_id: LinkId) -> Deed:
    """Documented: who cancels is not sent back to us, so that it was given up shows only now."""
    return Deed(BROWSER, Action.ACTIVATION_ABANDONED, None, {"linkId": str(link_id)})
