"""PKCE (RFC 7636, S256): a verifier that only its maker knows, and the challenge made of it.

Documented by Infobip for apps that cannot keep a secret: Authorize gets `code_challenge`, Token
gets `code_verifier`. S256 is implied.
"""

import base64
import binascii
import hashlib
import re
import secrets

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_RANDOM_BYTES = 32
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_verifier() -> str:
    """43 characters that carry 256 random bits."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(verifier: str) -> bytes:
    """SHA-256 of the verifier: the challenge's 32 bytes."""
    return hashlib.sha256(verifier.encode()).digest()


def challenge_of(digest: bytes) -> str:
    """The challenge as Authorize gets it: base64url without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def read_challenge(text: str) -> bytes:
    """The 32 bytes of a challenge. Raises ValueError unless it is the one way to write them."""
    if not _CHALLENGE.fullmatch(text):
        raise ValueError("must be 43 characters of base64url")
    try:
        digest = base64.urlsafe_b64decode(text + "=")
    except binascii.Error as error:
        raise ValueError("must be base64url") from error
    if challenge_of(digest) != text:
        raise ValueError("must be base64url without stray bits")
    return digest
