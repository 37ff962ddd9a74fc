"""One event for each request, and an id that ties together all that it led to."""

import re
import secrets
import time

import structlog
from fastapi import Request
from opentelemetry.trace import format_trace_id, get_current_span
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import HearthError
from app.errors.calls import AnswerBrokenOff
from app.web.problems import error_response

log = structlog.get_logger(__name__)

QUIET_PATHS = ("/healthz", "/readyz", "/ui/assets/")
"""Asked for so often that an answer is worth no word, unless it is an error."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_REQUEST_ID_HEADER = b"x-request-id"


class RequestLog:
    """One event per request: never its path, query, headers or body, since people, tokens and
    telephone numbers may stand in any of them. What it names is the route that answered.

    The last net for our mistakes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        request_id = _request_id(scope)
        header = (_REQUEST_ID_HEADER, request_id.encode())

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], header]
            await send(message)

        started = time.perf_counter()
        structlog.contextvars.clear_contextvars()  # a pipelined request inherits the former one's
        structlog.contextvars.bind_contextvars(
            request_id=request_id, **_trace_of(scope, request_id)
        )
        try:
            await self._app(scope, receive, send_noting_status)
        except AnswerBrokenOff:
            raise  # to the protocol, which cuts the connection
        except Exception:  # whatever it was, the caller gets an answer and we get the story
            log.exception("request_crashed", route=route_of(scope))
            if not status:
                answer = error_response(Request(scope), HearthError())
                await answer(scope, receive, send_noting_status)
        finally:
            _note(scope, status, time.perf_counter() - started)


class PlainRoute(Route):
    """A route without FastAPI's doing that tells, as FastAPI's do, that it was the one."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        await super().handle(scope, receive, send)


def route_of(scope: Scope) -> str | None:
    """The path of the route that answered, with its placeholders; None where there was none."""
    return getattr(scope.get("route"), "path", None)


def _request_id(scope: Scope) -> str:
    """The caller's own, where it can do no harm in a log: it may stand in theirs as well."""
    given = [value for name, value in scope["headers"] if name == _REQUEST_ID_HEADER]
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return str(given[0], "ascii")
    return secrets.token_hex(8)


def _trace_of(scope: Scope, request_id: str) -> dict[str, str]:
    """So that who has a line of the log finds the trace, and the other way round."""
    if scope.get("fastapi.telemetry") is None:
        return {}
    span = get_current_span()
    span.set_attribute("hearth.request_id", request_id)
    return {"trace_id": format_trace_id(span.get_span_context().trace_id)}


def _note(scope: Scope, status: int, seconds: float) -> None:
    if not scope["path"].startswith(QUIET_PATHS) or status >= 400:
        log.info(
            "request",
            method=scope["method"],
            route=route_of(scope),
            status=status,
            milliseconds=round(seconds * 1000, 1),
        )
