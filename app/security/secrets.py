"""Random values that someone outside carries, and the hashes by which we know them again."""

import hashlib
import secrets

_RANDOM_BYTES = 32


def random_token(prefix: str) -> str:
    """256 random bits, URL-safe, with a prefix that tells secret scanners what it is."""
    return prefix + secrets.token_urlsafe(_RANDOM_BYTES)


def token_hash(token: str) -> bytes:
    """SHA-256, for look-up. The tokens are random, so no salt or stretching is needed."""
    return hashlib.sha256(token.encode()).digest()
