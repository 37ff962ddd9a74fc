"""Answers for people, and errors as answers: pages, or problem+json (RFC 9457) for programs."""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.exceptions import HTTPException

from app.errors import HearthError
from app.errors.administration import AdminKeyMissing
from app.errors.calls import ConnectionLost
from app.errors.pages import SettingsChanged, SettingsInvalid
from app.web.cookies import ACTIVATION_COOKIE, our_cookies
from app.web.methods import allowed_methods
from app.web.refusals import note_error

_FRAMED_PAGES = ("/context-card", "/settings", "/oauth/callback", "/ui")
_OWN_PAGES = ("/", "/connect", "/connect/done", "/docs", "/admin/status")
_OWN_ADDRESS = re.compile(r"/connect(?:\?[A-Za-z0-9._~%&=+/-]*)?", re.ASCII)
_CODES = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    503: "overloaded",
}
"""Of errors that the framework finds by itself."""

_templates = Environment(
    loader=PackageLoader("app.web"), autoescape=select_autoescape(default=True)
)


def install_error_handlers(app: FastAPI) -> None:
    """Every error that leaves a route becomes an answer here."""

    @app.exception_handler(HearthError)
    async def on_hearth_error(request: Request, error: HearthError) -> Response:
        note_error(request, error)
        return error_response(request, error)

    @app.exception_handler(RequestValidationError)
    async def on_validation_error(_: Request, error: RequestValidationError) -> Response:
        fields = [_wrong_field(item) for item in error.errors()]
        return problem(422, "malformed_request", "Malformed input", "See errors.", errors=fields)

    @app.exception_handler(HTTPException)
    async def on_http_exception(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "http_error")
        response = _page_or_problem(request, error.status_code, code, error.detail, error.detail)
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["allow"] = allowed_methods(request)
        return response


def _wrong_field(item: Mapping[str, Any]) -> dict[str, str]:
    """Where the input is wrong, and how; never what was sent, which may be a secret.

    A field that we do not know is the caller's word, so its name stays out as well.
    """
    place = [str(part) for part in item["loc"]]
    if item["type"] == "extra_forbidden":
        return {"field": ".".join(place[:-1]), "problem": "There is a field too many"}
    return {"field": ".".join(place), "problem": str(item["msg"]).removeprefix("Value error, ")}


def error_response(request: Request, error: HearthError) -> Response:
    """The answer to an error of ours."""
    further: dict[str, Any] = {}
    if isinstance(error, ConnectionLost):
        further["reconnectUrl"] = error.reconnect_url
    if isinstance(error, SettingsInvalid):
        further["errors"] = [{"pointer": at, "problem": problem} for at, problem in error.faults]
    response = _page_or_problem(
        request, error.status, error.code, error.title, error.detail, **further
    )
    if error.retry_after_seconds is not None:
        response.headers["retry-after"] = str(error.retry_after_seconds)
    if isinstance(error, SettingsChanged):
        response.headers["etag"] = f'"{error.tag}"'
    if isinstance(error, AdminKeyMissing):
        response.headers["www-authenticate"] = "Bearer"  # RFC 9110 §15.5.2
    return response


def problem(status: int, code: str, title: str, detail: str, **further: Any) -> Response:
    """A problem+json document with our stable `code`."""
    return JSONResponse(
        {
            "type": f"urn:hearth:problem:{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
            **further,
        },
        status_code=status,
        media_type="application/problem+json",
    )


def _page_or_problem(
    request: Request, status: int, code: str, title: str, detail: str, **further: Any
) -> Response:
    if not is_page(request.url.path):
        return problem(status, code, title, detail, **further)
    address = _another_try(request) if request.url.path == "/oauth/callback" else None
    action = {"href": address, "label": "Try again"} if address else None
    return page(
        "message.html", status=status, title=title, message=detail, action=action, code=code
    )


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page for a person; the request's id is always known to it."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    html = _templates.get_template(template).render(request_id=request_id, **values)
    return Response(html, status_code=status, media_type="text/html; charset=utf-8")


def offer_another_try(request: Request, address: str) -> None:
    """A page that says what went wrong with this request leads there."""
    request.state.another_try = address


def _another_try(request: Request) -> str | None:
    offered: str | None = getattr(request.state, "another_try", None)
    return offered or activation_address(request)


def activation_address(request: Request) -> str | None:
    """Where on our site this browser began an activation that it has not completed."""
    address = our_cookies(request.scope["headers"]).get(ACTIVATION_COOKIE, "")
    return address if _OWN_ADDRESS.fullmatch(address) else None


def is_framed_page(path: str) -> bool:
    """Whether a person looks at this path's answers, inside a frame of Infobip's."""
    return path in _FRAMED_PAGES or path.startswith("/ui/")


def is_page(path: str) -> bool:
    """Whether a person looks at this path's answers."""
    return path in _OWN_PAGES or is_framed_page(path)
