"""How large a body may be. FastAPI reads it into memory before a route can say anything."""

import re

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import RequestTooLarge
from app.web.problems import error_response

LARGEST_BODY_BYTES = 1_000_000
_STREAMED = re.compile(r"/api/infobip/.*|/admin/connections/[^/]*/infobip/.*", re.DOTALL)
"""The gateway's bodies pass through, and have a limit of their own: GATEWAY_MAX_BODY_BYTES."""


class BodyLimit:
    """Whoever says beforehand that it will be too much is refused; all others are cut short."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _STREAMED.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
        elif _declared(scope) > LARGEST_BODY_BYTES:
            await error_response(Request(scope), RequestTooLarge())(scope, receive, send)
        else:
            await self._app(scope, _limited(receive), send)


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _limited(receive: Receive) -> Receive:
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY_BYTES:
                # The one kind of error that FastAPI lets through while it reads a body.
                raise HTTPException(413, RequestTooLarge.detail)
        return message

    return receive_limited
