"""Sessions of embedded pages: made at each sign-in, kept as hashes, ended server-side."""

from dataclasses import dataclass
from uuid import uuid4

from app.connections.authorisation import Completed
from app.errors import NotSignedIn
from app.models.identifiers import SessionId
from app.models.session import Session
from app.security.secrets import random_token, token_hash
from app.store.database import Database
from app.store.sessions import SessionStore

_TOKEN_PREFIX = "hearth_s_"  # noqa: S105 - the public part of session tokens
_GRACE_SECONDS = 60
_SEEN_ACCURACY = 0.1
"""A session's last sign of life is written down at most ten times per idle limit."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lives without a sign of life, and at most."""

    idle_seconds: float
    absolute_seconds: float


class Sessions:
    """What a browser's session token stands for."""

    def __init__(self, *, database: Database, limits: SessionLimits) -> None:
        self._database = database
        self._limits = limits

    async def sign_in(self, completed: Completed, *, replacing: str | None) -> str:
        """A new session for who was just proven to be there; its token.

        The browser's former session ends: at once if it was somebody else's, else in a minute,
        because another card in the same browser may be using it at this moment.
        """
        token = random_token(_TOKEN_PREFIX)
        async with self._database.transaction() as tx:
            store = SessionStore(tx)
            if replacing is not None:
                await store.replace(
                    token_hash=token_hash(replacing),
                    by_connection=completed.connection_id,
                    grace_seconds=_GRACE_SECONDS,
                )
            await store.add(
                SessionId(uuid4()),
                token_hash=token_hash(token),
                connection_id=completed.connection_id,
                surface=completed.flow.surface,
                params=completed.flow.params,
                life_seconds=self._limits.absolute_seconds,
            )
        return token

    async def find(self, token: str) -> Session:
        """The live session of this token. Raises NotSignedIn."""
        async with self._database.statement() as tx:
            store = SessionStore(tx)
            session = await store.find(
                token_hash=token_hash(token), idle_seconds=self._limits.idle_seconds
            )
            if session is None:
                raise NotSignedIn
            if session.seen_seconds_ago > self._limits.idle_seconds * _SEEN_ACCURACY:
                await store.touch(session.id)
        return session

    async def end(self, session_id: SessionId) -> None:
        """Sign out; also fine when the session is over already."""
        async with self._database.statement() as tx:
            await SessionStore(tx).end(session_id)
