"""Calls that Infobip signs, verified before a route sees them: `call: SignedCall`."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import APIKeyHeader
from starlette.requests import ClientDisconnect

from app.errors.requests import (
    MalformedRequest,
    RequestTooLarge,
    RequestTooSlow,
    SignatureInvalid,
    SignedCallsNotConfigured,
)
from app.infobip.signatures import (
    ACCOUNT_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Claim,
    SignatureForm,
    SignatureRefused,
)
from app.models.audit import Action
from app.settings import InfobipSettings
from app.web.dependencies import ProcessOf
from app.web.refusals import note_refusal
from app.web.schemas.problems import problems

log = structlog.get_logger(__name__)

_BODY_WITHIN_SECONDS = 10.0

REFUSALS = problems(
    SignatureInvalid, SignedCallsNotConfigured, MalformedRequest, RequestTooLarge, RequestTooSlow
)
"""What a route with a SignedCall answers besides its own, for OpenAPI: `responses=REFUSALS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCall:
    """A call that Infobip made within the last five minutes, perhaps not for the first time.

    `body` is as it came. In the legacy form it is **not** covered by the signature: only
    `signed_at` and `account_id` are, and `account_id` is None in the current form.
    """

    body: bytes = field(repr=False)
    signed_at: datetime
    form: SignatureForm
    account_id: str | None


@dataclass(frozen=True, slots=True)
class _Key:
    """`secrets` are several while the secret is changed; each is as good."""

    form: SignatureForm
    secrets: tuple[str, ...] = field(repr=False)


_signature_header = APIKeyHeader(
    name=SIGNATURE_HEADER,
    scheme_name="infobipSignature",
    description="Infobip's signature of the call, which comes with " + TIMESTAMP_HEADER + ".",
    auto_error=False,
)


async def _verified(
    request: Request,
    process: ProcessOf,
    _: Annotated[str | None, Depends(_signature_header)],  # for OpenAPI
) -> VerifiedCall:
    """Raises SignedCallsNotConfigured, SignatureInvalid, or as `read_body`."""
    key = _key(process.settings.infobip)
    try:
        return await _verify(request, key, now=process.clock.utcnow())
    except SignatureRefused as error:
        note_refusal(request, Action.SIGNED_CALL_REFUSED, reason=error.reason)
        log.warning("signed_call_refused", reason=error.reason, expected=key.form)
        raise SignatureInvalid from error


SignedCall = Annotated[VerifiedCall, Depends(_verified)]


async def read_body(request: Request, *, within_seconds: float = _BODY_WITHIN_SECONDS) -> bytes:
    """The raw body; BodyLimit sees to its size. Raises RequestTooSlow or MalformedRequest."""
    try:
        async with asyncio.timeout(within_seconds):
            return await request.body()
    except TimeoutError as error:
        raise RequestTooSlow from error
    except ClientDisconnect as error:
        raise MalformedRequest("The request ended before its body was complete.") from error


def _key(infobip: InfobipSettings) -> _Key:
    """What calls are checked with. Raises SignedCallsNotConfigured.

    Never both: where there is a signing secret, a call in the legacy form would be a way around
    the protection of the body.
    """
    if infobip.signing_secrets:
        return _Key(SignatureForm.CURRENT, infobip.signing_secrets)
    if infobip.client_secrets:
        return _Key(SignatureForm.LEGACY, infobip.client_secrets)
    raise SignedCallsNotConfigured


async def _verify(request: Request, key: _Key, *, now: datetime) -> VerifiedCall:
    """The headers are judged before the body is read. Raises SignatureRefused."""
    claim = Claim.read(
        signature=_only(request, SIGNATURE_HEADER, "signature"),
        timestamp=_only(request, TIMESTAMP_HEADER, "timestamp"),
        now=now,
    )
    account_id = None
    if key.form is SignatureForm.LEGACY:
        account_id = _only(request, ACCOUNT_HEADER, "account")
        claim.prove_legacy(client_secrets=key.secrets, account_id=account_id)
    body = await read_body(request)
    if key.form is SignatureForm.CURRENT:
        claim.prove(signing_secrets=key.secrets, body=body)
    return VerifiedCall(body=body, signed_at=claim.signed_at, form=key.form, account_id=account_id)


def _only(request: Request, header: str, what: str) -> str:
    """The value of a header that has to be there once. Raises SignatureRefused."""
    values = request.headers.getlist(header)
    if len(values) != 1:
        raise SignatureRefused(f"{what}_repeated" if values else f"{what}_missing")
    return values[0]
