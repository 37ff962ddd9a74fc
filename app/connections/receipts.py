"""What a browser may be shown after an activation, sealed into a cookie of its own."""

import base64
import binascii
import json
from dataclasses import asdict, dataclass

from app.security.sealing import SealingKeys, Unsealable

_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Receipt:
    """Which user of which account was linked, as their person may see it."""

    username: str
    email: str
    account_key: str
    external_id: str


class Receipts:
    """Sealed, so that nobody can make us show what did not happen; nothing is stored."""

    def __init__(self, *, keys: SealingKeys) -> None:
        self._keys = keys

    def seal(self, receipt: Receipt) -> str:
        """A cookie's value."""
        short = {name: text[:_LONGEST_TEXT] for name, text in asdict(receipt).items()}
        sealed = self._keys.seal(
            json.dumps(short).encode(), table="cookies", row=b"", purpose="receipt"
        )
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, value: str) -> Receipt | None:
        """None for what we did not seal."""
        try:
            sealed = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            text = self._keys.open(sealed, table="cookies", row=b"", purpose="receipt")
            return Receipt(**json.loads(text))
        except (binascii.Error, Unsealable, ValueError, TypeError):
            return None
