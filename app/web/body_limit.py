"""How large a body may be. FastAPI reads it into memory before a route can say anything."""

import asyncio
import re
from collections.abc import Callable

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors.requests import Overloaded, RequestTooLarge, RequestTooSlow
from app.web.problems import error_response

LARGEST_BODY_BYTES = 1_000_000
_LARGEST_OF_ANYBODY = 65_536
"""Where nobody has to be known."""
_ANYBODYS = re.compile(r"/oauth/(?:begin|complete)|/api/session|/connect")
_WITHIN_SECONDS = 10.0
_STREAMED = re.compile(r"/api/infobip/.*|/admin/connections/[^/]*/infobip/.*", re.DOTALL)
"""The gateway's bodies pass through, and have a limit of their own: GATEWAY_MAX_BODY_BYTES."""


_MOST_AT_ONCE_BYTES = 64_000_000


class BodyLimit:
    """Whoever says beforehand that it will be too much is refused; all others are cut short.

    A body has to be there in time: whoever sends a part of it and stops holds our memory. All
    together hold no more than `most_at_once`; who comes then is told to come again.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        within_seconds: float = _WITHIN_SECONDS,
        most_at_once: int = _MOST_AT_ONCE_BYTES,
    ) -> None:
        self._app = app
        self._within_seconds = within_seconds
        self._room = most_at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _STREAMED.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
        elif _declared(scope) > (largest := _largest(scope["path"])):
            await error_response(Request(scope), RequestTooLarge())(scope, receive, send)
        else:
            await self._read_limited(scope, receive, send, largest)

    async def _read_limited(self, scope: Scope, receive: Receive, send: Send, largest: int) -> None:
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if size > self._room:
                raise HTTPException(503, Overloaded.detail, {"retry-after": "1"})
            self._room -= size
            held += size

        limited = _limited(receive, largest, self._within_seconds, hold)
        try:
            await self._app(scope, limited, send)
        finally:
            self._room += held


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _largest(path: str) -> int:
    return _LARGEST_OF_ANYBODY if _ANYBODYS.fullmatch(path) else LARGEST_BODY_BYTES


def _limited(
    receive: Receive, largest: int, within_seconds: float, hold: Callable[[int], None]
) -> Receive:
    seen = 0
    ended = False
    deadline = asyncio.get_running_loop().time() + within_seconds

    async def receive_limited() -> Message:
        nonlocal seen, ended
        if ended:  # what is waited for now is that the client goes away
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, RequestTooSlow.detail) from error
        ended = not message.get("more_body", False)
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            seen += size
            if seen > largest:
                # The one kind of error that FastAPI lets through while it reads a body.
                raise HTTPException(413, RequestTooLarge.detail)
            hold(size)
        return message

    return receive_limited
