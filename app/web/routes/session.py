"""The session, as embedded pages see it."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from app.embed.sessions import BEARER_PREFIX
from app.models.connection import ConnectionStatus
from app.models.session import Session
from app.web.cookies import SESSION_COOKIE, clear_cookie
from app.web.dependencies import ProcessOf, SignedIn

router = APIRouter(prefix="/api", tags=["session"])

Instant = Annotated[datetime, AfterValidator(lambda value: value.astimezone(UTC))]


class _Json(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class NamedJson(_Json):
    """A role or group of the user in Infobip."""

    id: int
    name: str


class ConnectionJson(_Json):
    """The connection that this session may use."""

    id: UUID
    status: ConnectionStatus
    reason: str | None
    renewed_at: Instant | None
    expires_at: Instant | None


class SessionJson(_Json):
    """Who is signed in, on which page, with which connection."""

    account_key: str | None
    user_key: str | None
    username: str | None
    email: str | None
    locale: str | None
    roles: list[NamedJson]
    groups: list[NamedJson]
    surface: str
    params: dict[str, str]
    connection: ConnectionJson
    expires_at: Instant
    logout_url: str


class TakeUpBody(_Json):
    """What one document hands over to the next where browsers keep no cookies."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    handover_code: Annotated[str, StringConstraints(max_length=200)]


class TakenUpJson(_Json):
    """A session whose token the page keeps in memory: `Authorization: Bearer <token>`."""

    token: str
    expires_at: Instant
    session: SessionJson


@router.post("/session", status_code=201)
async def take_up_session(body: TakeUpBody, process: ProcessOf) -> TakenUpJson:
    """Trade a hand-over code, good once and for a minute, for a session of the page's own."""
    token = await process.sessions.take_up(body.handover_code)
    session = await process.sessions.find(token, prefix=BEARER_PREFIX)
    return TakenUpJson(token=token, expires_at=session.expires_at, session=_json(session, process))


@router.get("/session")
async def read_session(session: SignedIn, process: ProcessOf) -> SessionJson:
    """Who is signed in. With the cookie it needs the header `X-Hearth: 1`."""
    return _json(session, process)


@router.delete("/session", status_code=204, response_class=Response)
async def end_session(session: SignedIn, process: ProcessOf) -> Response:
    """Sign out: the session ends here and now, and its cookie goes if it had one."""
    await process.sessions.end(session.id)
    return Response(status_code=204, headers={"set-cookie": clear_cookie(SESSION_COOKIE)})


def _json(session: Session, process: ProcessOf) -> SessionJson:
    connection, profile = session.connection, session.connection.profile
    renewed_at, expires_at = process.tokens.times(connection)
    return SessionJson(
        account_key=profile.account_key,
        user_key=profile.user_key,
        username=profile.username,
        email=profile.email,
        locale=profile.locale,
        roles=[NamedJson.model_validate(role) for role in profile.roles],
        groups=[NamedJson.model_validate(group) for group in profile.groups],
        surface=session.surface,
        params=dict(session.params),
        connection=ConnectionJson(
            id=connection.id,
            status=connection.status,
            reason=connection.reason,
            renewed_at=renewed_at,
            expires_at=expires_at,
        ),
        expires_at=session.expires_at,
        logout_url=f"{process.settings.web.public_url}/api/session",
    )
