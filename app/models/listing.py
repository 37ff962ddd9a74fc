"""Going through connections page by page."""

from dataclasses import dataclass
from datetime import datetime

from app.models.connection import ConnectionStatus, ConnectionType
from app.models.identifiers import ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which connections: those to which all of this applies; None applies to all."""

    status: ConnectionStatus | None = None
    type: ConnectionType | None = None
    account_key: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: its last connection, by what they are sorted."""

    created_at: datetime
    id: ConnectionId
