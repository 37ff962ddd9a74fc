"""Calling an app as Infobip does: signed, and nothing but this machine can be called."""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

import httpx

from sandbox.directory import App
from sandbox.loopback import is_loopback
from sandbox.signatures import (
    ACCOUNT_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    sign,
    sign_legacy,
)

SignatureForm = Literal["current", "legacy"]
Tamper = Literal["body", "signature", "timestamp"]

_PATIENCE_SECONDS = 10
_LARGEST_ANSWER = 65_536


class SignedCallError(Exception):
    """There is no answer; ``status`` is the one with which the control API says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """What goes on the wire; the account is named where the legacy form signs it."""

    method: str
    url: httpx.URL
    timestamp: str
    signature: str
    account_id: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; a long body is cut."""

    status: int
    content_type: str | None
    body: str
    truncated: bool


def local_url(text: str) -> httpx.URL:
    """Parse the URL of a page on this machine; the sandbox is no way to anywhere else."""
    try:
        url = httpx.URL(text)
        host, port = url.host, url.port
    except (httpx.InvalidURL, ValueError) as error:
        raise SignedCallError(400, "This is no URL.") from error
    if url.scheme not in ("http", "https") or url.userinfo:
        raise SignedCallError(400, "The URL must be http or https, and without a user.")
    if port is not None and not 0 < port < 65_536:
        raise SignedCallError(400, "A port is a number from 1 to 65535.")
    if not is_loopback(host):
        raise SignedCallError(400, "Signed calls go to this machine only: localhost, 127.…, ::1.")
    return url


def sign_call(
    app: App,
    *,
    method: str,
    url: httpx.URL,
    body: bytes,
    form: SignatureForm,
    account_id: str,
    offset_seconds: float,
    tamper: Tamper | None,
) -> SignedCall:
    """Sign a call for ``app``, then spoil what ``tamper`` names.

    Timestamps are of real time, not of the sandbox's clock: the app compares them with its own.
    """
    moment = int((time.time() + offset_seconds) * 1000)
    signature = _signature(app, form, str(moment), body, account_id)
    if tamper == "body":
        body += b" "
    elif tamper == "signature":
        signature = ("1" if signature[0] == "0" else "0") + signature[1:]
    elif tamper == "timestamp":
        moment += 1
    return SignedCall(
        method=method,
        url=url,
        timestamp=str(moment),
        signature=signature,
        account_id=account_id if form == "legacy" else None,
        body=body,
    )


async def send(call: SignedCall, *, within_seconds: float = _PATIENCE_SECONDS) -> Answer:
    """Make the call: once, and following neither redirects nor the environment's proxies."""
    headers = {SIGNATURE_HEADER: call.signature, TIMESTAMP_HEADER: call.timestamp}
    if call.account_id is not None:
        headers[ACCOUNT_HEADER] = call.account_id
    if call.body:
        headers["Content-Type"] = "application/json"
    try:
        async with (
            asyncio.timeout(within_seconds),
            httpx.AsyncClient(trust_env=False, timeout=within_seconds) as http,
            http.stream(call.method, call.url, content=call.body, headers=headers) as answer,
        ):
            return await _read(answer)
    except (TimeoutError, httpx.TimeoutException) as error:
        reason = f"The app did not answer within {within_seconds:g} seconds."
        raise SignedCallError(504, reason) from error
    except httpx.HTTPError as error:
        raise SignedCallError(502, "The app cannot be reached, or it breaks off.") from error


def _signature(app: App, form: SignatureForm, timestamp: str, body: bytes, account_id: str) -> str:
    if form == "current":
        return sign(app.signing_secret, timestamp, body)
    if app.client_secret is None:
        raise SignedCallError(400, "The legacy form needs a client secret; a public app has none.")
    return sign_legacy(app.client_secret, timestamp, account_id)


async def _read(answer: httpx.Response) -> Answer:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            break
    return Answer(
        status=answer.status_code,
        content_type=answer.headers.get("content-type"),
        body=body[:_LARGEST_ANSWER].decode(errors="replace"),
        truncated=len(body) > _LARGEST_ANSWER,
    )
