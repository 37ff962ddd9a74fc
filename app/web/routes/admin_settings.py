"""The settings that apps keep for accounts, as the operator sees them."""

from typing import Annotated

from fastapi import APIRouter, Path

from app.web.dependencies import AdminReader, ProcessOf
from app.web.schemas.account_settings import SavedSettings, SettingsHistory
from app.web.schemas.json import Line
from app.web.schemas.problems import admin_problems

router = APIRouter(prefix="/admin/accounts", tags=["accounts"])

AccountKey = Annotated[Line, Path(description="An account's key in Infobip.")]


@router.get(
    "/{account_key}/settings",
    summary="Read an account's settings",
    responses=admin_problems(input_may_be_malformed=True),
)
async def read_account_settings(
    _: AdminReader, account_key: AccountKey, process: ProcessOf
) -> SavedSettings:
    """What was saved last, and by whom; `{}` as version 0 where nobody has saved yet."""
    return SavedSettings.of(await process.account_settings.read(account_key))


@router.get(
    "/{account_key}/settings/history",
    summary="Read the former settings of an account",
    responses=admin_problems(input_may_be_malformed=True),
)
async def read_settings_history(
    _: AdminReader, account_key: AccountKey, process: ProcessOf
) -> SettingsHistory:
    """The last 20 versions, the newest first."""
    versions = await process.account_settings.history(account_key)
    return SettingsHistory(items=[SavedSettings.of(version) for version in versions])
