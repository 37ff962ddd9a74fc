"""The record, as the admin API shows it."""

from typing import Self
from uuid import UUID

from pydantic import Field

from app.models.audit import Action, Asked, Recorded
from app.models.identifiers import ConnectionId
from app.web.schemas.json import Given, GivenInstant, Instant, Json, Line

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
    """Which entries, and which page of them."""

    connection_id: UUID | None = None
    action: Action | None = None
    actor: Line | None = Field(
        default=None, description="An admin key's name, `browser`, `settings`, …"
    )
    since: GivenInstant | None = Field(default=None, description="From this time on.")
    until: GivenInstant | None = Field(default=None, description="Before this time.")
    before: int | None = Field(default=None, ge=1, le=_HIGHEST_ID)
    limit: int = Field(default=50, ge=1, le=200)

    def to_value(self) -> Asked:
        return Asked(
            connection_id=ConnectionId(self.connection_id) if self.connection_id else None,
            action=self.action,
            actor=self.actor,
            since=self.since,
            until=self.until,
        )
