"""How tokens are kept alive."""

from fastapi import APIRouter

from app.web.dependencies import AdminReader, ProcessOf
from app.web.schemas.problems import admin_problems
from app.web.schemas.refresher import RefresherOverview

router = APIRouter(prefix="/admin/refresher", tags=["refresher"])


@router.get("", summary="Who keeps the tokens alive", responses=admin_problems())
async def read_refresher(_: AdminReader, process: ProcessOf) -> RefresherOverview:
    """All refreshers, what each owns and how far behind it is, and what was lost in the last hour.

    They tell of themselves through the database. While that is away, ask each process for its
    metrics.
    """
    life = process.settings.infobip.token_lifetime_seconds
    return RefresherOverview.of(await process.overview.fleet(), token_life_seconds=life)
