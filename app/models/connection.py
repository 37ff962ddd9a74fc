"""Connections: which Infobip user an app may act for, and whether it still can."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.models.identifiers import ConnectionId


class ConnectionStatus(StrEnum):
    """`lost` can come back when a person connects again; `disconnected` was wished for."""

    ACTIVE = "active"
    LOST = "lost"
    DISCONNECTED = "disconnected"


class LossCause(StrEnum):
    """Why a connection was lost: the last thing that stood between it and a live token."""

    REFUSED = "refused"
    CLIENT_REFUSED = "client_refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    UNINTELLIGIBLE = "unintelligible"
    NOT_RENEWED = "not_renewed"
    """Nobody was there who could renew it in time; if we were, the log tells why we could not."""
    TOO_LATE = "too_late"
    """We were there, and too busy."""


@dataclass(frozen=True, slots=True)
class Role:
    """One of the user's roles in Infobip; names carry blanks, any script, even markup."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """One of the user's groups in Infobip."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Who the token stands for, as the token endpoint said when the person signed in."""

    account_key: str
    user_key: str
    username: str | None
    email: str | None
    locale: str | None
    roles: tuple[Role, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Connection:
    """One account and user of Infobip. `renewed_at` and `expires_at` are those of its token."""

    id: ConnectionId
    status: ConnectionStatus
    reason: str | None
    profile: Profile
    created_at: datetime
    connected_at: datetime
    renewed_at: datetime
    expires_at: datetime
