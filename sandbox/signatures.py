"""How Infobip signs its calls to an app.

Seen in Infobip's public sample apps: the signature is a hexadecimal HMAC-SHA256, and what it covers
begins with the timestamp of the call, in milliseconds since the epoch. Nothing separates the parts.
"""

import hashlib
import hmac

SIGNATURE_HEADER = "X-Ib-Exchange-Req-Signature"
TIMESTAMP_HEADER = "X-Ib-Exchange-Req-Timestamp"
ACCOUNT_HEADER = "X-Ib-Exchange-Req-AccountKey"
"""Names the account that the legacy form signs: seen in one public client, documented nowhere."""


def sign(signing_secret: str, timestamp: str, body: bytes) -> str:
    """The current form: the app's signing secret over timestamp and raw body.

    The secret looks like Base64, but its characters are the key, as they are.
    """
    return _hmac(signing_secret, timestamp.encode() + body)


def sign_legacy(client_secret: str, timestamp: str, account_id: str) -> str:
    """The legacy form: the client secret over timestamp and account; the body is not covered."""
    return _hmac(client_secret, timestamp.encode() + account_id.encode())


def _hmac(key: str, message: bytes) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
