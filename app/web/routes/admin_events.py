"""Administration of events: what your receiver was told, and telling it once more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.errors.administration import EventsNotConfigured, EventUnknown
from app.web.dependencies import AdminReader, AdminWriter, ProcessOf
from app.web.schemas.events import EventDetails, EventList, EventQuery
from app.web.schemas.problems import admin_problems

router = APIRouter(prefix="/admin/events", tags=["events"])


@router.get("", summary="List events", responses=admin_problems(input_may_be_malformed=True))
async def list_events(
    _: AdminReader, query: Annotated[EventQuery, Query()], process: ProcessOf
) -> EventList:
    """What your receiver (EVENTS_URL) was told or is still to be told; the newest first.

    `?status=failed` lists what was given up. Kept for EVENTS_RETENTION_DAYS.
    """
    page = await process.events.page(query.to_value(), before=query.cursor, limit=query.limit)
    return EventList(
        items=[EventDetails.of(outgoing) for outgoing in page.items], next_cursor=page.next_before
    )


@router.get(
    "/{event_id}",
    summary="Look up an event",
    responses=admin_problems(EventUnknown, input_may_be_malformed=True),
)
async def read_event(_: AdminReader, event_id: UUID, process: ProcessOf) -> EventDetails:
    """One event, and how far its delivery has come."""
    return EventDetails.of(await process.events.get(event_id))


@router.post(
    "/{event_id}/redeliver",
    status_code=202,
    summary="Send an event again",
    responses=admin_problems(EventUnknown, EventsNotConfigured, input_may_be_malformed=True),
)
async def redeliver_event(admin: AdminWriter, event_id: UUID, process: ProcessOf) -> EventDetails:
    """Send it again now, whatever became of it, with all attempts before it. Its id stays."""
    return EventDetails.of(await process.events.redeliver(event_id, actor=admin.name))
