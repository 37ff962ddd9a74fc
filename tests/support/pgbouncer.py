"""The PgBouncer of the tests: found, brought where there is none, and put before a Postgres.

`python -m tests.support.pgbouncer` brings it ahead of the tests.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.support.browsers import Installed, apt_works, bring, ensure, step
from tests.support.servers import free_port

PGBOUNCER = Installed(
    name="PgBouncer",
    variable="PGBOUNCER",
    commands=("pgbouncer",),
    mac_places=(Path("/usr/sbin/pgbouncer"), Path("/opt/homebrew/bin/pgbouncer")),
    version_says=b"PgBouncer",
)
ADVICE = (
    "These tests need PgBouncer, and none could be found or installed. Install it (Debian: "
    "apt-get install pgbouncer; macOS: brew install pgbouncer), or set PGBOUNCER to the path of "
    "one. `./run test -m 'not pgbouncer'` leaves them out."
)
SERVER_CONNECTIONS = 6
"""Fewer than Hearth's pools hold, so that every transaction may get another one."""


def ensure_pgbouncer() -> Path:
    """Installs PgBouncer where it is missing; raises NoBrowserError where that fails."""
    return ensure(PGBOUNCER.find, (_install_with_apt,), advice=ADVICE)


class PgBouncer:
    """In transaction mode before the Postgres of this URL; `url` is where it listens."""

    def __init__(self, *, database_url: str) -> None:
        target = make_url(database_url)
        self._socket_folder = str(target.query["host"])
        self._user = target.username
        self._port = free_port()
        self.url = f"postgresql://{self._user}@127.0.0.1:{self._port}/{target.database}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = ensure_pgbouncer()
        owner = Path(self._socket_folder).stat()  # it refuses to run as root, too
        root = os.geteuid() == 0
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            Path(file.name).chmod(0o644)
            file.write(self._configuration())
            file.flush()
            self._process = subprocess.Popen(
                [str(program), file.name],
                stderr=subprocess.PIPE,
                user=owner.st_uid if root else None,
                group=owner.st_gid if root else None,
            )
            assert self._process.stderr is not None
            for line in self._process.stderr:  # it has read its configuration once it is up
                if b"process up" in line:
                    return
        raise AssertionError("PgBouncer ended by itself")

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _configuration(self) -> str:
        return (
            f"[databases]\n* = host={self._socket_folder} user={self._user}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self._port}\n"
            "unix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
            f"default_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 200\n"
            "log_connections = 0\nlog_disconnections = 0\n"
        )


@contextmanager
def pgbouncer(*, database_url: str) -> Iterator[PgBouncer]:
    """A PgBouncer that is gone at the end."""
    running = PgBouncer(database_url=database_url)
    running.start()
    try:
        yield running
    finally:
        running.kill()


def _install_with_apt() -> str:
    if not apt_works():
        return ""
    return step(
        "Installing PgBouncer from the system's packages (once, about 1 MB)",
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", "pgbouncer"],
    )


if __name__ == "__main__":
    bring(ensure_pgbouncer)
