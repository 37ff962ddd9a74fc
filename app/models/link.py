"""Activation links: an operator's invitation to one of its customers to link an account."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.models.identifiers import ConnectionId, LinkId


class LinkStatus(StrEnum):
    """`abandoned` and `expired` links led nowhere; an abandoned one may still be used."""

    PENDING = "pending"
    BEGUN = "begun"
    ABANDONED = "abandoned"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ActivationLink:
    """What a link is for. `scopes` replace the app's own; `for_connection` makes it a reconnect."""

    id: LinkId
    status: LinkStatus
    external_id: str | None
    for_connection: ConnectionId | None
    return_to: str | None
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime
    begun_at: datetime | None
    used_at: datetime | None
    connection_id: ConnectionId | None
