"""Sessions of embedded pages: made at each sign-in, kept as hashes, ended server-side."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import uuid4

from app.clock import Clock
from app.connections.authorisation import Completed
from app.embed.memory import RememberedSessions
from app.errors import DatabaseUnavailable
from app.errors.pages import HandoverUnknown, NotSignedIn
from app.models.flow import EmbeddedLoad
from app.models.identifiers import ConnectionId, SessionId
from app.models.session import Session
from app.security.secrets import random_token, token_hash
from app.store.database import Database
from app.store.sessions import SessionStore

# The public parts of three credentials, none of which is good in another's place: what a cookie
# carries, what a page's memory carries, and what one document hands over to the next.
COOKIE_PREFIX = "hearth_s_"
BEARER_PREFIX = "hearth_b_"
HANDOVER_PREFIX = "hearth_h_"
HANDOVER_SECONDS = 60
_GRACE_SECONDS = 60
_SEEN_ACCURACY = 0.1
"""A session's last sign of life is written down at most ten times per idle limit."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lives without a sign of life, and at most."""

    idle_seconds: float
    absolute_seconds: float


class Sessions:
    """What a browser's session token stands for.

    The database is asked, by one of those who want to know at the same moment; what it said is
    good for a second, and remembered for while it cannot be had.
    """

    def __init__(
        self,
        *,
        database: Database,
        limits: SessionLimits,
        remembered: RememberedSessions,
        clock: Clock,
    ) -> None:
        self._database = database
        self._limits = limits
        self._remembered = remembered
        self._clock = clock
        self._asking: dict[bytes, asyncio.Task[Session]] = {}

    async def sign_in(self, completed: Completed, *, replacing: str | None) -> str:
        """A new session for who was just proven to be there; the token for its cookie.

        The browser's former session ends: at once if it was somebody else's, else in a minute,
        because another card in the same browser may be using it at this moment.
        """
        token = random_token(COOKIE_PREFIX)
        async with self._database.transaction() as tx:
            store = SessionStore(tx)
            if replacing is not None:
                await store.replace(
                    token_hash=token_hash(replacing),
                    by_connection=completed.connection_id,
                    grace_seconds=_GRACE_SECONDS,
                )
            await _add(store, completed, token, life_seconds=self._limits.absolute_seconds)
        if replacing is not None:
            self._remembered.forget_token(token_hash(replacing))
        await self._remember(token_hash(token))
        return token

    async def hand_over(self, completed: Completed) -> str:
        """A session for a browser without cookies, to be taken up once and soon; its code."""
        code = random_token(HANDOVER_PREFIX)
        async with self._database.transaction() as tx:
            await _add(SessionStore(tx), completed, code, life_seconds=HANDOVER_SECONDS)
        return code

    async def take_up(self, code: str) -> str:
        """The bearer token of a session that was handed over. Raises HandoverUnknown."""
        token = random_token(BEARER_PREFIX)
        if not code.startswith(HANDOVER_PREFIX):
            raise HandoverUnknown
        async with self._database.statement() as tx:
            taken = await SessionStore(tx).take_up(
                code_hash=token_hash(code),
                token_hash=token_hash(token),
                life_seconds=self._limits.absolute_seconds,
            )
        if not taken:
            raise HandoverUnknown
        return token

    async def find(self, token: str, *, prefix: str) -> Session:
        """The live session of this token, which has to be of this kind.

        Raises NotSignedIn, or DatabaseUnavailable when only the database could know it.
        """
        if not token.startswith(prefix):
            raise NotSignedIn
        known_by = token_hash(token)
        fresh = self._remembered.fresh(known_by)
        if fresh is not None:
            return fresh
        asking = self._asking.get(known_by)
        if asking is None:
            asking = self._asking[known_by] = asyncio.create_task(self._ask(known_by))
            asking.add_done_callback(lambda done: self._asked(known_by, done))
        return await asyncio.shield(asking)  # whoever goes away does not take the others along

    async def end(self, session_id: SessionId) -> None:
        """Sign out; also fine when the session is over already. Raises DatabaseUnavailable; then
        it may live on, but not from this process's memory."""
        try:
            async with self._database.statement() as tx:
                await SessionStore(tx).end(session_id)
        finally:
            self._asking.clear()  # what they are told may be from before
            self._remembered.forget(session_id)

    def connection_ended(self, connection_id: ConnectionId) -> None:
        """All its sessions have ended: not even for a moment may they go on here."""
        self._asking.clear()
        self._remembered.forget_connection(connection_id)

    async def _ask(self, known_by: bytes) -> Session:
        as_of = self._clock.monotonic()
        try:
            session = await self._read(known_by)
        except DatabaseUnavailable:
            remembered = self._remembered.find(known_by)
            if remembered is None:
                raise
            return remembered
        if session is None:
            self._remembered.discard(known_by)
            raise NotSignedIn
        self._remembered.remember(known_by, session, as_of=as_of)
        return session

    async def _remember(self, known_by: bytes) -> None:
        """So that the page goes on even if the database goes before it has asked for anything."""
        as_of = self._clock.monotonic()
        with suppress(DatabaseUnavailable):
            session = await self._read(known_by)
            if session is not None:
                self._remembered.remember(known_by, session, as_of=as_of, is_fresh=False)

    def _asked(self, known_by: bytes, done: asyncio.Task[Session]) -> None:
        if self._asking.get(known_by) is done:
            del self._asking[known_by]
        if not done.cancelled():
            done.exception()  # somebody was told, unless nobody waits any more

    async def _read(self, known_by: bytes) -> Session | None:
        async with self._database.statement() as tx:
            store = SessionStore(tx)
            session = await store.find(token_hash=known_by, idle_seconds=self._limits.idle_seconds)
            if session is None:
                return None
            if session.seen_seconds_ago > self._limits.idle_seconds * _SEEN_ACCURACY:
                await store.touch(session.id)
                session = replace(session, seen_seconds_ago=0.0)
        return session


async def _add(
    store: SessionStore, completed: Completed, token: str, *, life_seconds: float
) -> None:
    load = completed.flow.purpose
    if not isinstance(load, EmbeddedLoad):
        raise TypeError("only embedded loads lead to a session")
    await store.add(
        SessionId(uuid4()),
        token_hash=token_hash(token),
        connection_id=completed.connection_id,
        surface=load.surface,
        params=load.params,
        life_seconds=life_seconds,
    )
