"""Keeping other sites' pages away from a sandbox that runs on a developer's own machine."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.loopback import is_loopback

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class OwnPagesOnly:
    """Refuses names that only pretend to be this machine, and changes asked for by other sites.

    A page elsewhere can have its name resolve to 127.0.0.1 (DNS rebinding) and then read and
    steer whatever listens there; but the browser still sends that name as the Host. And it can
    post forms here; but the browser then sends its origin. Tools and tests send neither.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (reason := _objection(scope)):
            await PlainTextResponse(reason, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _objection(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    host, origin = headers.get("host", ""), headers.get("origin")
    listens_at = (scope.get("server") or ("",))[0]
    if is_loopback(listens_at) and not _is_own_name(host):
        return "This sandbox answers to localhost and loopback addresses only."
    steers = scope["method"] not in _SAFE_METHODS or scope["path"].startswith("/_sandbox/")
    if steers and origin is not None and _netloc(origin) != host:
        return "Pages of other origins may not steer the sandbox."
    return None


def _is_own_name(host: str) -> bool:
    name = _hostname(host)
    return name is not None and (is_loopback(name) or name.endswith(".localhost"))


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
