"""Databases for tests: cloned from one that the migrations have made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store.database import Database
from app.store.schema import migrate

_TEMPLATE = "hearth_template"


class Databases:
    """Clones at the newest schema. While a test has one, the next is made and the last dropped."""

    def __init__(self, *, url: str, server: AsyncEngine) -> None:
        self._url = url
        self._server = server
        self._numbers = count(1)
        self._next: asyncio.Task[str] | None = None
        self._drops: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[str]:
        """The URL of a database of one's own."""
        name = await (self._next or self._make())
        self._next = asyncio.create_task(self._make())
        yield named(self._url, name)
        drop = asyncio.create_task(_execute(self._server, f"DROP DATABASE {name} WITH (FORCE)"))
        self._drops.add(drop)
        drop.add_done_callback(self._drops.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._drops, *([self._next] if self._next else []))

    async def _make(self) -> str:
        name = f"test_{next(self._numbers)}"
        # Where nothing is synced, copying files is twice as fast as writing them to the log.
        await _execute(
            self._server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy"
        )
        return name


@asynccontextmanager
async def databases_of(url: str) -> AsyncIterator[Databases]:
    """Clones on the server with this URL."""
    server = create_async_engine(url, isolation_level="AUTOCOMMIT")
    # A disk that is slow to sync would outlast the tokens of the tests. Nothing here has to survive
    # the end of the machine, only that of its processes.
    await _execute(server, "ALTER SYSTEM SET fsync = off")
    await _execute(server, "SELECT pg_reload_conf()")
    await _execute(server, f"CREATE DATABASE {_TEMPLATE}")
    template = Database(url=named(url, _TEMPLATE), pool_size=2)
    await migrate(template)
    await template.close()
    databases = Databases(url=url, server=server)
    yield databases
    await databases.close()
    await server.dispose()


def named(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return url.replace("@/postgres?", f"@/{name}?")


async def _execute(server: AsyncEngine, statement: str) -> None:
    async with server.connect() as connection:
        await connection.execute(text(statement))
