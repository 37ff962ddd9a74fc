"""What happens between Authorize and Token: states, codes, and people who have yet to decide."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.directory import App, User
from sandbox.shelf import Shelf

_EMBEDDED_STATE_SECONDS = 12 * 3600
_PENDING_SECONDS = 900

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A valid request to Authorize."""

    app: App
    state: str
    redirect_uri: str
    scope: str
    challenge: str | None = None


@dataclass(slots=True)
class Code:
    """What a code stands for. ``used`` outlives the use, so that a second one can be told."""

    request: AuthorizationRequest
    user: User
    used: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """A person has to log in or to consent; ``cancel_url`` is the page that led here."""

    request: AuthorizationRequest
    cancel_url: str


class Authorizations:
    """States issued for embedded loads, open consents, and codes."""

    def __init__(self, clock: Clock) -> None:
        self._states: Shelf[User] = Shelf(clock)
        self._pending: Shelf[Pending] = Shelf(clock)
        self._codes: Shelf[Code] = Shelf(clock)

    def issue_state(self, user: User) -> str:
        """Make the ``state`` with which the web interface loads an app for ``user``.

        Sixteen URL-safe characters, like ``WeHH_yy2irpl8UY`` of Infobip's API authentication page.
        """
        state = secrets.token_urlsafe(12)
        self._states.put(state, user, seconds=_EMBEDDED_STATE_SECONDS)
        return state

    def user_of_state(self, state: str) -> User | None:
        """The user for whom ``state`` was issued; it may be used any number of times."""
        return self._states.get(state)

    def open_consent(self, request: AuthorizationRequest, cancel_url: str) -> str:
        """Keep a request until the person has decided; return its id."""
        pending_id = secrets.token_urlsafe(18)
        self._pending.put(pending_id, Pending(request, cancel_url), seconds=_PENDING_SECONDS)
        return pending_id

    def pending(self, pending_id: str) -> Pending | None:
        """Look at an open consent."""
        return self._pending.get(pending_id)

    def close_consent(self, pending_id: str) -> Pending | None:
        """Take an open consent: it can be decided once."""
        return self._pending.pop(pending_id)

    def issue_code(self, request: AuthorizationRequest, user: User, *, seconds: float) -> str:
        """Make a code: 16 hexadecimal characters, as Infobip's API authentication page says."""
        code = secrets.token_hex(8)
        self._codes.put(code, Code(request, user), seconds=seconds)
        return code

    def code(self, code: str) -> Code | None:
        """Find a code that has not expired; it may have been used."""
        return self._codes.get(code)


def challenge_is_well_formed(challenge: str) -> bool:
    """Whether this can be the base64url SHA-256 of something."""
    return _CHALLENGE.fullmatch(challenge) is not None


def verifier_is_well_formed(verifier: str) -> bool:
    """43 to 128 unreserved characters."""
    return _VERIFIER.fullmatch(verifier) is not None


def challenge_of(verifier: str) -> str:
    """The S256 challenge: base64url without padding of the verifier's SHA-256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Compare a verifier with the challenge that came with the authorization request."""
    return hmac.compare_digest(challenge_of(verifier).encode(), challenge.encode())
