"""Infobip's OAuth 2.0: the Authorize URL, the code exchange, the refresh (all documented)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from app.infobip.answers import Answer, Identity, Token, read_identity, read_token
from app.infobip.in_turn import InTurn
from app.infobip.transport import Transport

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
        self._secrets = InTurn(app.client_secrets or (None,), of="exchange")
        self._refreshes = InTurn(_refresh_prefixes(app), of="refresh")

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

        async def with_secret(secret: str | None, timeout_seconds: float) -> tuple[Token, Identity]:
            proof = {} if secret is None else {"client_secret": secret}
            answer = await self._transport.send(
                "POST",
                self._token_url,
                headers=_FORM_HEADERS,
                body=urlencode(fields | proof).encode(),
                timeout_seconds=timeout_seconds,
            )
            return self._read_token(answer), read_identity(answer)

        return await self._secrets.until_accepted(with_secret, within_seconds=_EXCHANGE_SECONDS)

    async def refresh(self, authorization: str, *, timeout_seconds: float) -> Token:
        """Renew a live token, which is its own refresh credential (documented: sent as `code`).

        `authorization` is the header value of the token to renew. The answer may be a new token
        or the same one, extended. Raises as `exchange`.
        """
        code = quote(authorization.partition(" ")[2], safe="").encode()

        async def with_prefix(prefix: bytes, timeout_seconds: float) -> Token:
            answer = await self._transport.post_form(
                self._token_url, prefix + code, timeout_seconds=timeout_seconds
            )
            return self._read_token(answer)

        return await self._refreshes.until_accepted(with_prefix, within_seconds=timeout_seconds)

    def _read_token(self, answer: Answer) -> Token:
        return read_token(answer, default_life_seconds=self._app.token_lifetime_seconds)


def _refresh_prefixes(app: OAuthApp) -> list[bytes]:
    """The constant part of every refresh, in all forms that may be accepted.

    Documented: `grant_type` and `code` alone. Seen: the client's id and secret as well. A
    public client has an id alone. When every secret that we know is refused, because Infobip has
    made a new one, the documented form keeps tokens alive until we are told.
    """
    documented = {"grant_type": "refresh_token"}
    if app.refresh_fields == "minimal":
        return [_prefix(documented)]
    ours = documented | {"client_id": app.client_id}
    forms = [ours | {"client_secret": secret} for secret in app.client_secrets] or [ours]
    return [_prefix(form) for form in (*forms, documented)]


def _prefix(fields: dict[str, str]) -> bytes:
    return f"{urlencode(fields)}&code=".encode()
