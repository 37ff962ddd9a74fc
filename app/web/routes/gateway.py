"""The gateway's route: plain ASGI, because it is the one that has to be fast."""

import asyncio
from collections.abc import AsyncIterator

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.connections.tokens import NoLiveToken
from app.errors import AnswerBrokenOff, ConnectionLost, MalformedRequest, NotFound, RequestTooLarge
from app.gateway.gateway import GatewayCall
from app.gateway.headers import outward
from app.infobip.calls import StreamedAnswer
from app.infobip.errors import InfobipError
from app.models.session import Session
from app.web.dependencies import process_of, signed_in
from app.web.queries import with_query

log = structlog.get_logger(__name__)

_PREFIX = "/api/infobip"
_WITHOUT_BODY = (204, 304)
_CHUNKED = b"transfer-encoding"


def route() -> Route:
    """`ANY /api/infobip/{path}`."""
    return Route(_PREFIX + "/{path:path}", endpoint=_GatewayEndpoint(), include_in_schema=False)


class _GatewayEndpoint:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        process = process_of(connection)
        session = await signed_in(connection)
        call = _read_call(scope, receive, limit=process.settings.web.gateway_max_body_bytes)
        try:
            answer = await process.gateway.forward(call, session.connection)
        except NoLiveToken as error:
            public_url = process.settings.web.public_url
            raise ConnectionLost(reconnect_url=_reconnect_url(public_url, session)) from error
        try:
            async with asyncio.timeout(process.settings.web.gateway_timeout_seconds):
                await _pass_on(answer, send)
        except (InfobipError, TimeoutError) as error:
            # The head is out: all that is left is to break the connection.
            log.warning("gateway_broke_off", error=type(error).__name__)
            raise AnswerBrokenOff from error
        finally:
            await answer.close()


def _read_call(scope: Scope, receive: Receive, *, limit: int) -> GatewayCall:
    path: bytes = scope["raw_path"]
    if not path.startswith(_PREFIX.encode() + b"/"):  # our own part was percent-encoded
        raise NotFound
    length, has_body = _body_length(Headers(scope=scope))
    if length is not None and length > limit:
        raise RequestTooLarge
    return GatewayCall(
        method=scope["method"],
        path=path.removeprefix(_PREFIX.encode()),
        query=scope["query_string"],
        headers=scope["headers"],
        body_length=length,
        body=_body(receive, limit=limit) if has_body else None,
    )


def _body_length(headers: Headers) -> tuple[int | None, bool]:
    """The declared length, and whether there is a body at all."""
    declared = headers.get("content-length")
    if declared is None:
        return None, "transfer-encoding" in headers
    if not (declared.isascii() and declared.isdigit()):
        raise MalformedRequest("Content-Length is not a number.")
    return int(declared), int(declared) > 0


async def _body(receive: Receive, *, limit: int) -> AsyncIterator[bytes]:
    seen = 0
    while True:
        message = await receive()
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


async def _pass_on(answer: StreamedAnswer, send: Send) -> None:
    headers = outward(answer.headers)
    if answer.status in _WITHOUT_BODY or any(name == _CHUNKED for name, _ in answer.headers):
        headers = [header for header in headers if header[0] != b"content-length"]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.chunks():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _reconnect_url(public_url: str, session: Session) -> str:
    """The entry that this session's page came from: a load of it makes a new connection."""
    return with_query(f"{public_url}/{session.surface}", session.params)
