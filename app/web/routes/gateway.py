"""The gateway's routes: plain ASGI, because they are the ones that have to be fast."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from app.admin.keys import Scope as AdminScope
from app.connections.tokens import NoLiveToken
from app.errors import HearthError
from app.errors.calls import AnswerBrokenOff, ConnectionLost
from app.errors.requests import MalformedRequest, NotFound, RequestTooLarge, RequestTooSlow
from app.gateway.bodies import Body
from app.gateway.gateway import GatewayCall
from app.gateway.headers import outward
from app.infobip.errors import InfobipError
from app.infobip.http1_client import Response
from app.models.connection import Connection, ConnectionType
from app.models.identifiers import ConnectionId
from app.settings import WebSettings
from app.web.callers import CallerGone, while_caller_is_there
from app.web.dependencies import admin_with, process_of, reconnect_url, signed_in
from app.web.reconnection import entry_url
from app.web.request_log import PlainRoute

log = structlog.get_logger(__name__)

# What was percent-encoded in our own part of a path is not found: only Infobip's part is decoded,
# once, by the gateway.
_PAGES_PATH = re.compile(rb"/api/infobip(/.*)", re.DOTALL)
_BACKENDS_PATH = re.compile(
    rb"/admin/connections/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/infobip(/.*)",
    re.DOTALL,
)
_WITHOUT_BODY = (204, 304)
_CHUNKED = b"transfer-encoding"


@dataclass(frozen=True, slots=True)
class _Asked:
    """With whose connection, for which raw path of Infobip's, and where a person reconnects it."""

    connection: Connection
    path: bytes = field(repr=False)
    reconnect_url: Callable[[], str | None]


def routes() -> list[PlainRoute]:
    """`ANY /api/infobip/{path}` for pages, `ANY /admin/connections/{id}/infobip/{path}` for the
    operator's own backend. Both obey GATEWAY_ALLOW."""
    return [
        PlainRoute("/api/infobip/{path:path}", _GatewayEndpoint(_by_page), include_in_schema=False),
        PlainRoute(
            "/admin/connections/{connection_id}/infobip/{path:path}",
            _GatewayEndpoint(_by_backend),
            include_in_schema=False,
        ),
    ]


class _GatewayEndpoint:
    def __init__(self, read: Callable[[HTTPConnection], Awaitable[_Asked]]) -> None:
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        process = process_of(connection)
        asked = await self._read(connection)
        call = _read_call(scope, receive, asked.path, process.settings.web)
        answering = _Answering(send, silence_seconds=process.settings.web.gateway_timeout_seconds)
        try:
            async with (
                while_caller_is_there(scope),
                process.gateway.forward(call, asked.connection) as answer,
            ):
                await answering.with_(answer)
        except NoLiveToken as error:
            raise _lost(asked) from error
        except CallerGone as error:
            log.info("gateway_caller_gone")
            raise AnswerBrokenOff from error
        except (InfobipError, TimeoutError) as error:
            # The head is out: all that is left is to break the connection.
            log.warning("gateway_broke_off", error=type(error).__name__)
            raise AnswerBrokenOff from error


async def _by_page(connection: HTTPConnection) -> _Asked:
    """Who may call: a signed-in page, for its own connection."""
    session = await signed_in(connection)
    match = _PAGES_PATH.fullmatch(connection.scope["raw_path"])
    if match is None:
        raise NotFound
    public_url = process_of(connection).settings.web.public_url
    return _Asked(session.connection, match[1], partial(entry_url, public_url, session))


async def _by_backend(connection: HTTPConnection) -> _Asked:
    """Who may call: an admin key with the scope `credentials`, for any connection."""
    await admin_with(AdminScope.CREDENTIALS, connection)
    match = _BACKENDS_PATH.fullmatch(connection.scope["raw_path"])
    if match is None:
        raise NotFound
    process = process_of(connection)
    used = await process.overview.connection(ConnectionId(UUID(match[1].decode())))
    return _Asked(used, match[2], partial(reconnect_url, process, used))


def _lost(asked: _Asked) -> ConnectionLost:
    if asked.connection.type is ConnectionType.API_KEY:
        return ConnectionLost(reconnect_url=None, detail="Add its API key again to go on.")
    return ConnectionLost(reconnect_url=asked.reconnect_url())


def _read_call(scope: Scope, receive: Receive, path: bytes, web: WebSettings) -> GatewayCall:
    length, has_body = _body_length(Headers(scope=scope))
    if length is not None and length > web.gateway_max_body_bytes:
        raise RequestTooLarge
    pieces = _pieces(
        receive,
        limit=web.gateway_max_body_bytes,
        silence_seconds=web.gateway_timeout_seconds,
        longest_seconds=web.gateway_longest_seconds,
    )
    return GatewayCall(
        method=scope["method"],
        path=path,
        query=scope["query_string"],
        headers=scope["headers"],
        body=Body(pieces, length=length) if has_body else None,
    )


def _body_length(headers: Headers) -> tuple[int | None, bool]:
    """The declared length, and whether there is a body at all."""
    declared = headers.get("content-length")
    if declared is None:
        return None, "transfer-encoding" in headers
    if not (declared.isascii() and declared.isdigit()):
        raise MalformedRequest("Content-Length is not a number.")
    return int(declared), True


async def _pieces(
    receive: Receive, *, limit: int, silence_seconds: float, longest_seconds: float
) -> AsyncIterator[bytes]:
    seen, loop = 0, asyncio.get_running_loop()
    end = loop.time() + longest_seconds
    while True:
        try:
            async with asyncio.timeout_at(min(loop.time() + silence_seconds, end)):
                message = await receive()
        except TimeoutError as error:
            raise RequestTooSlow from error
        if message["type"] == "http.disconnect":
            raise MalformedRequest("The request ended before its body was complete.")
        chunk: bytes = message.get("body", b"")
        seen += len(chunk)
        if seen > limit:
            raise RequestTooLarge
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


class _Answering:
    """Passes an answer on as it comes. Raises TimeoutError where the caller does not read it."""

    def __init__(self, send: Send, *, silence_seconds: float) -> None:
        self._send = send
        self._silence_seconds = silence_seconds

    async def with_(self, answer: Response) -> None:
        headers = outward(answer.headers)
        if answer.status in _WITHOUT_BODY or any(name == _CHUNKED for name, _ in answer.headers):
            headers = [header for header in headers if header[0] != b"content-length"]
        await self._send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        is_whole = False
        while not is_whole:
            try:
                piece = await answer.read()
            except HearthError as error:  # the caller's own body, that is still on its way
                raise AnswerBrokenOff from error
            is_whole = answer.is_read
            async with asyncio.timeout(self._silence_seconds):
                await self._send(_part(piece, more=not is_whole))


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
