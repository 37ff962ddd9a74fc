"""Errors as answers: a page for people, problem+json (RFC 9457) for programs."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.exceptions import HTTPException

from app.errors import ConnectionLost, HearthError

_PAGES = ("/context-card", "/settings", "/oauth/callback", "/ui")
_templates = Environment(
    loader=PackageLoader("app.web"), autoescape=select_autoescape(default=True)
)


def install_error_handlers(app: FastAPI) -> None:
    """Every error that leaves a route becomes an answer here."""

    @app.exception_handler(HearthError)
    async def on_hearth_error(request: Request, error: HearthError) -> Response:
        return error_response(request, error)

    @app.exception_handler(RequestValidationError)
    async def on_validation_error(_: Request, error: RequestValidationError) -> Response:
        fields = [
            {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]}
            for item in error.errors()
        ]
        return problem(422, "malformed_request", "Malformed input", "See errors.", errors=fields)

    @app.exception_handler(HTTPException)
    async def on_http_exception(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        response = _page_or_problem(request, error.status_code, code, error.detail, error.detail)
        response.headers.update(error.headers or {})
        return response


def error_response(request: Request, error: HearthError) -> Response:
    """The answer to an error of ours."""
    further: dict[str, Any] = {}
    if isinstance(error, ConnectionLost):
        further["reconnectUrl"] = error.reconnect_url
    response = _page_or_problem(
        request, error.status, error.code, error.title, error.detail, **further
    )
    if error.retry_after_seconds is not None:
        response.headers["retry-after"] = str(error.retry_after_seconds)
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
    html = _templates.get_template("message.html").render(
        title=title,
        message=detail,
        action=None,
        code=code,
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    return Response(html, status_code=status, media_type="text/html; charset=utf-8")


def is_page(path: str) -> bool:
    """Whether a person looks at this path's answers, inside a frame of Infobip's."""
    return path in _PAGES or path.startswith("/ui/")
