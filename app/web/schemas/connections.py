"""Connections, as the admin API shows and takes them."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StrictBool

from app.connections.api_keys import NewApiKey
from app.infobip.api_keys import API_KEY
from app.models.connection import Connection, ConnectionStatus, ConnectionType
from app.models.listing import Wanted
from app.web.schemas.json import Given, Instant, Json, Line


def _api_key(value: SecretStr) -> SecretStr:
    if not API_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("Must be the API key alone, without the word App and without blanks")
    return value


class NamedInInfobip(Json):
    """A role or group of the user in Infobip."""

    id: int
    name: str


class ConnectionDetails(Json):
    """One account and user of Infobip, or the account of an API key, of which nothing is known.

    `renewedAt` and `expiresAt` are those of its token; an API key has neither.
    """

    id: UUID
    type: ConnectionType
    status: ConnectionStatus
    reason: str | None = Field(description="Why it was lost.")
    account_key: str | None
    user_key: str | None
    username: str | None
    email: str | None
    locale: str | None
    roles: list[NamedInInfobip]
    groups: list[NamedInInfobip]
    external_id: str | None = Field(description="The operator's name for whose connection it is.")
    label: str | None
    api_url: str | None = Field(description="Stands in for INFOBIP_API_URL.")
    created_at: Instant
    connected_at: Instant
    renewed_at: Instant | None
    expires_at: Instant | None
    last_used_at: Instant | None

    @classmethod
    def of(cls, connection: Connection, times: tuple[datetime | None, datetime | None]) -> Self:
        """`times` are when the token was renewed and when it dies, as fresh as is known."""
        profile = connection.profile
        return cls(
            id=connection.id,
            type=connection.type,
            status=connection.status,
            reason=connection.reason,
            account_key=profile.account_key,
            user_key=profile.user_key,
            username=profile.username,
            email=profile.email,
            locale=profile.locale,
            roles=[NamedInInfobip.model_validate(role) for role in profile.roles],
            groups=[NamedInInfobip.model_validate(group) for group in profile.groups],
            external_id=connection.external_id,
            label=connection.label,
            api_url=connection.api_url,
            created_at=connection.created_at,
            connected_at=connection.connected_at,
            renewed_at=times[0],
            expires_at=times[1],
            last_used_at=connection.last_used_at,
        )


class ConnectionList(Json):
    """A page. `nextCursor` asks for the next one; null at the end."""

    items: list[ConnectionDetails]
    next_cursor: str | None


class NewConnection(Given):
    """An API key to be kept."""

    type: Literal["apiKey"]
    api_key: Annotated[SecretStr, AfterValidator(_api_key)] = Field(
        max_length=512, description="Kept sealed; no answer ever shows it."
    )
    api_url: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="The account's personal API base URL, if not INFOBIP_API_URL."
    )
    external_id: Line | None = None
    label: Line | None = None
    check: StrictBool = Field(
        default=True, description="Whether Infobip is asked if it knows the key."
    )

    def to_value(self) -> NewApiKey:
        """What the service takes."""
        return NewApiKey(
            api_key=self.api_key.get_secret_value(),
            api_url=self.api_url,
            external_id=self.external_id,
            label=self.label,
        )


class ConnectionQuery(Given):
    """Which connections, and which page of them."""

    status: ConnectionStatus | None = None
    type: ConnectionType | None = None
    account_key: Line | None = None
    external_id: Line | None = None
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)

    def to_value(self) -> Wanted:
        """What the service takes."""
        return Wanted(
            status=self.status,
            type=self.type,
            account_key=self.account_key,
            external_id=self.external_id,
        )
