"""``GET /exchange/1/oauth/authorize``: silent consent for frames, else login and consent."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.authorizations import AuthorizationRequest, Pending, challenge_is_well_formed
from sandbox.directory import Directory, User
from sandbox.forms import FormError, parse_fields
from sandbox.login import logged_in_user
from sandbox.pages import page
from sandbox.scopes import described
from sandbox.trouble import with_trouble
from sandbox.world import World

_START = "/"
_CLIENT_ID = re.compile(r"[0-9a-fA-F]{32}")
_REDIRECT_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class AuthorizeError(Exception):
    """The request is wrong. Infobip shows a plain page and does not redirect; so do we."""


async def authorize(request: Request) -> Response:
    """Check the request, then answer it, in trouble or not."""
    world: World = request.app.state.world
    world.log.count("authorizations")
    try:
        wanted = parse_authorization(parse_fields(request.url.query), world.directory)
    except (AuthorizeError, FormError) as error:
        world.log.add("authorize", f"refused: {error}")
        return PlainTextResponse(f"Authorization failed: {error}.", 400)
    return await with_trouble(
        world,
        "authorize",
        act=lambda: _decide(world, request, wanted),
        refuse=lambda: _send_back(wanted, {"error": "access_denied"}),
    )


def parse_authorization(fields: Mapping[str, str], directory: Directory) -> AuthorizationRequest:
    """Check every documented parameter, and PKCE's where they are given."""
    for name in ("response_type", "client_id", "state", "redirect_uri", "scope"):
        if not fields.get(name):
            raise AuthorizeError(f"{name} is required")
    if fields["response_type"] != "code":
        raise AuthorizeError("response_type must be code")
    if not _CLIENT_ID.fullmatch(fields["client_id"]):
        raise AuthorizeError("client_id must be 32 hexadecimal characters")
    app = directory.app_of_client(fields["client_id"])
    if app is None:
        raise AuthorizeError("client_id is unknown")
    if fields["redirect_uri"] != app.redirect_uri:
        raise AuthorizeError("redirect_uri is not the registered one")
    return AuthorizationRequest(
        app=app,
        state=fields["state"],
        redirect_uri=app.redirect_uri,
        scope=fields["scope"],
        challenge=_challenge(fields, required=app.public),
    )


def _challenge(fields: Mapping[str, str], *, required: bool) -> str | None:
    challenge = fields.get("code_challenge")
    if challenge is None:
        if required:
            raise AuthorizeError("code_challenge is required for an app without a secret")
        if "code_challenge_method" in fields:
            raise AuthorizeError("code_challenge_method without a code_challenge")
        return None
    if not challenge_is_well_formed(challenge):
        raise AuthorizeError("code_challenge must be 43 characters of base64url")
    if fields.get("code_challenge_method", "S256") != "S256":
        raise AuthorizeError("code_challenge_method must be S256")
    return challenge


def _decide(world: World, request: Request, wanted: AuthorizationRequest) -> Response:
    """Whose consent it is, and whether a person has to be asked for it."""
    embedded_user = world.authorizations.user_of_state(wanted.state)
    if embedded_user is not None:
        return grant(world, wanted, embedded_user, "silent consent, embedded state")
    user = logged_in_user(world, request)
    if request.headers.get("sec-fetch-dest") in ("iframe", "frame"):
        if user is None:
            world.log.add("authorize", "nobody is logged in, in a frame")
            return page(request, "login_in_frame.html", {}, status=401, framed=True)
        return grant(world, wanted, user, "silent consent, own state in a frame")
    pending_id = world.authorizations.open_consent(wanted, _cancel_url(request))
    if user is None:
        return login_page(world, request, pending_id)
    return consent_page(request, wanted, user, pending_id)


def grant(world: World, wanted: AuthorizationRequest, user: User, how: str) -> Response:
    """Send the browser back with a code."""
    seconds = world.settings.code_lifetime_seconds
    code = world.authorizations.issue_code(wanted, user, seconds=seconds)
    world.log.add("authorize", how, user=user)
    return _send_back(wanted, {"code": code})


def decline(world: World, pending: Pending, user: User) -> Response:
    """Send the browser back without a code.

    Documented: cancelling leads to the referring page, not to the redirect URI, and carries no
    error. A server may do what RFC 6749 asks nevertheless, and so does this one when told to.
    """
    if world.settings.decline_behaviour == "error":
        world.log.add("authorize", "cancelled, back with error=access_denied", user=user)
        return _send_back(pending.request, {"error": "access_denied"})
    world.log.add("authorize", f"cancelled, back to {_in_words(pending.cancel_url)}", user=user)
    return RedirectResponse(pending.cancel_url, 303)


def _in_words(cancel_url: str) -> str:
    """Where Cancel leads and why there, without the path and the query: they may be secret."""
    if cancel_url == _START:
        return "the start page, as the browser told no referring page"
    parts = urlsplit(cancel_url)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:200]
    if parts.path in ("", "/") and not parts.query:
        return f"{origin}/, as the browser told no more"
    return f"the referring page at {origin}"


def _send_back(wanted: AuthorizationRequest, answer: Mapping[str, str]) -> Response:
    joint = "&" if "?" in wanted.redirect_uri else "?"
    query = urlencode({**answer, "state": wanted.state})
    return RedirectResponse(f"{wanted.redirect_uri}{joint}{query}", 302, headers=_REDIRECT_HEADERS)


def login_page(world: World, request: Request, pending_id: str | None) -> Response:
    """Ask who the person is."""
    accounts = [(a, world.directory.users_of(a)) for a in world.directory.accounts]
    return page(request, "login.html", {"accounts": accounts, "pending_id": pending_id})


def consent_page(
    request: Request, wanted: AuthorizationRequest, user: User, pending_id: str
) -> Response:
    """Ask for consent."""
    return page(
        request,
        "consent.html",
        {
            "app": wanted.app,
            "user": user,
            "scopes": described(wanted.scope),
            "pending_id": pending_id,
        },
    )


def _cancel_url(request: Request) -> str:
    """The referring page, where Cancel leads, as far as the browser tells.

    Between sites browsers tell no more than the origin by default, and then that is where Cancel
    leads. A page with ``Referrer-Policy: no-referrer-when-downgrade`` (or ``unsafe-url``) is found
    again with its path and query; one with ``no-referrer`` is not found at all, and the person
    stays with us, at the start page. How Infobip finds the page is not documented.
    """
    referer = request.headers.get("referer", "")
    try:
        parts = urlsplit(referer)
    except ValueError:
        return _START
    return referer if parts.scheme in ("http", "https") and parts.netloc else _START


routes = [Route("/exchange/1/oauth/authorize", authorize, methods=["GET"])]
