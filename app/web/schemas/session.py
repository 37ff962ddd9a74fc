"""The session, as embedded pages see it."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import StringConstraints

from app.connections.tokens import UsableTokens
from app.models.connection import ConnectionStatus
from app.models.session import Session
from app.web.schemas.connections import NamedInInfobip
from app.web.schemas.json import Given, Instant, Json


class SessionConnection(Json):
    """The connection that this session may use."""

    id: UUID
    status: ConnectionStatus
    reason: str | None
    renewed_at: Instant | None
    expires_at: Instant | None


class SessionDetails(Json):
    """Who is signed in, on which page, with which connection."""

    account_key: str | None
    user_key: str | None
    username: str | None
    email: str | None
    locale: str | None
    roles: list[NamedInInfobip]
    groups: list[NamedInInfobip]
    surface: str
    params: dict[str, str]
    connection: SessionConnection
    expires_at: Instant
    logout_url: str

    @classmethod
    def of(cls, session: Session, *, tokens: UsableTokens, public_url: str) -> Self:
        """`tokens` know the times of a token that this process renews better than the database."""
        connection, profile = session.connection, session.connection.profile
        renewed_at, expires_at = tokens.times(connection)
        return cls(
            account_key=profile.account_key,
            user_key=profile.user_key,
            username=profile.username,
            email=profile.email,
            locale=profile.locale,
            roles=[NamedInInfobip.model_validate(role) for role in profile.roles],
            groups=[NamedInInfobip.model_validate(group) for group in profile.groups],
            surface=session.surface,
            params=dict(session.params),
            connection=SessionConnection(
                id=connection.id,
                status=connection.status,
                reason=connection.reason,
                renewed_at=renewed_at,
                expires_at=expires_at,
            ),
            expires_at=session.expires_at,
            logout_url=f"{public_url}/api/session",
        )


class TakeUp(Given):
    """What one document hands over to the next where browsers keep no cookies."""

    handover_code: Annotated[str, StringConstraints(max_length=200)]


class TakenUp(Json):
    """A session whose token the page keeps in memory: `Authorization: Bearer <token>`."""

    token: str
    expires_at: Instant
    session: SessionDetails
