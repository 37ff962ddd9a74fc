"""The live picture in numbers, for the page at /admin/status."""

from fastapi import APIRouter

from app.web.dependencies import AdminReader, ProcessOf
from app.web.schemas.picture import Picture
from app.web.schemas.problems import admin_problems

router = APIRouter(prefix="/admin/picture", tags=["operations"])


@router.get("", summary="The live picture in numbers", responses=admin_problems())
async def read_picture(_: AdminReader, process: ProcessOf) -> Picture:
    """The last hour as this process saw it: what the page at `/admin/status` draws.

    It answers while the database is away. `GET /admin/refresher` says what each refresher owns.
    """
    history = process.history
    return Picture.of(
        history,
        connections=await history.counts(),
        token_life_seconds=process.settings.infobip.token_lifetime_seconds,
    )
