"""Sealing of secrets at rest with AES-256-GCM.

Layout of a sealed value: 4 bytes key id, 12 bytes nonce, ciphertext, 16 bytes tag.

Each row and purpose is sealed under a key of its own, HMAC-SHA-256(key, context). A random
96-bit nonce may be used about 2**32 times under one key; a busy deployment seals that often
in a week, a single row never does. The context is the associated data as well, so a value
that was moved to another row, table or purpose does not open.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from app.errors import ConfigurationError

KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12


class Unsealable(Exception):
    """The value was sealed under an unknown key, for another place, or was tampered with."""


class SealingKeys:
    """The keys of a deployment: the first seals, all open.

    Raises ConfigurationError when there is none.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ConfigurationError(
                "ENCRYPTION_KEYS is not set. Make a key with `python -m app generate-key`."
            )
        self._macs = {key_id(key): HMAC(key, SHA256()) for key in keys}
        self._sealing_id = key_id(keys[0])

    def __repr__(self) -> str:
        return f"SealingKeys({len(self._macs)} keys)"

    @property
    def newest_id(self) -> bytes:
        """What stands before all that is sealed from now on."""
        return self._sealing_id

    def seal(self, value: bytes, *, table: str, row: bytes, purpose: str) -> bytes:
        """Seal a value for one place; every call gives different bytes."""
        return self.seal_all([(row, value)], table=table, purpose=purpose)[0]

    def seal_all(
        self, values: Sequence[tuple[bytes, bytes]], *, table: str, purpose: str
    ) -> list[bytes]:
        """Seal pairs of a row and its value, as `seal` does each."""
        mac = self._macs[self._sealing_id]
        random = memoryview(os.urandom(_NONCE_BYTES * len(values)))
        sealed = []
        for number, (row, value) in enumerate(values):
            context = _context(table, row, purpose)
            nonce = bytes(random[number * _NONCE_BYTES : (number + 1) * _NONCE_BYTES])
            ciphertext = _cipher(mac, context).encrypt(nonce, value, context)
            sealed.append(self._sealing_id + nonce + ciphertext)
        return sealed

    def open(self, sealed: bytes, *, table: str, row: bytes, purpose: str) -> bytes:
        """Open a value at the place it was sealed for. Raises Unsealable."""
        context = _context(table, row, purpose)
        mac = self._macs.get(sealed[:_KEY_ID_BYTES])
        if mac is None:
            raise Unsealable("sealed under a key that is not in ENCRYPTION_KEYS")
        nonce_end = _KEY_ID_BYTES + _NONCE_BYTES
        try:
            return _cipher(mac, context).decrypt(
                sealed[_KEY_ID_BYTES:nonce_end], sealed[nonce_end:], context
            )
        except (InvalidTag, ValueError) as error:
            raise Unsealable("sealed for another place, or damaged") from error


def key_id(key: bytes) -> bytes:
    """What is stored beside a sealed value to find its key again; tells nothing of the key."""
    return hashlib.sha256(b"hearth key id" + key).digest()[:_KEY_ID_BYTES]


def generate_key() -> str:
    """A new key for ENCRYPTION_KEYS: 32 random bytes in Base64."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def parse_key(text: str) -> bytes:
    """Read a Base64 key. Raises ValueError with a sentence that does not repeat it."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("a key is not valid Base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def _context(table: str, row: bytes, purpose: str) -> bytes:
    return f"{table}/{purpose}/".encode() + row


def _cipher(mac: HMAC, context: bytes) -> AESGCM:
    """`mac` is ready with the deployment's key, which takes longer than all else."""
    of_context = mac.copy()
    of_context.update(context)
    return AESGCM(of_context.finalize())
