"""Sessions that this process has seen valid, for a moment and for while there is no database.

A page makes many calls within a second, and asking the database each time would be most of what a
call costs. What ends a session here is known here at once; what ends it elsewhere is heard
(`news`), and where it is not heard, a moment is all that is at stake.
"""

from dataclasses import dataclass, replace

from app.clock import Clock
from app.models.identifiers import ConnectionId, SessionId
from app.models.session import Session

MOST_SESSIONS = 50_000
_MOST_ENDED = 10_000
_FRESH_SECONDS = 1.0
"""How long what the database said is taken for what it would say."""


@dataclass(slots=True)
class _Remembered:
    """Times are of this process's monotonic clock."""

    session: Session
    asked: float
    seen: float
    ends: float


class RememberedSessions:
    """Known by the hashes of their tokens. The one that was used least recently goes first."""

    def __init__(self, *, clock: Clock, idle_seconds: float, at_most: int = MOST_SESSIONS) -> None:
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._at_most = at_most
        self._known: dict[bytes, _Remembered] = {}
        self._hashes: dict[SessionId, bytes] = {}
        self._ended: dict[SessionId | bytes, None] = {}

    def __len__(self) -> int:
        return len(self._known)

    def ids(self) -> list[SessionId]:
        return list(self._hashes)

    def remember(
        self, token_hash: bytes, session: Session, *, as_of: float, is_fresh: bool = True
    ) -> None:
        """What the database said; `as_of` is our clock just before it was asked.

        Unless it `is_fresh`, it serves only while the database is away. The answer may be older
        than the session's end, which was told here meanwhile.
        """
        if session.id in self._ended or token_hash in self._ended:
            return
        self._known.pop(token_hash, None)
        self._known[token_hash] = _Remembered(
            session,
            asked=as_of if is_fresh else float("-inf"),
            seen=as_of - session.seen_seconds_ago,
            ends=as_of + session.left_seconds,
        )
        self._hashes[session.id] = token_hash
        if len(self._known) > self._at_most:
            self.discard(next(iter(self._known)))

    def fresh(self, token_hash: bytes) -> Session | None:
        """As the database has just seen it."""
        known = self._known.get(token_hash)
        now = self._clock.monotonic()
        if known is None or now >= known.ends or now - known.asked >= _FRESH_SECONDS:
            return None
        return known.session

    def ask_anew(self, session_id: SessionId) -> None:
        """Its connection has changed: until the database says how it is now, it is not fresh."""
        if (token_hash := self._hashes.get(session_id)) is not None:
            self._known[token_hash].asked = float("-inf")

    def find(self, token_hash: bytes) -> Session | None:
        """As it was seen last, within its limits; it counts as used."""
        known = self._known.pop(token_hash, None)
        if known is None:
            return None
        now = self._clock.monotonic()
        if now >= known.ends or now - known.seen >= self._idle_seconds:
            del self._hashes[known.session.id]
            return None
        known.seen = now
        self._known[token_hash] = known
        return replace(known.session, remembered=True)

    def forget(self, session_id: SessionId) -> None:
        """It has ended, and will never be remembered again."""
        self._note_end(session_id)
        if (token_hash := self._hashes.get(session_id)) is not None:
            self.discard(token_hash)

    def forget_token(self, token_hash: bytes) -> None:
        """The same, of the session with this token."""
        self._note_end(token_hash)
        self.discard(token_hash)

    def forget_connection(self, connection_id: ConnectionId) -> None:
        """The same, of all sessions of this connection."""
        of_it = [
            known.session.id
            for known in self._known.values()
            if known.session.connection.id == connection_id
        ]
        for session_id in of_it:
            self.forget(session_id)

    def discard(self, token_hash: bytes) -> None:
        """The database knows no session with this token."""
        known = self._known.pop(token_hash, None)
        if known is not None:
            del self._hashes[known.session.id]

    def _note_end(self, what: SessionId | bytes) -> None:
        """Long enough for answers of the database that are on their way."""
        self._ended[what] = None
        if len(self._ended) > _MOST_ENDED:
            del self._ended[next(iter(self._ended))]
