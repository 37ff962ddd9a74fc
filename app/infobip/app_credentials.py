"""What Infobip knows of an app: the portal's protected resource (documented)."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from app.infobip.answers import UNREADABLE, Answer, error_code, refusal
from app.infobip.errors import AppUnknown, InfobipError, Refused, Unintelligible
from app.infobip.transport import Transport

_WITHIN_SECONDS = 10.0
_LONGEST_VALUE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCredentials:
    """An app shell. What Infobip does not say, or not in a readable way, is None.

    An app without a client secret is a public client.
    """

    app_id: str | None
    client_id: str | None
    client_secret: str | None = field(repr=False)
    redirect_uri: str | None
    signing_secret: str | None = field(repr=False)


class _Fields(msgspec.Struct, rename="camel"):
    app_id: Any = None
    client_id: Any = None
    client_secret: Any = None
    redirect_uri: Any = None
    signing_secret: Any = None


_decode = msgspec.json.Decoder(_Fields).decode


class Portal:
    """The host that serves Infobip's web interface, as far as it serves apps."""

    def __init__(self, *, url: str, transport: Transport) -> None:
        self.url = url
        self._transport = transport

    async def app_credentials(self, app_id: str, *, authorization: str) -> AppCredentials:
        """Ask on behalf of a connection. `authorization` is the header value of its token.

        Raises Refused, AppUnknown, PassingTrouble or Unintelligible.
        """
        answer = await self._transport.send(
            "GET",
            f"{self.url}/api/amg/exchange/1/apps/{quote(app_id, safe='')}/oauth",
            headers={"authorization": authorization, "accept": "application/json"},
            body=b"",
            timeout_seconds=_WITHIN_SECONDS,
        )
        return read_app_credentials(answer)


def read_app_credentials(answer: Answer) -> AppCredentials:
    """What an answer says. Raises Refused, AppUnknown, PassingTrouble or Unintelligible."""
    if answer.status != 200:
        raise _trouble(answer)
    try:
        fields = _decode(answer.body)
    except UNREADABLE as error:
        raise Unintelligible("not the JSON of an app", status=200) from error
    credentials = AppCredentials(
        app_id=_readable(fields.app_id),
        client_id=_readable(fields.client_id),
        client_secret=_readable(fields.client_secret),
        redirect_uri=_readable(fields.redirect_uri),
        signing_secret=_readable(fields.signing_secret),
    )
    if credentials.client_id is None and credentials.redirect_uri is None:
        raise Unintelligible("neither client id nor redirect URI of an app", status=200)
    return credentials


def _trouble(answer: Answer) -> InfobipError:
    """Which errors this resource has is not documented. Seen elsewhere: 400 with NOT_FOUND.

    A 404 without Infobip's word for it may come from any server, and says nothing of the app.
    """
    if answer.status == 429 or answer.status >= 500:
        return refusal(answer)
    code = error_code(answer.body)
    if answer.status in (401, 403):
        return Refused(status=answer.status, code=code)
    if code is not None and (answer.status == 404 or code.upper() == "NOT_FOUND"):
        return AppUnknown(status=answer.status, code=code)
    return Unintelligible("neither an app nor a refusal", status=answer.status)


def _readable(value: Any) -> str | None:
    """A text that can be shown in a line of its own, as all of these are."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_VALUE:
        return None
    return value if value.isprintable() else None
