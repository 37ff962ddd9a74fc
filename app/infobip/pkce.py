"""Proof Key for Code Exchange (RFC 7636), as Infobip documents it: S256, the method implied."""

import base64
import hashlib
import secrets

_VERIFIER_BYTES = 32


def new_verifier() -> str:
    """43 characters of `A-Z a-z 0-9 - _`, 256 random bits; 43 to 128 are allowed."""
    return secrets.token_urlsafe(_VERIFIER_BYTES)


def challenge_of(verifier: str) -> str:
    """Base64url without padding of the verifier's SHA-256 (documented)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
