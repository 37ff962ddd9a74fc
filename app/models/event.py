"""Events: what the operator's own programs are told of by webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.models.identifiers import ConnectionId


class EventType(StrEnum):
    """Each thing that is told. The names are part of the public surface."""

    CONNECTED = "connection.connected"
    """Made, made anew after a disconnection, or linked to another of the operator's customers."""
    LOST = "connection.lost"
    RECONNECTED = "connection.reconnected"
    DISCONNECTED = "connection.disconnected"
    SETTINGS_CHANGED = "settings.changed"


class DeliveryStatus(StrEnum):
    """`failed`: given up after a day of attempts, or because the receiver said 410."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell. `data` is what the receiver gets to see: never a token, key or secret."""

    type: EventType
    data: Mapping[str, str | int | None]
    connection_id: ConnectionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An event on its way, or past it.

    `sequence` grows: of two events of one connection or account, the later one has the higher
    number. `attempts` counts since the event was made or redelivered; `due_at` is when the next
    one is due, and while one is under way, when it may be taken for dead.
    """

    sequence: int
    id: UUID
    event: Event
    occurred_at: datetime
    status: DeliveryStatus
    attempts: int
    due_at: datetime
    outcome: str | None
    attempted_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which events: those to which all of this applies; None applies to all."""

    status: DeliveryStatus | None = None
    type: EventType | None = None
    connection_id: ConnectionId | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not delivered. `oldest_seconds` is the age of the oldest that is pending, or 0."""

    pending: int = 0
    failed: int = 0
    oldest_seconds: float = 0.0
