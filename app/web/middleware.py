"""What applies to every request. Pure ASGI, one concern each, in the order of `install`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI, Request
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.errors.administration import AdminKeyMissing
from app.errors.pages import RequestForged
from app.web.body_limit import BodyLimit
from app.web.dependencies import admin_of
from app.web.problems import error_response, is_framed_page, is_page
from app.web.request_log import RequestLog

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors {ancestors}"
)
_BUILT = "; font-src 'self' data:; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'"
"""What front ends bring along that ours do without."""
_OTHER_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"
_ACTIVATION = "/connect"
_CACHE_CONTROL = b"cache-control"
_Header = tuple[bytes, bytes]
_ALLOWED_TO_OTHERS = (
    *("Authorization", "Content-Type", "If-Match", "If-None-Match"),
    *("X-Hearth", "X-Agent-Id"),
)
_FOR_OTHER_ORIGINS = ("/api/", "/oauth/begin", "/oauth/complete", "/embed.js", "/embed.d.ts")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRules:
    """Which other origins may do what; all from configuration, never from a request.

    `authorize_origins`: where a form of ours may lead; browsers hold redirects against it too.
    """

    frame_ancestors: tuple[str, ...]
    authorize_origins: tuple[str, ...]
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    https: bool
    front_ends: tuple[str, ...] = ()
    """Paths of pages that are not ours, though we serve them."""


def install_middleware(app: FastAPI, rules: WebRules) -> None:
    """Outermost first: headers on every answer, then the log, then who may ask."""
    if rules.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(rules.trusted_proxies))
    app.add_middleware(BodyLimit)
    app.add_middleware(AdminKeyFirst)
    app.add_middleware(FetchMetadata, cors_origins=rules.cors_origins)
    app.add_middleware(Cors, origins=rules.cors_origins)
    app.add_middleware(RequestLog)
    app.add_middleware(SecurityHeaders, rules=rules)


class SecurityHeaders:
    """Headers on every answer. Only embedded pages may be framed, by those configured.

    Where an activation begins, Infobip has to learn which site it is: who cancels there is sent
    back to the referring page. It learns the origin and no more.
    """

    def __init__(self, app: ASGIApp, *, rules: WebRules) -> None:
        self._app = app
        self._https = rules.https
        self._front_ends = rules.front_ends
        ancestors = " ".join(rules.frame_ancestors) or "'none'"
        framed = _PAGE_POLICY.format(targets="'self'", ancestors=ancestors)
        self._framed = self._headers(framed, is_framed=True)
        self._built = self._headers(framed + _BUILT, is_framed=True)
        targets = " ".join(("'self'", "https:", *rules.authorize_origins))
        own = _PAGE_POLICY.format(targets=targets, ancestors="'none'")
        self._own = self._headers(own)
        self._activation = self._headers(own, referrer="strict-origin")
        self._other = self._headers(_OTHER_POLICY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._added_to(message["headers"], scope["path"])
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _added_to(self, given: Iterable[_Header], path: str) -> list[_Header]:
        ours = self._of(path)
        headers = [header for header in given if header[0] not in ours]
        if all(name != _CACHE_CONTROL for name, _ in headers):
            headers.append((_CACHE_CONTROL, b"no-store"))
        return [*headers, *ours.items()]

    def _of(self, path: str) -> Mapping[bytes, bytes]:
        if is_framed_page(path):
            return self._built if path.startswith(self._front_ends) else self._framed
        if path == _ACTIVATION:
            return self._activation
        return self._own if is_page(path) else self._other

    def _headers(
        self, policy: str, *, is_framed: bool = False, referrer: str = "no-referrer"
    ) -> Mapping[bytes, bytes]:
        headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": referrer,
            "cross-origin-resource-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
        }
        if not is_framed:
            headers["x-frame-options"] = "DENY"
        if self._https:
            headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        return {name.encode(): value.encode("latin-1") for name, value in headers.items()}


class Cors:
    """Front ends hosted elsewhere: the exact origins listed, for what they need, no cookies."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        self._app = app
        self._any = bool(origins)
        self._answering = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_ALLOWED_TO_OTHERS,
            expose_headers=["ETag", "Retry-After", "X-Request-Id"],
            allow_credentials=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        concerns = scope["type"] == "http" and scope["path"].startswith(_FOR_OTHER_ORIGINS)
        await (self._answering if self._any and concerns else self._app)(scope, receive, send)


class FetchMetadata:
    """What other sites may make a browser do here: navigate to our pages, nothing else.

    Front ends of the listed origins may also call what `Cors` lets them read. Browsers that send
    no `Sec-Fetch-*` (and programs) are judged by the other checks alone.
    """

    def __init__(self, app: ASGIApp, *, cors_origins: tuple[str, ...]) -> None:
        self._app = app
        self._cors_origins = cors_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _may_ask(scope, self._cors_origins):
            await error_response(Request(scope), RequestForged())(scope, receive, send)
            return
        await self._app(scope, receive, send)


class AdminKeyFirst:
    """Under /admin nothing is read, looked up or told apart for who brings no admin key.

    Routes still say which scope they need. This is for what comes before them: FastAPI reads a
    body before it asks who sends it, and a route that forgot to ask would be open.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_admin(scope["path"]) and not _is_shell(scope):
            try:
                await admin_of(HTTPConnection(scope))
            except AdminKeyMissing as error:
                await error_response(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_admin(path: str) -> bool:
    return path == "/admin" or path.startswith("/admin/")


def _is_shell(scope: Scope) -> bool:
    """The page that asks for the key: static, the same for everybody."""
    return bool(scope["path"] == "/admin/status" and scope["method"] == "GET")


def _may_ask(scope: Scope, cors_origins: tuple[str, ...]) -> bool:
    headers = Headers(scope=scope)
    if headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
        return True
    if headers.get("sec-fetch-mode") == "cors" and headers.get("origin") in cors_origins:
        return bool(scope["path"].startswith(_FOR_OTHER_ORIGINS))
    return (
        scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") in ("document", "iframe", "frame")
        and is_page(scope["path"])
    )
