"""A Postgres that a test may stop, kill, and set back to an older copy of itself."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.embedded_postgres import EmbeddedPostgres
from app.store.database import Database
from app.store.schema import migrate

_migrating = asyncio.Lock()
"""Alembic keeps what it works on in globals."""


class OwnPostgres:
    """A real server in a folder of its own. What takes long is done in a thread: the test's event
    loop may have others to serve meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._cluster = folder / "postgres" / "cluster"
        self._copy = folder / "postgres" / "copy"
        self._server = EmbeddedPostgres(data_dir=folder / "postgres")

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def socket(self) -> str:
        """The Unix socket it listens on."""
        _, _, port, folder = (self._cluster / "postmaster.pid").read_text().split("\n")[1:5]
        return f"{folder}/.s.PGSQL.{port}"

    @property
    def pid(self) -> int:
        """Of its first process."""
        return int((self._cluster / "postmaster.pid").read_text().split("\n")[0])

    async def start(self) -> str:
        return await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """As an operator does: a fast shutdown, which breaks all connections."""
        await asyncio.to_thread(self._server.stop)

    async def kill(self) -> None:
        """As a crash does: nothing is written down, nobody is told."""
        os.kill(self.pid, signal.SIGKILL)
        await asyncio.to_thread(self._server.stop)

    async def keep_a_copy(self) -> None:
        """Of all that is in it. It is away for a moment."""
        await self.stop()
        await asyncio.to_thread(_copy, self._cluster, self._copy)
        await self.start()

    async def come_back_as_the_copy(self) -> None:
        """After it was stopped or killed."""
        await asyncio.to_thread(_copy, self._copy, self._cluster)
        await self.start()


@asynccontextmanager
async def own_postgres(folder: Path) -> AsyncIterator[tuple[OwnPostgres, Database]]:
    """One at the newest schema, and a pool for it."""
    postgres = OwnPostgres(folder)
    database = Database(url=await postgres.start(), pool_size=2)
    try:
        async with _migrating:
            await migrate(database)
        yield postgres, database
    finally:
        await database.close()
        await postgres.stop()


def _copy(source: Path, target: Path) -> None:
    """With its owner, who is another account when root runs the tests."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
