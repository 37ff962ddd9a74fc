"""Our settings against Infobip's."""

from fastapi import APIRouter

from app.web.dependencies import AdminReader, ProcessOf
from app.web.schemas.app import AppJson
from app.web.schemas.problems import admin_problems

router = APIRouter(prefix="/admin/app", tags=["app"])


@router.get("", summary="Check the app's settings", responses=admin_problems())
async def check_app(_: AdminReader, process: ProcessOf) -> AppJson:
    """Asks Infobip for the app shell's credentials, on behalf of a connection that is alive, and
    compares them with our settings. No secret is shown; each finding says how to mend it."""
    return AppJson.model_validate(await process.app_check.run())
