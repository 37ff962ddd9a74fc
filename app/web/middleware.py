"""What applies to every request. Pure ASGI, one concern each, in the order of `install`."""

import secrets
import time

import structlog
from fastapi import FastAPI, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AnswerBrokenOff, HearthError, RequestForged
from app.web.problems import error_response, is_page

log = structlog.get_logger(__name__)

_QUIET_PATHS = ("/healthz", "/readyz", "/ui/assets/")
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
_OTHER_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"


def install_middleware(app: FastAPI, *, frame_ancestors: tuple[str, ...], https: bool) -> None:
    """Outermost first: headers on every answer, then the log, then who may ask."""
    app.add_middleware(FetchMetadata)
    app.add_middleware(RequestLog)
    app.add_middleware(SecurityHeaders, frame_ancestors=frame_ancestors, https=https)


class SecurityHeaders:
    """Headers on every answer. Only embedded pages may be framed, by those configured."""

    def __init__(self, app: ASGIApp, *, frame_ancestors: tuple[str, ...], https: bool) -> None:
        self._app = app
        self._page = _PAGE_POLICY.format(ancestors=" ".join(frame_ancestors) or "'none'")
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders, path: str) -> None:
        page = is_page(path)
        headers["content-security-policy"] = self._page if page else _OTHER_POLICY
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "no-referrer"
        headers["cross-origin-resource-policy"] = "same-origin"
        headers["cross-origin-opener-policy"] = "same-origin"
        headers.setdefault("cache-control", "no-store")
        if not page:
            headers["x-frame-options"] = "DENY"
        if self._https:
            headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"


class RequestLog:
    """One event per request: never its query, headers or body. The last net for our mistakes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        request_id = secrets.token_hex(8)

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_noting_status)
            except AnswerBrokenOff:
                raise  # to the protocol, which cuts the connection
            except Exception:  # whatever it was, the caller gets an answer and we get the story
                log.exception("request_crashed", path=scope["path"])
                if not status:
                    answer = error_response(Request(scope), HearthError())
                    await answer(scope, receive, send_noting_status)
            finally:
                self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        if not scope["path"].startswith(_QUIET_PATHS) or status >= 400:
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )


class FetchMetadata:
    """What other sites may make a browser do here: navigate to our pages, nothing else.

    Browsers that send no `Sec-Fetch-*` (and programs) are judged by the other checks alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _may_ask(scope):
            await error_response(Request(scope), RequestForged())(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _may_ask(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    if headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
        return True
    return (
        scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") in ("document", "iframe", "frame")
        and is_page(scope["path"])
    )
