"""Infobip's OAuth 2.0: the Authorize URL, the code exchange, the refresh (all documented)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar
from urllib.parse import quote, urlencode

import structlog

from app.infobip.answers import Answer, Identity, Token, read_identity, read_token
from app.infobip.errors import ClientRefused
from app.infobip.transport import Transport

log = structlog.get_logger(__name__)

_Outcome = TypeVar("_Outcome")

_EXCHANGE_SECONDS = 10.0
_FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthApp:
    """Our app shell. `redirect_uri` is sent to Authorize and Token alike, to the letter.

    `client_secrets` are those that may be the right one: the old and the new one while it is
    changed. A public client has none. `challenge_method` says whether Authorize is told
    `code_challenge_method=S256`, which is not documented.
    """

    client_id: str
    client_secrets: tuple[str, ...] = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    oauth_url: str
    token_lifetime_seconds: float
    refresh_fields: Literal["client", "minimal"] = "client"
    challenge_method: bool = False


class OAuth:
    """The three calls for one app."""

    def __init__(self, *, app: OAuthApp, transport: Transport) -> None:
        self._app = app
        self._transport = transport
        self._token_url = f"{app.oauth_url}/token"
        self._secrets: tuple[str | None, ...] = app.client_secrets or (None,)
        self._refresh_prefixes = [_refresh_prefix(app, secret) for secret in self._secrets]
        self._in_turn = tuple(range(len(self._secrets)))

    def authorize_url(
        self, *, state: str, challenge: str | None = None, scopes: Sequence[str] = ()
    ) -> str:
        """Where the browser goes to authorise us; `scopes` stand in for the app's own.

        All parameters but those of PKCE are required (documented).
        """
        parameters = {
            "response_type": "code",
            "client_id": self._app.client_id,
            "state": state,
            "redirect_uri": self._app.redirect_uri,
            "scope": " ".join(scopes or self._app.scopes),
        }
        if challenge is not None:
            parameters["code_challenge"] = challenge
            if self._app.challenge_method:
                parameters["code_challenge_method"] = "S256"
        query = urlencode(parameters, quote_via=quote)
        return f"{self._app.oauth_url}/authorize?{query}"

    async def exchange(self, code: str, *, verifier: str | None) -> tuple[Token, Identity]:
        """Trade a code for a token. A code is good once, within a minute: never repeat this.

        `verifier` belongs to the challenge that Authorize got, if it got one.
        Raises GrantRefused, ClientRefused, PassingTrouble or Unintelligible.
        """
        fields = {
            "grant_type": "authorization_code",
            "client_id": self._app.client_id,
            "code": code,
            "redirect_uri": self._app.redirect_uri,
        }
        if verifier is not None:
            fields["code_verifier"] = verifier

        async def with_secret(number: int, timeout_seconds: float) -> tuple[Token, Identity]:
            secret = self._secrets[number]
            proof = {} if secret is None else {"client_secret": secret}
            answer = await self._transport.send(
                "POST",
                self._token_url,
                headers=_FORM_HEADERS,
                body=urlencode(fields | proof).encode(),
                timeout_seconds=timeout_seconds,
            )
            return self._read_token(answer), read_identity(answer)

        return await self._with_the_right_secret(with_secret, within_seconds=_EXCHANGE_SECONDS)

    async def refresh(self, authorization: str, *, timeout_seconds: float) -> Token:
        """Renew a live token, which is its own refresh credential (documented: sent as `code`).

        `authorization` is the header value of the token to renew. The answer may be a new token
        or the same one, extended. Raises as `exchange`.
        """
        code = quote(authorization.partition(" ")[2], safe="").encode()

        async def with_secret(number: int, timeout_seconds: float) -> Token:
            form = self._refresh_prefixes[number] + code
            answer = await self._transport.post_form(
                self._token_url, form, timeout_seconds=timeout_seconds
            )
            return self._read_token(answer)

        if self._app.refresh_fields == "minimal":
            return await with_secret(0, timeout_seconds)  # none is sent
        return await self._with_the_right_secret(with_secret, within_seconds=timeout_seconds)

    async def _with_the_right_secret(
        self, attempt: Callable[[int, float], Awaitable[_Outcome]], *, within_seconds: float
    ) -> _Outcome:
        """Try one secret after the other, beginning with the one that was accepted last.

        Whoever is refused for the secret has used up nothing: who asks is checked first (RFC 6749,
        5.2 and 3.2.1). Only the refused look for another, so that answers which come late cannot
        bring the old secret back.
        """
        clock = asyncio.get_running_loop().time
        in_turn, ends = self._in_turn, clock() + within_seconds
        for number in in_turn:
            try:
                outcome = await attempt(number, ends - clock())
            except ClientRefused:
                if number == in_turn[-1] or clock() >= ends:
                    raise
            else:
                self._remember(number, in_turn)
                return outcome
        raise AssertionError("there is always one to try")

    def _remember(self, accepted: int, tried: tuple[int, ...]) -> None:
        if accepted == tried[0] or self._in_turn[0] == accepted:
            return
        self._in_turn = (accepted, *(number for number in tried if number != accepted))
        log.warning("client_secret_changed", refused=tried[0] + 1, accepted=accepted + 1)

    def _read_token(self, answer: Answer) -> Token:
        return read_token(answer, default_life_seconds=self._app.token_lifetime_seconds)


def _refresh_prefix(app: OAuthApp, secret: str | None) -> bytes:
    """The constant part of every refresh.

    Documented: `grant_type` and `code` alone. Seen: the client's id and secret as well. A
    public client has an id alone.
    """
    fields = {"grant_type": "refresh_token"}
    if app.refresh_fields == "client":
        fields["client_id"] = app.client_id
        if secret is not None:
            fields["client_secret"] = secret
    return f"{urlencode(fields)}&code=".encode()
