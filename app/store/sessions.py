"""Sessions of embedded pages, known by the hash of their token alone."""

from collections.abc import Sequence

from sqlalchemy import Uuid, any_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.flow import Params, Surface
from app.models.identifiers import ConnectionId, SessionId
from app.models.session import Session
from app.store.connections import connection_of, select_connections
from app.store.endings import telling
from app.store.intervals import seconds
from app.store.tables import connections, sessions


class SessionStore:
    """The table `sessions`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def add(
        self,
        session_id: SessionId,
        *,
        token_hash: bytes,
        connection_id: ConnectionId,
        surface: Surface,
        params: Params,
        life_seconds: float,
    ) -> None:
        await self._tx.execute(
            sessions.insert().values(
                id=session_id,
                token_hash=token_hash,
                connection_id=connection_id,
                surface=surface,
                params=[list(pair) for pair in params],
                expires_at=func.now() + seconds(life_seconds),
            )
        )

    async def find(self, *, token_hash: bytes, idle_seconds: float) -> Session | None:
        """The live session of this token, with its connection as it is now."""
        idle = func.extract("epoch", func.now() - sessions.c.seen_at)
        left = func.extract("epoch", sessions.c.expires_at - func.now())
        statement = (
            select_connections(
                sessions.c.id.label("session_id"),
                sessions.c.surface,
                sessions.c.params,
                sessions.c.expires_at.label("session_expires_at"),
                idle.label("seen_seconds_ago"),
                left.label("left_seconds"),
            )
            .join(sessions, sessions.c.connection_id == connections.c.id)
            .where(
                sessions.c.token_hash == token_hash,
                sessions.c.expires_at > func.now(),
                sessions.c.seen_at > func.now() - seconds(idle_seconds),
            )
        )
        row = (await self._tx.execute(statement)).one_or_none()
        if row is None:
            return None
        return Session(
            id=SessionId(row.session_id),
            connection=connection_of(row),
            surface=Surface(row.surface),
            params=tuple((name, value) for name, value in row.params),
            expires_at=row.session_expires_at,
            seen_seconds_ago=float(row.seen_seconds_ago),
            left_seconds=float(row.left_seconds),
        )

    async def seconds_left(self, ids: Sequence[SessionId]) -> dict[SessionId, float]:
        """How long those of these sessions have at most that have not ended."""
        left = func.extract("epoch", sessions.c.expires_at - func.now()).label("left")
        statement = select(sessions.c.id, left).where(
            sessions.c.id == any_(literal(list(ids), ARRAY(Uuid))),
            sessions.c.expires_at > func.now(),
        )
        rows = await self._tx.execute(statement)
        return {SessionId(row.id): float(row.left) for row in rows}

    async def take_up(self, *, code_hash: bytes, token_hash: bytes, life_seconds: float) -> bool:
        """Put a token in the place of a hand-over code; whether that was still good."""
        statement = (
            update(sessions)
            .where(sessions.c.token_hash == code_hash, sessions.c.expires_at > func.now())
            .values(
                token_hash=token_hash,
                seen_at=func.now(),
                expires_at=func.now() + seconds(life_seconds),
            )
        )
        return (await self._tx.execute(statement)).rowcount == 1

    async def touch(self, session_id: SessionId) -> None:
        """The page is still there."""
        await self._tx.execute(
            update(sessions).where(sessions.c.id == session_id).values(seen_at=func.now())
        )

    async def end(self, session_id: SessionId) -> None:
        """The session is over, from this moment on."""
        await self._tx.execute(telling(delete(sessions).where(sessions.c.id == session_id)))

    async def replace(
        self, *, token_hash: bytes, by_connection: ConnectionId, grace_seconds: float
    ) -> None:
        """The session gives way to a new one: at once if that is another connection's."""
        ours = sessions.c.token_hash == token_hash
        theirs = sessions.c.connection_id != by_connection
        await self._tx.execute(telling(delete(sessions).where(ours, theirs)))
        end = func.least(sessions.c.expires_at, func.now() + seconds(grace_seconds))
        await self._tx.execute(telling(update(sessions).where(ours).values(expires_at=end)))

    async def purge(self, *, idle_seconds: float) -> int:
        """Remove what has ended by itself; how many that were."""
        over = or_(
            sessions.c.expires_at <= func.now(),
            sessions.c.seen_at <= func.now() - seconds(idle_seconds),
        )
        return (await self._tx.execute(delete(sessions).where(over))).rowcount
