"""Reading the token endpoint's answers, tolerantly where Infobip may differ from its page."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from app.infobip.errors import (
    ClientRefused,
    GrantRefused,
    InfobipError,
    ServerTrouble,
    Throttled,
    Unintelligible,
)

DEFAULT_TOKEN_TYPE = "IBSSO"  # noqa: S105 - the documented scheme, not a secret
_SHORTEST_LIFE_SECONDS = 2.0
_LONGEST_LIFE_SECONDS = 86_400.0
_LONGEST_RETRY_AFTER_SECONDS = 3_600.0
_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)
_CODE = re.compile(r"[A-Za-z][A-Za-z_. -]{0,48}[0-9]{0,4}", re.ASCII)
"""What an error's name looks like, and a token or code does not: names are logged."""

# RFC 6749 §5.2 for the standard words; Infobip's own as seen in its API errors.
_CLIENT_CODES = {"invalid_client", "unauthorized_client", "redirect_uri_mismatch"}
_GRANT_CODES = {
    "invalid_grant",
    "invalid_token",
    "expired_token",
    "invalid_code",
    "token_expired",
    "unauthorized",
    "e401",
}


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer, whatever client brought it."""

    status: int
    retry_after: str | None
    body: bytes

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"


class Token(msgspec.Struct, frozen=True):
    """A live token. `authorization` is the header value, `tokenType + " " + token` (documented)."""

    authorization: str
    life_seconds: float

    def __repr__(self) -> str:
        return f"Token(life_seconds={self.life_seconds})"


@dataclass(frozen=True, slots=True)
class Named:
    """A role or group."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the token stands for."""

    account_key: str
    user_key: str
    username: str | None
    email: str | None
    locale: str | None
    roles: tuple[Named, ...]
    groups: tuple[Named, ...]


class _TokenFields(msgspec.Struct):
    """What a renewal needs of the answer; everything else is skipped without being built."""

    token: str | None = None
    access_token: str | None = None
    tokenType: Any = None  # noqa: N815 - the wire's name
    token_type: Any = None
    expires_in: Any = None


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, no UTF-8, or nested without end."""

_decode_token = msgspec.json.Decoder(_TokenFields).decode
_decode_any = msgspec.json.Decoder().decode


def read_token(answer: Answer, *, default_life_seconds: float) -> Token:
    """The token of a 200 answer. Raises the matching InfobipError for anything else.

    Documented: `token`, `tokenType`. Seen: `access_token`, `token_type`, `expires_in`.
    A missing life means the default one, never "for ever".
    """
    if answer.status != 200:
        raise refusal(answer)
    try:
        fields = _decode_token(answer.body)
    except UNREADABLE as error:
        raise Unintelligible("not the JSON of a token", status=200) from error
    token = fields.token or fields.access_token
    scheme = fields.tokenType or fields.token_type
    scheme = scheme if isinstance(scheme, str) else DEFAULT_TOKEN_TYPE
    if not token:
        raise refusal(answer)
    if not _TOKEN.fullmatch(token) or not _SCHEME.fullmatch(scheme):
        raise Unintelligible("a token that fits no header", status=200)
    said = fields.expires_in
    life = default_life_seconds if said is None else _life(said, default_life_seconds)
    return Token(f"{scheme} {token}", life)


def read_identity(answer: Answer) -> Identity:
    """Whom the token of a 200 answer stands for. Raises Unintelligible.

    Documented: `roles` and `groups` are optional; entries that cannot be read are left out.
    """
    try:
        body = _decode_any(answer.body)
    except UNREADABLE as error:
        raise Unintelligible("not JSON", status=answer.status) from error
    account_key, user_key = _text(body, "accountKey"), _text(body, "userKey")
    if not account_key or not user_key:
        raise Unintelligible("a token without account or user", status=answer.status)
    return Identity(
        account_key=account_key,
        user_key=user_key,
        username=_text(body, "username"),
        email=_text(body, "email"),
        locale=_text(body, "locale"),
        roles=_named(body.get("roles")),
        groups=_named(body.get("groups")),
    )


def refusal(answer: Answer) -> InfobipError:
    """The error that an answer without a token stands for.

    The token endpoint's error body is not documented. Only a word that is known to speak of
    the grant or the client counts as a refusal, wherever it stands; everything else might be
    a proxy, a maintenance page or an outage, and says nothing about the token.
    """
    if answer.status == 429:
        return Throttled(retry_after_seconds=_retry_after(answer.retry_after))
    if answer.status >= 500:
        return ServerTrouble(status=answer.status)
    code = error_code(answer.body)
    if code and code.lower() in _CLIENT_CODES:
        return ClientRefused(status=answer.status, code=code)
    if code and code.lower() in _GRANT_CODES:
        return GrantRefused(status=answer.status, code=code)
    return Unintelligible(
        f"no token and no known refusal: {code or 'no code'}", status=answer.status
    )


def error_code(body: bytes) -> str | None:
    """Infobip's word for an error, from any of the three JSON shapes that were seen."""
    try:
        parsed = _decode_any(body)
    except UNREADABLE:
        return None
    if not isinstance(parsed, Mapping):
        return None
    request_error = parsed.get("requestError")
    exception = (
        request_error.get("serviceException") if isinstance(request_error, Mapping) else None
    )
    code = _text(exception, "messageId") or _text(parsed, "error") or _text(parsed, "errorCode")
    return code if code and _CODE.fullmatch(code) else None


def _life(expires_in: Any, default_seconds: float) -> float:
    """What the server says, if that is a number; never so short that we would hammer it."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float | str):
        return default_seconds
    try:
        seconds = float(expires_in)
    except (ValueError, OverflowError):
        return default_seconds
    if not math.isfinite(seconds) or seconds <= 0:
        return default_seconds
    return min(max(seconds, _SHORTEST_LIFE_SECONDS), _LONGEST_LIFE_SECONDS)


def _retry_after(value: str | None) -> float | None:
    """Seconds of a `Retry-After`. The date form is not worth trusting a foreign clock for."""
    if value is None or not value.isascii() or not value.isdigit():
        return None
    return min(float(value), _LONGEST_RETRY_AFTER_SECONDS)


def _text(body: Any, name: str) -> str | None:
    value = body.get(name) if isinstance(body, Mapping) else None
    return _storable(value) if isinstance(value, str) else None


def _named(values: Any) -> tuple[Named, ...]:
    if not isinstance(values, list):
        return ()
    return tuple(
        Named(item["id"], _storable(item["name"]))
        for item in values
        if isinstance(item, Mapping)
        and type(item.get("id")) is int
        and isinstance(item.get("name"), str)
    )


def _storable(text: str) -> str:
    """Without NUL, which Postgres cannot keep in a text."""
    return text.replace("\x00", "")
