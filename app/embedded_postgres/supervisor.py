"""Starts the server of a data folder, or joins the one that runs there."""

import contextlib
import os
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import structlog

from app.embedded_postgres import cluster as clusters
from app.embedded_postgres.account import Account
from app.embedded_postgres.errors import EmbeddedPostgresError
from app.embedded_postgres.locks import is_held, locked, try_lock
from app.embedded_postgres.places import find_home
from app.embedded_postgres.programs import find_programs
from app.embedded_postgres.server import START_LIMIT_SECONDS, PidFile, Server

log = structlog.get_logger("hearth.postgres")


class EmbeddedPostgres:
    """The server of one `data_dir`: started here, or joined where another process runs it."""

    def __init__(self, *, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._server: Server | None = None
        self._url: str | None = None

    def start(self) -> str:
        """Blocks until the server accepts connections; returns its SQLAlchemy URL."""
        if self._url is None:
            try:
                self._url = self._start_or_join()
            except PermissionError as error:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL under {self._data_dir} belongs to another account "
                    f"({error}). Run this as that account, choose another DATA_DIR, or set "
                    "DATABASE_URL."
                ) from error
            except OSError as error:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL under {self._data_dir} could not be started: "
                    f"{error}. Mend this, choose another DATA_DIR, or set DATABASE_URL."
                ) from error
        return self._url

    def stop(self) -> None:
        """Blocks until the server has ended, if it was started here. Harmless when repeated."""
        server, self._server, self._url = self._server, None, None
        if server is None:
            return
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # the folder may be gone; the server must still stop
                stack.enter_context(locked(self._data_dir / "start.lock"))
            server.stop()

    @property
    def url(self) -> str:
        if self._url is None:
            raise EmbeddedPostgresError("The embedded PostgreSQL is not running: start it first.")
        return self._url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_or_join(self) -> str:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        with locked(self._data_dir / "start.lock"):
            home, account = find_home(self._data_dir)
            lock = _free_server_lock(home)
            if lock is None:
                log.info("embedded_postgres_joined", data_dir=str(home))
            else:
                try:
                    self._server = _launch(home, account, lock)
                finally:
                    os.close(lock)  # the server inherited a copy, which holds it from here on
            found = PidFile.read(home / "cluster")
        return (
            f"postgresql+asyncpg://app@/postgres?host={quote(found.socket_dir)}&port={found.port}"
        )


def _free_server_lock(home: Path) -> int | None:
    """The server lock, once no server runs; None, once one is ready to be joined."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    interrupted = False
    while time.monotonic() < deadline:
        if (lock := try_lock(home / "server.lock")) is not None:
            return lock
        with contextlib.suppress(FileNotFoundError):
            found = PidFile.read(home / "cluster")
            answers = found.answers()
            orphaned = not is_held(home / "starter.lock")
            if answers and found.status == "ready" and not orphaned:
                return None
            if answers and orphaned and not interrupted:
                os.kill(found.pid, signal.SIGINT)
                interrupted = True
        time.sleep(0.02)
    raise EmbeddedPostgresError(
        f"Another PostgreSQL runs in {home} and neither becomes ready nor ends. See its log, "
        f"{home / 'postgres.log'}, and stop it."
    )


def _launch(home: Path, account: Account, lock: int) -> Server:
    cluster = home / "cluster"
    _clear_stale_pid_file(cluster)
    version = clusters.version_of(cluster)
    programs = find_programs(account, wanted=version)
    if version is None:
        clusters.create(cluster, programs=programs, account=account, lock=lock)
    server = Server(home=home, programs=programs, account=account, lock=lock)
    try:
        server.wait_until_ready()
    except BaseException:
        server.stop()
        raise
    return server


def _clear_stale_pid_file(cluster: Path) -> None:
    """No server of ours lives, since we hold its lock. Left alone, the file would keep Postgres
    from starting as soon as its pid belongs to another process of the same account."""
    with contextlib.suppress(FileNotFoundError):
        found = PidFile.read(cluster)
        if found.answers():
            raise EmbeddedPostgresError(
                f"A PostgreSQL that was started by hand (pid {found.pid}) runs on {cluster}. "
                "Stop it first."
            )
        (cluster / "postmaster.pid").unlink()
