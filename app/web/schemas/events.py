"""Events, as the admin API shows them."""

from typing import Any, Self
from uuid import UUID

from pydantic import Field

from app.models.event import DeliveryStatus, EventType, Outgoing, Sought
from app.models.identifiers import ConnectionId
from app.web.schemas.json import Given, Instant, Json

_HIGHEST = 2**63 - 1


class EventDetails(Json):
    """An event, and how far its delivery has come."""

    id: UUID = Field(description="The header `webhook-id` of every delivery.")
    sequence: int = Field(description="Of one connection's events, the later has the higher one.")
    type: EventType
    timestamp: Instant
    connection_id: UUID | None
    data: dict[str, Any] = Field(description="What the receiver gets to see.")
    status: DeliveryStatus = Field(
        description="`pending`: on its way; `failed`: given up, redeliver it to try again."
    )
    attempts: int = Field(description="Since it happened or was redelivered.")
    outcome: str | None = Field(
        description="What the last attempt ended in: the status that was answered, or "
        "`timed_out`, `unreachable`, `unintelligible`."
    )
    attempted_at: Instant | None
    next_attempt_at: Instant | None = Field(description="While it is pending.")
    delivered_at: Instant | None

    @classmethod
    def of(cls, outgoing: Outgoing) -> Self:
        is_pending = outgoing.status is DeliveryStatus.PENDING
        return cls(
            id=outgoing.id,
            sequence=outgoing.sequence,
            type=outgoing.event.type,
            timestamp=outgoing.occurred_at,
            connection_id=outgoing.event.connection_id,
            data=dict(outgoing.event.data),
            status=outgoing.status,
            attempts=outgoing.attempts,
            outcome=outgoing.outcome,
            attempted_at=outgoing.attempted_at,
            next_attempt_at=outgoing.due_at if is_pending else None,
            delivered_at=outgoing.delivered_at,
        )


class EventList(Json):
    """A page. `nextCursor` asks for the next one; null at the end."""

    items: list[EventDetails]
    next_cursor: int | None


class EventQuery(Given):
    """Which events, and which page of them."""

    status: DeliveryStatus | None = None
    type: EventType | None = None
    connection_id: UUID | None = None
    cursor: int | None = Field(default=None, ge=1, le=_HIGHEST)
    limit: int = Field(default=50, ge=1, le=200)

    def to_value(self) -> Sought:
        connection_id = ConnectionId(self.connection_id) if self.connection_id else None
        return Sought(status=self.status, type=self.type, connection_id=connection_id)
