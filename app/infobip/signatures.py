"""How Infobip signs its calls to an app (seen in its public sample apps; its page is silent).

A signature is a hexadecimal HMAC-SHA-256 of the call's time, in milliseconds since the epoch, and
of what follows without anything between them. There are two forms:

- current: the raw body follows, and the key is the signing secret;
- legacy: the account's id follows, and the key is the client secret. The body is not covered.

The secrets look like Base64; their characters are the key, as they are.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

SIGNATURE_HEADER = "X-Ib-Exchange-Req-Signature"
TIMESTAMP_HEADER = "X-Ib-Exchange-Req-Timestamp"
ACCOUNT_HEADER = "X-Ib-Exchange-Req-AccountKey"
"""Where a call of the legacy form names its account (seen in one public client)."""

WINDOW = timedelta(seconds=300)
"""How far a call's time may be from ours, either way."""

_SIGNATURE = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_ACCOUNT = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)

# Milliseconds have thirteen digits from 2001 to 2286. A fixed number of them, because nothing
# else tells where the time ends and the body begins.
_TIMESTAMP = re.compile(r"[0-9]{13}", re.ASCII)


class SignatureForm(StrEnum):
    """What a signature covers, and with which key."""

    CURRENT = "current"
    LEGACY = "legacy"


class SignatureRefused(Exception):
    """The call is not known to be Infobip's and fresh. `reason` is a short stable word for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claim:
    """What a call says of itself; nothing of it is proven yet.

    `timestamp` is as it was sent: those characters are what is signed.
    """

    signature: str = field(repr=False)
    timestamp: str

    @classmethod
    def read(cls, *, signature: str, timestamp: str, now: datetime) -> Self:
        """The claim of a call's two headers. Raises SignatureRefused: malformed, or not of now."""
        if not _SIGNATURE.fullmatch(signature):
            raise SignatureRefused("signature_malformed")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise SignatureRefused("timestamp_malformed")
        claim = cls(signature, timestamp)
        if abs(now - claim.signed_at) > WINDOW:
            raise SignatureRefused("too_old" if claim.signed_at < now else "in_the_future")
        return claim

    @property
    def signed_at(self) -> datetime:
        """When the call was signed, if the claim holds."""
        return _EPOCH + timedelta(milliseconds=int(self.timestamp))

    def prove(self, *, signing_secrets: Sequence[str], body: bytes) -> None:
        """Raises SignatureRefused unless this body was signed in the current form.

        There are several secrets while the old one is exchanged for a new one.
        """
        self._compare(signing_secrets, body)

    def prove_legacy(self, *, client_secrets: Sequence[str], account_id: str) -> None:
        """Raises SignatureRefused unless this account was signed in the legacy form; see above."""
        if not _ACCOUNT.fullmatch(account_id):
            raise SignatureRefused("account_malformed")
        self._compare(client_secrets, account_id.encode())

    def _compare(self, keys: Sequence[str], rest: bytes) -> None:
        if not all(keys):
            raise ValueError("anybody can sign with an empty key")
        message = self.timestamp.encode() + rest
        signed = [hmac.new(key.encode(), message, hashlib.sha256).hexdigest() for key in keys]
        if not any(hmac.compare_digest(each, self.signature.lower()) for each in signed):
            raise SignatureRefused("signature_wrong")


_EPOCH = datetime.fromtimestamp(0, UTC)
