"""The settings of accounts, as embedded pages and the admin API see them."""

from typing import Any, Self

import msgspec
from pydantic import Field

from app.models.account_settings import SettingsVersion
from app.web.schemas.json import Instant, Json


class SettingsForm(Json):
    """What a form for the settings is made of. `writable`: whether this person may save."""

    schema_: dict[str, Any] | None = Field(alias="schema")
    writable: bool


class SavedSettings(Json):
    """A version. `savedBy` is the user's key in Infobip; version 0 was never saved by anybody."""

    account_key: str
    version: int
    document: dict[str, Any]
    saved_at: Instant | None
    saved_by: str | None
    username: str | None

    @classmethod
    def of(cls, saved: SettingsVersion) -> Self:
        return cls(
            account_key=saved.account_key,
            version=saved.version,
            document=msgspec.json.decode(saved.document),
            saved_at=saved.saved_at,
            saved_by=saved.saved_by,
            username=saved.username,
        )


class SettingsHistory(Json):
    """The versions that are kept, the newest first."""

    items: list[SavedSettings]
