"""The error bodies of Infobip's API, in the two shapes that its OpenAPI documents have."""

from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse, Response


def service_exception(
    status: int, message_id: str, text: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    """The shape of the older API: SMS v2, people, conversations, account."""
    body = {"requestError": {"serviceException": {"messageId": message_id, "text": text}}}
    return JSONResponse(body, status, headers)


def error_code(
    status: int,
    description: str,
    *,
    action: str,
    violations: Sequence[tuple[str, str]] = (),
) -> Response:
    """The shape of the newer API (SMS v3); ``violations`` are pairs of property and reason."""
    body = {
        "errorCode": f"E{status}",
        "description": description,
        "action": action,
        "violations": [{"property": name, "violation": why} for name, why in violations],
        "resources": [],
    }
    return JSONResponse(body, status)
