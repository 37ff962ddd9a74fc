"""For whoever runs us: is the process alive, can it serve."""

from fastapi import APIRouter

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Alive: the event loop turns."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz() -> dict[str, str]:
    """Can serve. Stays green while the database is briefly away: this process may hold the only
    copy of live tokens, and must not be taken out for that."""
    return {"status": "ready"}
