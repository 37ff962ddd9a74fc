"""Signatures of webhooks, as the Standard Webhooks specification has them.

It takes a dozen lines of `hmac`; the specification's own library is what the tests verify with.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public part of secrets
_FEWEST_BYTES, _MOST_BYTES = 24, 64
_NEW_BYTES = 32


def parse_signing_secret(text: str) -> bytes:
    """The key in a secret. Raises ValueError with the end of a sentence."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_PREFIX) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(
            f"must be {SECRET_PREFIX} and Base64 of {_FEWEST_BYTES} to {_MOST_BYTES} bytes; "
            "`python -m app generate-events-secret` makes one"
        )
    return key


def generate_signing_secret() -> str:
    """A new secret, as the sender and the receiver both need it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def signature(keys: Iterable[bytes], *, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature by each key, so that keys can be changed."""
    content = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(key, content, hashlib.sha256) for key in keys)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)
