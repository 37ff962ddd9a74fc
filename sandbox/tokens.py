"""Access tokens: issued, renewed, revoked, and forgotten once they are dead."""

import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.config import RefreshMode
from sandbox.directory import App, User
from sandbox.renewals import RenewalRecord

_SWEPT_PER_CALL = 8
_GRAVES_KEPT = 20_000


@dataclass(slots=True)
class Token:
    """A token and whose it is. ``renewals`` counts over the whole chain since the exchange."""

    value: str
    user: User
    app: App
    expires_at: float
    renewals: int = 0
    renewed_at: float | None = None
    """When this very token was last renewed, be it into another one or into itself."""

    @property
    def tail(self) -> str:
        """The last four characters: all of a token that is ever shown."""
        return self.value[-4:]


class TokenDeadError(Exception):
    """The token cannot be renewed; ``cause`` is ``unknown|expired|replaced|revoked``."""

    def __init__(self, cause: str, user: User | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.user = user


class Tokens:
    """All live tokens. Dead ones stay for a while as a bare cause, to explain refusals."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: OrderedDict[str, Token] = OrderedDict()
        self._graves: OrderedDict[str, tuple[str, User]] = OrderedDict()
        self.record = RenewalRecord()

    def issue(self, user: User, app: App, *, seconds: float, renewals: int = 0) -> Token:
        """Make a new token, a UUID as in Infobip's API authentication page."""
        self._sweep()
        expires_at = self._clock.now() + seconds
        token = Token(str(uuid.uuid4()), user, app, expires_at, renewals)
        self._live[token.value] = token
        return token

    def find(self, value: str) -> Token | None:
        """Return a live token."""
        token = self._live.get(value)
        if token is None:
            return None
        if token.expires_at <= self._clock.now():
            self._bury(token, "expired")
            return None
        return token

    def require(self, value: str) -> Token:
        """Return a live token or raise :class:`TokenDeadError`."""
        token = self.find(value)
        if token is None:
            cause, user = self._graves.get(value, ("unknown", None))
            raise TokenDeadError(cause, user)
        return token

    def renew(self, token: Token, *, seconds: float, mode: RefreshMode) -> Token:
        """Renew a live token in the given manner and return the one to use from now on."""
        self._note_renewal(token, mode)
        if mode == "extend":
            self._sweep()
            token.expires_at = self._clock.now() + seconds
            token.renewals += 1
            self._live.move_to_end(token.value)
            return token
        if mode == "rotate":
            self._bury(token, "replaced")
        return self.issue(token.user, token.app, seconds=seconds, renewals=token.renewals + 1)

    def revoke(self, chosen: Callable[[Token], bool]) -> int:
        """Kill every live token that is chosen; return how many there were."""
        doomed = [token for token in self.live() if chosen(token)]
        for token in doomed:
            self._bury(token, "revoked")
        return len(doomed)

    def live(self) -> list[Token]:
        """All live tokens, the least recently renewed first."""
        now = self._clock.now()
        return [token for token in self._live.values() if token.expires_at > now]

    def seconds_left(self, token: Token) -> float:
        """How long the token still lives, in sandbox time."""
        return token.expires_at - self._clock.now()

    def __len__(self) -> int:
        """How many tokens are in memory, dead ones that were not swept yet included."""
        return len(self._live)

    def _note_renewal(self, token: Token, mode: RefreshMode) -> None:
        now, before = self._clock.now(), token.renewed_at
        left = token.expires_at - now
        again = before is not None and (mode != "extend" or now - before < left / 3)
        self.record.renewed(seconds_left=left, again=again)
        token.renewed_at = now

    def _bury(self, token: Token, cause: str) -> None:
        del self._live[token.value]
        self._graves[token.value] = (cause, token.user)
        if len(self._graves) > _GRAVES_KEPT:
            self._graves.popitem(last=False)

    def _sweep(self) -> None:
        """Drop a few expired tokens; more than one per new token, so that none pile up."""
        now = self._clock.now()
        for _ in range(_SWEPT_PER_CALL):
            token = next(iter(self._live.values()), None)
            if token is None or token.expires_at > now:
                return
            self._bury(token, "expired")
