"""Databases for tests: cloned from one that the migrations have made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.store.database import Database
from app.store.schema import migrate

TEMPLATE = "hearth_template"
_numbers = count(1)


def named(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return url.replace("@/postgres?", f"@/{name}?")


async def make_template(url: str) -> None:
    """The database that all others are cloned from."""
    # A disk that is slow to sync would outlast the tokens of the tests. Nothing here has to survive
    # the end of the machine, only that of its processes.
    await _execute(url, "ALTER SYSTEM SET fsync = off")
    await _execute(url, "SELECT pg_reload_conf()")
    await _execute(url, f"CREATE DATABASE {TEMPLATE}")
    database = Database(url=named(url, TEMPLATE), pool_size=2)
    await migrate(database)
    await database.close()


@asynccontextmanager
async def fresh_database(url: str) -> AsyncIterator[str]:
    """The URL of a database of one's own, at the newest schema."""
    name = f"test_{next(_numbers)}"
    # Where nothing is synced, copying files is twice as fast as writing them to the log.
    await _execute(url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    yield named(url, name)
    await _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(url: str, statement: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
