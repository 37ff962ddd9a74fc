"""What routes ask for: the process, who is signed in, who administers."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from app.admin.keys import Admin, Scope
from app.connections.authorisation import Authorisations
from app.connections.links import ActivationLinks
from app.embed.sessions import BEARER_PREFIX, COOKIE_PREFIX
from app.errors.administration import AdminKeyMissing, ScopeMissing
from app.errors.pages import NotSignedIn, RequestForged
from app.errors.sign_in import OAuthNotConfigured
from app.factory import Process
from app.models.audit import Action
from app.models.connection import Connection, ConnectionType
from app.models.session import Session
from app.settings import origin_of
from app.web.cookies import SESSION_COOKIE, our_cookies
from app.web.refusals import note_refusal


def process_of(connection: HTTPConnection) -> Process:
    """The process that serves this request."""
    process: Process = connection.app.state.process
    return process


async def signed_in(connection: HTTPConnection) -> Session:
    """The session of a call by a page. Raises RequestForged or NotSignedIn.

    A bearer token is kept and sent by the page itself. The cookie travels by itself, so the
    call has to prove that our page made it.
    """
    sessions = process_of(connection).sessions
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential.startswith(BEARER_PREFIX):
        return await sessions.find(credential, prefix=BEARER_PREFIX)
    token = our_cookies(connection.scope["headers"]).get(SESSION_COOKIE)
    if not token:
        raise NotSignedIn
    require_our_page(connection)
    return await sessions.find(token, prefix=COOKIE_PREFIX)


def require_our_page(connection: HTTPConnection) -> None:
    """Raises RequestForged unless our own page made this call.

    It shows by a header that other origins cannot send without asking first, and by what
    browsers add themselves.
    """
    headers = connection.headers
    if headers.get("x-hearth") != "1":
        raise RequestForged
    require_our_origin(connection)


def require_our_origin(connection: HTTPConnection) -> None:
    """Raises RequestForged when the browser says that another origin made this request."""
    headers = connection.headers
    ours = origin_of(process_of(connection).settings.web.public_url)
    if headers.get("origin", ours) != ours:
        raise RequestForged
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise RequestForged


def reconnect_url(process: Process, connection: Connection) -> str | None:
    """Where a person makes this connection anew; None for an API key, which no person can."""
    by_person = connection.type is ConnectionType.OAUTH and process.authorisations is not None
    return f"{process.settings.web.public_url}/connect" if by_person else None


_bearer = HTTPBearer(
    auto_error=False, scheme_name="adminKey", description="The secret of one of ADMIN_KEYS."
)


async def admin_of(connection: HTTPConnection) -> Admin:
    """Whose admin key the call brings. Raises AdminKeyMissing."""
    keys = process_of(connection).admin_keys
    credentials = await _bearer(connection)
    admin = keys.find(credentials.credentials) if credentials else None
    if admin is None:
        if credentials:
            note_refusal(connection, Action.ADMIN_KEY_REFUSED, reason="unknown_key")
        raise AdminKeyMissing(None if keys else "ADMIN_KEYS is not set, so nobody may do this.")
    structlog.contextvars.bind_contextvars(admin=admin.name)
    return admin


async def admin_with(scope: Scope, connection: HTTPConnection) -> Admin:
    """The same, where the key has this scope. Raises AdminKeyMissing or ScopeMissing."""
    admin = await admin_of(connection)
    if scope not in admin.scopes:
        note_refusal(connection, Action.SCOPE_REFUSED, reason=scope, actor=admin.name)
        raise ScopeMissing(f"This call needs an admin key with the scope {scope}.")
    return admin


def _needs(scope: Scope) -> Callable[..., Awaitable[Admin]]:
    async def check(
        request: Request,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],  # for OpenAPI
    ) -> Admin:
        return await admin_with(scope, request)

    return check


def _process(request: Request) -> Process:
    return process_of(request)


def _authorisations(request: Request) -> Authorisations:
    authorisations = process_of(request).authorisations
    if authorisations is None:
        raise OAuthNotConfigured
    return authorisations


def _beginning(request: Request) -> None:
    """One more flow of this client's. Raises TooManyFlows.

    Only behind proxies that we know: everybody else comes from one and the same address, a
    proxy's, and one client would use up what is for all.
    """
    process = process_of(request)
    if process.settings.web.trusted_proxies and request.client is not None:
        process.beginnings.count(request.client.host)


def _links(request: Request) -> ActivationLinks:
    links = process_of(request).links
    if links is None:
        raise OAuthNotConfigured
    return links


_session_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="sessionToken",
    description="The token of a session without cookies, which a page keeps in memory.",
)
_session_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    auto_error=False,
    scheme_name="sessionCookie",
    description="The cookie of a session. Browsers bring it by themselves; `X-Hearth: 1` beside it "
    "shows that a page of ours made the call.",
)


async def _signed_in(
    request: Request,
    _token: Annotated[HTTPAuthorizationCredentials | None, Depends(_session_bearer)],
    _cookie: Annotated[str | None, Depends(_session_cookie)],  # both for OpenAPI
) -> Session:
    return await signed_in(request)


ProcessOf = Annotated[Process, Depends(_process)]
AuthorisationsOf = Annotated[Authorisations, Depends(_authorisations)]
BeginsFlow = Depends(_beginning)
LinksOf = Annotated[ActivationLinks, Depends(_links)]
SignedIn = Annotated[Session, Depends(_signed_in)]
AdminReader = Annotated[Admin, Depends(_needs(Scope.READ))]
AdminWriter = Annotated[Admin, Depends(_needs(Scope.WRITE))]
CredentialsReader = Annotated[Admin, Depends(_needs(Scope.CREDENTIALS))]
