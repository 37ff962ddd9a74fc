"""Sealed tokens. Every write is fenced by the generation: newer wins, whoever comes when."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from asyncpg.pgproto import pgproto
from sqlalchemy import (
    BigInteger,
    Integer,
    Row,
    Select,
    SmallInteger,
    Text,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.connection import ConnectionStatus, LossCause
from app.models.event import EventType
from app.models.identifiers import ConnectionId, Shard, shard_of
from app.models.timeline import TimelineEvent
from app.models.token import GENERATIONS_PER_GRANT, Loss, RenewedToken, SealedToken
from app.store.intervals import seconds
from app.store.outbox import telling_of
from app.store.tables import connections, tokens
from app.store.timeline import PERIOD

STATES = "hearth_states"
"""Where the ids of connections that were lost, or came alive again, are told (LISTEN/NOTIFY)."""

_NEXT_GRANT = text(f"(tokens.generation / {GENERATIONS_PER_GRANT} + 1) * {GENERATIONS_PER_GRANT}")

_CAUSE = "jsonb_build_object('cause', reason)"

_PIECE = 2_000
"""So many tokens are loaded, and then opened, before other tasks get their turn."""

# One statement for a batch: one round trip, one commit. Rows that somebody else has brought
# further (a reconnect, a disconnect, another owner) do not match; they are what is returned. A
# newer token is proof of life: whoever thought the connection lost was wrong. The timeline is told
# of the few that came only after failed attempts.
_WRITE = f"""
    WITH new AS (
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::float8[], $5::float8[])
            AS new (connection_id, generation, sealed, age, left_seconds)
    ), written AS (
        UPDATE tokens SET
            generation = new.generation,
            sealed = new.sealed,
            renewed_at = now() - make_interval(secs => new.age),
            expires_at = now() + make_interval(secs => new.left_seconds)
        FROM new
        WHERE tokens.connection_id = new.connection_id
            AND tokens.generation < new.generation
        RETURNING tokens.connection_id
    ), revived AS (
        UPDATE connections SET status = '{ConnectionStatus.ACTIVE}', reason = NULL,
            changed_at = now()
        FROM written
        WHERE connections.id = written.connection_id
            AND connections.status = '{ConnectionStatus.LOST}'
        RETURNING connections.*, pg_notify('{STATES}', connections.id::text)
    ), told AS ({telling_of("revived", EventType.RECONNECTED)}), noted_alive AS (
        INSERT INTO timeline (connection_id, event)
        SELECT id, '{TimelineEvent.FOUND_ALIVE}' FROM revived
    ), noted_retried AS (
        INSERT INTO timeline (connection_id, event, attempts, cause, period)
        SELECT tried.connection_id, '{TimelineEvent.RETRIED}', tried.attempts, tried.cause, {PERIOD}
        FROM unnest($6::uuid[], $7::int[], $8::text[]) AS tried (connection_id, attempts, cause)
        JOIN written ON written.connection_id = tried.connection_id
        ON CONFLICT (connection_id, event, period) DO UPDATE SET
            times = timeline.times + 1,
            attempts = timeline.attempts + excluded.attempts,
            cause = excluded.cause,
            last_at = now()
    )
    SELECT connection_id FROM new EXCEPT SELECT connection_id FROM written
"""  # noqa: S608 - constants of ours

# The token goes and the connection is lost, unless a newer token has come meanwhile. The
# connection is locked before its token, as by those who connect and disconnect.
_LOSE = text(
    f"""
    WITH ours AS (
        SELECT connections.id, loss.generation, loss.cause, loss.attempts
        FROM connections
        JOIN unnest(:ids, :generations, :causes, :attempts)
            AS loss (connection_id, generation, cause, attempts)
            ON connections.id = loss.connection_id
        WHERE connections.status = '{ConnectionStatus.ACTIVE}'
        ORDER BY connections.id
        FOR UPDATE OF connections
    ), gone AS (
        UPDATE tokens SET sealed = NULL
        FROM ours
        WHERE tokens.connection_id = ours.id AND tokens.generation <= ours.generation
        RETURNING tokens.connection_id, ours.cause, ours.attempts
    ), noted AS (
        INSERT INTO timeline (connection_id, event, cause, attempts)
        SELECT connection_id, '{TimelineEvent.LOST}', cause, attempts FROM gone
    ), lost AS (
        UPDATE connections SET status = '{ConnectionStatus.LOST}', reason = gone.cause,
            changed_at = now()
        FROM gone
        WHERE connections.id = gone.connection_id
        RETURNING connections.*
    ), told AS ({telling_of("lost", EventType.LOST, further=_CAUSE)})
    SELECT id, pg_notify('{STATES}', id::text) FROM lost
    """  # noqa: S608 - constants of ours
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("generations", type_=ARRAY(BigInteger)),
    bindparam("causes", type_=ARRAY(Text)),
    bindparam("attempts", type_=ARRAY(Integer)),
)


class TokenStore:
    """The table `tokens`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def begin_grant(
        self, connection_id: ConnectionId, sealed: bytes, *, age: float, left: float
    ) -> int:
        """Replace whatever is there by a new grant's token; its generation.

        Renewals of the old token that are still under way cannot reach this generation.
        """
        times: dict[str, Any] = {
            "sealed": sealed,
            "renewed_at": func.now() - seconds(age),
            "expires_at": func.now() + seconds(left),
        }
        statement = (
            insert(tokens)
            .values(
                connection_id=connection_id,
                shard=shard_of(connection_id),
                generation=GENERATIONS_PER_GRANT,
                **times,
            )
            .on_conflict_do_update(
                index_elements=["connection_id"], set_={"generation": _NEXT_GRANT, **times}
            )
            .returning(tokens.c.generation)
        )
        return int((await self._tx.execute(statement)).scalar_one())

    async def end_grant(self, connection_id: ConnectionId) -> None:
        """Take the token away for good: no renewal under way can bring it back."""
        await self._tx.execute(
            tokens.update()
            .where(tokens.c.connection_id == connection_id)
            .values(sealed=None, generation=_NEXT_GRANT)
        )

    async def write(self, batch: Sequence[RenewedToken]) -> set[ConnectionId]:
        """Store renewed tokens; the ids of those for which something as new was there already.

        Through the driver: SQLAlchemy would take twice as long over the parameters.
        """
        raw = await self._tx.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None  # noqa: S101 - a connection in use always has one
        ids = [pgproto.UUID(item.key) for item in batch]
        retried = [item for item in batch if item.retries]
        rows = await driver.fetch(
            _WRITE,
            ids,
            [item.generation for item in batch],
            [item.sealed for item in batch],
            [item.age_seconds for item in batch],
            [item.left_seconds for item in batch],
            [pgproto.UUID(item.key) for item in retried],
            [item.retries for item in retried],
            [item.retry_reason for item in retried],
        )
        return {ConnectionId(row[0]) for row in rows}

    async def lose(self, losses: Sequence[Loss]) -> set[ConnectionId]:
        """Mark connections as lost; the ids of those for which nothing newer had come."""
        rows = await self._tx.execute(
            _LOSE,
            {
                "ids": [item.connection_id for item in losses],
                "generations": [item.generation for item in losses],
                "causes": [item.cause for item in losses],
                "attempts": [item.attempts for item in losses],
            },
        )
        return {ConnectionId(row.id) for row in rows}

    async def overdue(self, shards: Sequence[Shard], *, by_seconds: float) -> list[Loss]:
        """Active connections of these shards whose stored token is dead for so long."""
        statement = (
            select(tokens.c.connection_id, tokens.c.generation)
            .join(connections, connections.c.id == tokens.c.connection_id)
            .where(
                connections.c.status == ConnectionStatus.ACTIVE,
                tokens.c.shard == any_(literal(list(shards), ARRAY(SmallInteger))),
                tokens.c.expires_at <= func.now() - seconds(by_seconds),
            )
        )
        return [
            Loss(ConnectionId(row.connection_id), row.generation, LossCause.NOT_RENEWED)
            for row in await self._tx.execute(statement)
        ]

    async def load_shards(self, shards: Sequence[Shard]) -> AsyncIterator[list[SealedToken]]:
        """All live tokens of these shards, nearest expiry first, a piece at a time."""
        statement = (
            _live()
            .where(tokens.c.shard == any_(literal(list(shards), ARRAY(SmallInteger))))
            .order_by(tokens.c.expires_at)
        )
        async with self._tx.stream(statement, execution_options={"yield_per": _PIECE}) as rows:
            async for piece in rows.partitions():
                yield [_sealed_token(row) for row in piece]

    async def generations(self, shards: Sequence[Shard]) -> dict[ConnectionId, int]:
        """How far each connection of these shards has come, be it alive or not."""
        statement = select(tokens.c.connection_id, tokens.c.generation).where(
            tokens.c.shard == any_(literal(list(shards), ARRAY(SmallInteger)))
        )
        found: dict[ConnectionId, int] = {}
        async with self._tx.stream(statement, execution_options={"yield_per": _PIECE}) as rows:
            async for piece in rows.partitions():
                found.update((ConnectionId(row[0]), row[1]) for row in piece)
        return found

    async def load(self, ids: Sequence[ConnectionId]) -> list[SealedToken]:
        """The live tokens among these connections."""
        statement = _live().where(tokens.c.connection_id == any_(literal(list(ids), ARRAY(Uuid))))
        return [_sealed_token(row) for row in await self._tx.execute(statement)]


def _live() -> Select[Any]:
    return (
        select(
            tokens.c.connection_id,
            tokens.c.generation,
            tokens.c.sealed,
            func.extract("epoch", func.now() - tokens.c.renewed_at).label("age"),
            func.extract("epoch", tokens.c.expires_at - func.now()).label("left"),
        )
        .join(connections, connections.c.id == tokens.c.connection_id)
        .where(
            connections.c.status == ConnectionStatus.ACTIVE,
            tokens.c.sealed.is_not(None),
            tokens.c.expires_at > func.now(),
        )
    )


def _sealed_token(row: Row[Any]) -> SealedToken:
    return SealedToken(
        connection_id=ConnectionId(row.connection_id),
        generation=row.generation,
        sealed=row.sealed,
        age_seconds=float(row.age),
        left_seconds=float(row.left),
    )
