"""Putting the sandbox together."""

import json

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from sandbox.config import SandboxConfig
from sandbox.connection import remember_connection
from sandbox.neighbours import OwnPagesOnly
from sandbox.pages import STATIC, make_templates
from sandbox.problems import service_exception
from sandbox.routes import (
    account,
    authorize,
    consent,
    control,
    control_apps,
    control_events,
    control_records,
    conversations,
    portal,
    sms,
    token,
)
from sandbox.world import World


class _Sandbox(FastAPI):
    """A FastAPI app that knows how to cut the connection it is called on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        remember_connection(scope, send)
        await super().__call__(scope, receive, send)


def create_app(config: SandboxConfig | None = None) -> FastAPI:
    """Make a sandbox with a state of its own, which is ``app.state.world``."""
    app = _Sandbox(
        title="Sandbox", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.world = World(config or SandboxConfig())
    app.state.templates = make_templates()
    app.add_middleware(OwnPagesOnly)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    for module in (authorize, token, sms, conversations, account, portal, consent):
        app.router.routes.extend(module.routes)
    app.include_router(control.router)
    app.include_router(control_records.router)
    app.include_router(control_apps.router)
    app.include_router(control_events.router)
    app.router.routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    return app


async def _invalid(request: Request, problem: Exception) -> Response:  # noqa: ARG001
    """What is wrong where, without echoing it: the echo may be a secret, or no proper JSON."""
    if not isinstance(problem, RequestValidationError):
        raise problem
    wrong = [{name: each[name] for name in ("type", "loc", "msg")} for each in problem.errors()]
    return Response(json.dumps({"detail": wrong}), 422, media_type="application/json")


async def _http_problem(request: Request, problem: Exception) -> Response:
    """Unknown paths and methods in the shape of Infobip's API; the control API's as FastAPI's."""
    if not isinstance(problem, HTTPException):
        raise problem
    if request.url.path.startswith("/_sandbox/"):
        return await http_exception_handler(request, problem)
    names = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    return service_exception(
        problem.status_code,
        names.get(problem.status_code, "BAD_REQUEST"),
        "Requested URL not found" if problem.status_code == 404 else str(problem.detail),
        headers=problem.headers,
    )
