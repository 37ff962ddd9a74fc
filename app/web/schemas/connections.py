"""Connections, as the admin API shows and takes them."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StrictBool

from app.connections.api_keys import NewApiKey
from app.infobip.api_keys import API_KEY
from app.models.connection import (
    Connection,
    ConnectionChanges,
    ConnectionStatus,
    ConnectionType,
)
from app.models.listing import Wanted
from app.web.schemas.json import Given, Instant, Json, Line


def _api_key(value: SecretStr) -> SecretStr:
    if not API_KEY.fullmatch(value.get_secret_value()):
        raise ValueError("Must be the API key alone, without the word App and without blanks")
    return value


class NamedInInfobip(Json):
    """A role or group of the user in Infobip."""

    id: int = Field(examples=[79])
    name: str = Field(examples=["Manager 1"])


class ConnectionDetails(Json):
    """One account and user of Infobip, or the account of an API key, of which nothing is known.

    `renewedAt` and `expiresAt` are those of its token; an API key has neither.
    """

    id: UUID
    type: ConnectionType
    status: ConnectionStatus = Field(
        description="`lost`: a person has to connect again. `disconnected`: ended on purpose."
    )
    reason: str | None = Field(description="Why it was lost.", examples=[None])
    account_key: str | None = Field(examples=["8F0792F86035A9F4290821F1EE6BC06A"])
    user_key: str | None = Field(examples=["F443BCAEB8517F7159F44D0E8CFE725D"])
    username: str | None = Field(examples=["developeruser"])
    email: str | None = Field(examples=["developer@infobip.com"])
    locale: str | None = Field(examples=["en-US"])
    roles: list[NamedInInfobip]
    groups: list[NamedInInfobip]
    external_id: str | None = Field(
        description="Your name for whose connection it is.", examples=["customer-42"]
    )
    label: str | None = Field(description="A note of yours.", examples=["Branch in Zagreb"])
    api_url: str | None = Field(
        description="The account's API base URL; null is INFOBIP_API_URL.", examples=[None]
    )
    created_at: Instant
    connected_at: Instant = Field(description="When a person, or you, connected it last.")
    renewed_at: Instant | None = Field(description="When its token was renewed last.")
    expires_at: Instant | None = Field(description="When its token dies unless it is renewed.")
    last_used_at: Instant | None = Field(description="Right to half a minute.")

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
    next_cursor: str | None = Field(examples=[None])


class NewConnection(Given):
    """An API key to be kept."""

    type: Literal["apiKey"]
    api_key: Annotated[SecretStr, AfterValidator(_api_key)] = Field(
        max_length=512,
        description="Kept sealed; no answer ever shows it.",
        json_schema_extra={"minLength": 1, "pattern": f"^{API_KEY.pattern}$"},
        examples=["33d6a1c0f5a94e0b8d1c2e7f9a4b6c8d-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"],
    )
    api_url: Annotated[str, Field(max_length=512)] | None = Field(
        default=None,
        description="The account's personal API base URL, if not INFOBIP_API_URL.",
        examples=["https://api.infobip.com"],
    )
    external_id: Line | None = Field(
        default=None, description="Your name for whose connection it is.", examples=["customer-42"]
    )
    label: Line | None = Field(
        default=None, description="A note of yours.", examples=["Branch in Zagreb"]
    )
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


class ChangedConnection(Given):
    """What is to be changed. What is left out stays; null clears it."""

    external_id: Line | None = Field(
        default=None, description="Your name for whose connection it is.", examples=["customer-42"]
    )
    api_url: Annotated[str, Field(max_length=512)] | None = Field(
        default=None,
        description="The account's API base URL; null is INFOBIP_API_URL.",
        examples=["https://api.infobip.com"],
    )
    label: Line | None = Field(
        default=None, description="A note of yours.", examples=["Branch in Zagreb"]
    )

    def to_value(self) -> ConnectionChanges:
        """What the service takes."""
        changes: ConnectionChanges = {}
        if "external_id" in self.model_fields_set:
            changes["external_id"] = self.external_id
        if "api_url" in self.model_fields_set:
            changes["api_url"] = self.api_url
        if "label" in self.model_fields_set:
            changes["label"] = self.label
        return changes


class AuthorizationDetails(Json):
    """What authorises calls to Infobip for a while."""

    authorization: str = Field(
        description="The value of Infobip's `Authorization` header, as it is to be sent.",
        examples=["IBSSO 3d7908aa-7b8c-4c5a-94bf-5cdeef18947b"],
    )
    expires_at: Instant | None = Field(
        description="When it dies: ask again before. Null for an API key."
    )


class ConnectionQuery(Given):
    """Which connections, and which page of them."""

    status: ConnectionStatus | None = Field(default=None, description="Only those in this state.")
    type: ConnectionType | None = Field(default=None, description="Only those of this type.")
    account_key: Line | None = Field(default=None, description="Only those of this account.")
    external_id: Line | None = Field(
        default=None, description="Only those with this name of yours."
    )
    cursor: str | None = Field(
        default=None, max_length=64, description="`nextCursor` of the page before."
    )
    limit: int = Field(default=50, ge=1, le=200, description="How many at most.")

    def to_value(self) -> Wanted:
        """What the service takes."""
        return Wanted(
            status=self.status,
            type=self.type,
            account_key=self.account_key,
            external_id=self.external_id,
        )
