"""Infobip's OAuth 2.0: the Authorize URL, the code exchange, the refresh (all documented)."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from app.infobip.answers import Answer, Identity, Token, read_identity, read_token
from app.infobip.transport import Transport

_EXCHANGE_SECONDS = 10.0
_FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthApp:
    """Our app shell. `redirect_uri` is sent to Authorize and Token alike, to the letter."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    oauth_url: str
    token_lifetime_seconds: float
    refresh_fields: Literal["client", "minimal"] = "client"


class OAuth:
    """The three calls for one app."""

    def __init__(self, *, app: OAuthApp, transport: Transport) -> None:
        self._app = app
        self._transport = transport
        self._token_url = f"{app.oauth_url}/token"
        self._refresh_prefix = _refresh_prefix(app)

    def authorize_url(self, *, state: str) -> str:
        """Where the browser goes to authorise us; every parameter here is required."""
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._app.client_id,
                "state": state,
                "redirect_uri": self._app.redirect_uri,
                "scope": " ".join(self._app.scopes),
            },
            quote_via=quote,
        )
        return f"{self._app.oauth_url}/authorize?{query}"

    async def exchange(self, code: str) -> tuple[Token, Identity]:
        """Trade a code for a token. A code is good once, within a minute: never repeat this.

        Raises GrantRefused, ClientRefused, PassingTrouble or Unintelligible.
        """
        form = urlencode(
            {
                "grant_type": "authorization_code",
                "client_id": self._app.client_id,
                "client_secret": self._app.client_secret,
                "code": code,
                "redirect_uri": self._app.redirect_uri,
            }
        )
        answer = await self._transport.send(
            "POST",
            self._token_url,
            headers=_FORM_HEADERS,
            body=form.encode(),
            timeout_seconds=_EXCHANGE_SECONDS,
        )
        return self._read_token(answer), read_identity(answer)

    async def refresh(self, authorization: str, *, timeout_seconds: float) -> Token:
        """Renew a live token, which is its own refresh credential (documented: sent as `code`).

        `authorization` is the header value of the token to renew. The answer may be a new token
        or the same one, extended. Raises as `exchange`.
        """
        token = authorization.partition(" ")[2]
        form = self._refresh_prefix + quote(token, safe="").encode()
        answer = await self._transport.post_form(
            self._token_url, form, timeout_seconds=timeout_seconds
        )
        return self._read_token(answer)

    def _read_token(self, answer: Answer) -> Token:
        return read_token(answer, default_life_seconds=self._app.token_lifetime_seconds)


def _refresh_prefix(app: OAuthApp) -> bytes:
    """The constant part of every refresh.

    Documented: `grant_type` and `code` alone. Seen: the client's id and secret as well.
    """
    fields = {"grant_type": "refresh_token"}
    if app.refresh_fields == "client":
        fields |= {"client_id": app.client_id, "client_secret": app.client_secret}
    return f"{urlencode(fields)}&code=".encode()
