"""Connections: which Infobip user an app may act for, and whether it still can."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from app.models.identifiers import ConnectionId


class ConnectionType(StrEnum):
    """How Infobip knows us: by a person's token, or by an account's API key."""

    OAUTH = "oauth"
    API_KEY = "apiKey"


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
    LET_GO = "let_go"
    """There were more connections than REFRESHER_RATE_PER_SECOND can keep alive, and this was one
    of those that had not been used for longest."""


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
    """Who the token stands for, as the token endpoint said when the person signed in.

    Nothing of it is known for a connection with an API key.
    """

    account_key: str | None
    user_key: str | None
    username: str | None
    email: str | None
    locale: str | None
    roles: tuple[Role, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """Whether a connection lives; `reason` is why not."""

    status: ConnectionStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class Connection:
    """One account and user of Infobip, or the account of an API key.

    `renewed_at` and `expires_at` are those of its token; an API key has neither. `external_id`
    is the operator's name for whose connection it is. `api_url` stands in for the default one.
    `last_used_at` is right to half a minute.
    """

    id: ConnectionId
    type: ConnectionType
    status: ConnectionStatus
    reason: str | None
    profile: Profile
    external_id: str | None
    label: str | None
    api_url: str | None
    created_at: datetime
    connected_at: datetime
    renewed_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None

    @property
    def state(self) -> ConnectionState:
        return ConnectionState(self.status, self.reason)


class ConnectionChanges(TypedDict, total=False):
    """What an operator changes; None clears it, and what is not there stays as it is."""

    external_id: str | None
    api_url: str | None
    label: str | None
