"""Changes, told to embedded pages as they happen."""

from fastapi import APIRouter, Response

from app.errors.pages import TooManyStreams
from app.web.dependencies import ProcessOf, SignedIn
from app.web.event_stream import EventStream
from app.web.schemas.problems import session_problems

router = APIRouter(prefix="/api/events", tags=["session"])

_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}


@router.get(
    "",
    summary="Follow what happens",
    response_class=Response,
    responses={
        200: {"content": _STREAM, "description": "A stream that stays open."},
        **session_problems(TooManyStreams),
    },
)
async def follow_events(session: SignedIn, process: ProcessOf) -> Response:
    """Server-sent events: `status` with `{status, reason, reconnectUrl}` and `settings` with
    `{etag}`, as they are now and whenever they change."""
    return EventStream(
        session,
        news=process.news,
        clock=process.clock,
        public_url=process.settings.web.public_url,
    )
