"""API keys: `Authorization: App <key>` (documented), and whether Infobip knows one."""

import re

import msgspec

from app.infobip.answers import Answer, error_code, refusal
from app.infobip.errors import InfobipError, Refused, Unintelligible
from app.infobip.transport import Transport

API_KEY = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
"""Whatever fits the header. Documented shape: `<32 hex>-<uuid>`; nobody promises that it stays."""

_CHECK_SECONDS = 10.0
_BALANCE = "/account/1/balance"


def api_key_authorization(api_key: str) -> str:
    """The value of the Authorization header."""
    return f"App {api_key}"


async def check_api_key(transport: Transport, *, api_url: str, api_key: str) -> None:
    """Ask for the account's balance (seen), which changes nothing and needs no scope of its own.

    A key that may not ask is known all the same: it is answered with 403. Raises Refused for one
    that is not known, or PassingTrouble or Unintelligible, which say nothing about the key.
    """
    answer = await transport.send(
        "GET",
        api_url + _BALANCE,
        headers={"authorization": api_key_authorization(api_key), "accept": "application/json"},
        body=b"",
        timeout_seconds=_CHECK_SECONDS,
    )
    if answer.status != 403 and not _is_balance(answer):
        raise _trouble(answer)


def _is_balance(answer: Answer) -> bool:
    """Any JSON object will do, but not the page of a proxy on the way."""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return 200 <= answer.status < 300 and isinstance(body, dict)


def _trouble(answer: Answer) -> InfobipError:
    if answer.status == 401:
        return Refused(status=401, code=error_code(answer.body))
    if answer.status == 429 or answer.status >= 500:
        return refusal(answer)
    return Unintelligible("neither a balance nor a refusal", status=answer.status)
