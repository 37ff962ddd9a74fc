"""For whoever runs us: is the process alive, can it serve, how is it doing."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from app.errors.administration import AdminKeyMissing, ScopeMissing
from app.web.dependencies import AdminReader, ProcessOf
from app.web.metrics_port import metrics_answer
from app.web.schemas.problems import problems

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="Is it alive")
async def is_alive() -> dict[str, str]:
    """Alive: the event loop turns."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can it serve")
async def is_ready() -> dict[str, str]:
    """Can serve. Stays green while the database is briefly away: this process may hold the only
    copy of live tokens, and must not be taken out for that."""
    return {"status": "ready"}


@router.get(
    "/metrics",
    summary="How this process is doing, for Prometheus",
    response_class=PlainTextResponse,
    responses=problems(AdminKeyMissing, ScopeMissing),
)
async def read_metrics(_: AdminReader, process: ProcessOf, request: Request) -> Response:
    """In Prometheus's text format, or in OpenMetrics where that is asked for."""
    return metrics_answer(process.metrics, request)
