"""The database of a run: an embedded PostgreSQL, filled with connections and live tokens."""

import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.connections.vault import Vault
from app.embedded_postgres import EmbeddedPostgres
from app.models.connection import ConnectionStatus
from app.models.identifiers import SHARD_COUNT, ConnectionId, shard_of
from app.models.token import GENERATIONS_PER_GRANT
from app.security.sealing import SealingKeys, parse_key
from app.store.database import Database
from app.store.schema import migrate
from bench.usage import parent_of

_FIRST_TOKEN = "IBSSO 11111111-2222-4333-8444-555555555555"
_CONNECTION_COLUMNS = ("id", "status", "account_key", "user_key", "roles", "groups")
_TIME_COLUMNS = ("created_at", "connected_at", "changed_at")
_TOKEN_COLUMNS = ("connection_id", "shard", "generation", "sealed", "renewed_at", "expires_at")
_LEASE = text(
    "UPDATE leases SET owner = :owner, epoch = epoch + 1, expires_at = now() + interval '10 min'"
    " WHERE shard % :of = :n"
)
_STARTING_SECONDS, _STAGED_PER_SECOND = 2.5, 8_000
_SETTLING_SECONDS = 0.3
"""Backends hand in their statistics as they end, a moment after their client has gone."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the server counted: so far, or between two looks. Updates are those of `tokens`."""

    wal_bytes: int
    updates: int
    hot_updates: int

    def __sub__(self, earlier: "Written") -> "Written":
        return Written(
            self.wal_bytes - earlier.wal_bytes,
            self.updates - earlier.updates,
            self.hot_updates - earlier.hot_updates,
        )

    @property
    def wal_bytes_each(self) -> float:
        return self.wal_bytes / self.updates

    @property
    def hot_share(self) -> float:
        return self.hot_updates / self.updates


@dataclass(frozen=True, slots=True)
class Due:
    """When the staged tokens are to be renewed, spread evenly, in seconds from the staging."""

    earliest: float
    latest: float
    life_seconds: float


def ready_after(count: int) -> float:
    """How long after the beginning of a staging a process that is started at its end will have
    loaded all, in seconds: an estimate for slow machines."""
    return _STARTING_SECONDS + count / _STAGED_PER_SECOND


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of an empty, migrated database in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hearth-bench-pg-"))
    folder.chmod(0o755)  # as root the server runs under another account, which has to get there
    try:
        with EmbeddedPostgres(data_dir=folder / "data") as postgres:
            yield postgres.url
    finally:
        elsewhere = folder / "data" / "elsewhere"
        if elsewhere.is_symlink():
            shutil.rmtree(elsewhere.resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


async def prepare(url: str) -> None:
    """Bring the schema."""
    async with _opened(url) as database:
        await migrate(database)


async def stage(
    url: str, *, sealing_key: str, count: int, due: Due, replicas: Sequence[UUID] = ()
) -> None:
    """So many active connections with a sealed token each, as many in each shard, and nothing else.

    The shards are leased to these replicas in equal parts, to none if there are none. The tables
    are left as a database in use has them: vacuumed and analysed.
    """
    vault = Vault(keys=SealingKeys([parse_key(sealing_key)]))
    ids = [_id_in(shard % SHARD_COUNT) for shard in range(count)]
    async with _opened(url) as database, database.statement() as connection:
        await connection.execute(text("TRUNCATE tokens, connections CASCADE"))
        await connection.execute(text("UPDATE leases SET owner = NULL, expires_at = now()"))
        for number, replica in enumerate(replicas):
            await connection.execute(_LEASE, {"owner": replica, "of": len(replicas), "n": number})
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.copy_records_to_table(
            "connections",
            records=_connections(ids),
            columns=_CONNECTION_COLUMNS + _TIME_COLUMNS,
            timeout=None,
        )
        await driver.copy_records_to_table(
            "tokens", records=_tokens(ids, vault, due), columns=_TOKEN_COLUMNS, timeout=None
        )
        await connection.execute(text("VACUUM (ANALYZE) tokens, connections"))


async def written(url: str) -> Written:
    """All so far, once those who wrote have gone."""
    time.sleep(_SETTLING_SECONDS)  # noqa: ASYNC251 - nothing else runs here
    async with _opened(url) as database, database.statement() as connection:
        row = (
            await connection.execute(
                text(
                    "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,"
                    " n_tup_upd, n_tup_hot_upd"
                    " FROM pg_stat_user_tables WHERE relname = 'tokens'"
                )
            )
        ).one()
    return Written(*row)


async def server_pid(url: str) -> int:
    """The process that all others of the server descend from; 0 where it cannot be told."""
    async with _opened(url) as database, database.statement() as connection:
        return parent_of((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


def _id_in(shard: int) -> ConnectionId:
    number = random.getrandbits(128) // SHARD_COUNT * SHARD_COUNT + shard
    return ConnectionId(UUID(int=number, version=4))


def _connections(ids: list[ConnectionId]) -> Iterator[tuple[Any, ...]]:
    """Made long ago: what has changed lately is looked at again by every refresher's poll."""
    then = datetime.now(UTC) - timedelta(days=1)
    active = ConnectionStatus.ACTIVE.value
    for number, one in enumerate(ids):
        user = f"{number:032X}"
        yield one, active, "8F0792F86035A9F4290821F1EE6BC06A", user, "[]", "[]", then, then, then


def _tokens(ids: list[ConnectionId], vault: Vault, due: Due) -> Iterator[tuple[Any, ...]]:
    now = datetime.now(UTC)
    life = timedelta(seconds=due.life_seconds)
    for one in ids:
        in_seconds = random.uniform(due.earliest, due.latest)
        renewed_at = now + timedelta(seconds=in_seconds) - life / 2
        sealed = vault.seal(one, _FIRST_TOKEN)
        yield one, shard_of(one), GENERATIONS_PER_GRANT, sealed, renewed_at, renewed_at + life


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    database = Database(url=url, pool_size=2, command_seconds=None)
    try:
        yield database
    finally:
        await database.close()
