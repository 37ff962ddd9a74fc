"""Noting for the record what was refused; see `app.admin.refusals`."""

import structlog
from starlette.requests import HTTPConnection

from app.admin.refusals import Refusal, Refusals
from app.errors import HearthError
from app.errors.pages import RequestForged
from app.errors.sign_in import CodeRefused, FlowUnknown, LinkUnknown, WrongBrowser
from app.models.audit import STRANGER, Action

_SIGN_INS = ("/oauth/callback", "/oauth/complete")
_OF_SIGN_INS = (FlowUnknown, WrongBrowser, CodeRefused)


def note_refusal(
    connection: HTTPConnection, action: Action, *, reason: str, actor: str = STRANGER
) -> None:
    """`reason` is a word of ours."""
    refusals: Refusals = connection.app.state.process.refusals
    refusals.note(
        Refusal(actor, action, reason),
        address=connection.client.host if connection.client else "",
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
    )


def note_error(connection: HTTPConnection, error: HearthError) -> None:
    """Note it if it is one of those by which somebody without a key is turned away."""
    path = connection.url.path
    if isinstance(error, _OF_SIGN_INS) and path in _SIGN_INS:
        note_refusal(connection, Action.CALLBACK_REFUSED, reason=error.code)
    elif isinstance(error, LinkUnknown) and path == "/connect":
        note_refusal(connection, Action.LINK_REFUSED, reason=error.code)
    elif isinstance(error, RequestForged):
        note_refusal(connection, Action.REQUEST_FORGED, reason=error.code)
