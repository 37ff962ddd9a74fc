"""The gateway in the OpenAPI document: FastAPI knows nothing of routes that are plain ASGI."""

from typing import Any

from app.errors.administration import ConnectionUnknown
from app.errors.calls import ConnectionLost, InfobipTimeout, InfobipUnreachable, NotAllowed
from app.errors.requests import MalformedRequest, NotFound, RequestTooLarge
from app.web.schemas.problems import Answers, admin_problems, session_problems

_METHODS = ("get", "post", "put", "patch", "delete")
_WITH_BODY = ("post", "put", "patch")
_REFUSALS = (
    MalformedRequest,
    NotAllowed,
    NotFound,
    ConnectionLost,
    RequestTooLarge,
    InfobipUnreachable,
    InfobipTimeout,
)
_ABOUT = """\
Method, path, query and body go to the connection's API base URL with its live token; Infobip's
status and body come back as they are, streamed. Only what `GATEWAY_ALLOW` lists may pass.

`path` is Infobip's, with its slashes, such as `account/1/balance`. Infobip's own errors have other
shapes than ours: tell them apart by the content type, `application/problem+json` is ours.
"""
_PATH = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "Infobip's path, slashes and all.",
    "schema": {"type": "string", "minLength": 1},
    "example": "account/1/balance",
}
_CONNECTION = {
    "name": "connection_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid", "title": "Connection Id"},
}
_SMS = {
    "messages": [
        {"from": "InfoSMS", "destinations": [{"to": "41793026727"}], "text": "Hello from Hearth"}
    ]
}
_INFOBIPS_ANSWER = {
    "description": "Infobip's answer, with Infobip's status.",
    "content": {"application/json": {"schema": {}}},
}


def gateway_paths() -> dict[str, Any]:
    """Path items by their path."""
    return {
        "/admin/connections/{connection_id}/infobip/{path}": _path_item(
            name="callInfobipAs{}",
            summary="Call Infobip as a connection ({})",
            parameters=[_CONNECTION, _PATH],
            security=[{"adminKey": []}],
            refusals=admin_problems(ConnectionUnknown, *_REFUSALS),
        ),
        "/api/infobip/{path}": _path_item(
            name="callInfobip{}",
            summary="Call Infobip from a page ({})",
            parameters=[_PATH],
            security=[{"sessionToken": []}, {"sessionCookie": [], "ourPage": []}],
            refusals=session_problems(*_REFUSALS),
        ),
    }


def _path_item(
    *,
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    security: list[dict[str, list[str]]],
    refusals: Answers,
) -> dict[str, Any]:
    answers = {str(status): answer for status, answer in refusals.items()}
    return {
        method: {
            "tags": ["gateway"],
            "summary": summary.format(method.upper()),
            "description": _ABOUT,
            "operationId": name.format(method.capitalize()),
            "parameters": parameters,
            "security": security,
            "responses": {"default": _INFOBIPS_ANSWER, **answers},
            **(_body() if method in _WITH_BODY else {}),
        }
        for method in _METHODS
    }


def _body() -> dict[str, Any]:
    return {
        "requestBody": {
            "description": "As Infobip's API wants it; any content type.",
            "content": {"application/json": {"schema": {}, "example": _SMS}},
        }
    }
