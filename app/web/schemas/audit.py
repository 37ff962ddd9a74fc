"""The record, as the admin API shows it."""

from typing import Self
from uuid import UUID

from pydantic import Field

from app.models.audit import Action, Recorded
from app.web.schemas.json import Given, Instant, Json

_HIGHEST_ID = 2**63 - 1


class AuditEntry(Json):
    """Who did what. `actor` is an admin key's name, `browser` or `settings`."""

    id: int
    at: Instant
    actor: str
    action: Action
    connection_id: UUID | None
    details: dict[str, str]

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        deed = recorded.deed
        return cls(
            id=recorded.id,
            at=recorded.at,
            actor=deed.actor,
            action=deed.action,
            connection_id=deed.connection_id,
            details=dict(deed.details),
        )


class AuditList(Json):
    """A page. `nextBefore` asks for the next one; null at the end."""

    items: list[AuditEntry]
    next_before: int | None


class AuditQuery(Given):
    """Which page."""

    before: int | None = Field(default=None, ge=1, le=_HIGHEST_ID)
    limit: int = Field(default=50, ge=1, le=200)
