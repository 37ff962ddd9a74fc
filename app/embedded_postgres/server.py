"""One `postgres` process: started, watched, stopped."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Self

import structlog

from app.embedded_postgres.account import ENVIRONMENT, Account
from app.embedded_postgres.cluster import last_lines
from app.embedded_postgres.errors import EmbeddedPostgresError
from app.embedded_postgres.locks import new_lock
from app.embedded_postgres.places import PORT, log_offset, new_socket_dir, remove_outer_socket_dir

log = structlog.get_logger("hearth.postgres")

START_LIMIT_SECONDS = 60.0
STOP_LIMIT_SECONDS = 30.0
PR_SET_PDEATHSIG = 1
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class PidFile:
    """What a running server says of itself in `postmaster.pid`."""

    pid: int
    port: str
    socket_dir: str
    status: str

    @classmethod
    def read(cls, cluster: Path) -> Self:
        """Raises FileNotFoundError without a server; half written, its status is empty."""
        text = (cluster / "postmaster.pid").read_text("utf-8", "surrogateescape")
        lines = [line.strip() for line in text.splitlines()] + [""] * 8
        return cls(int(lines[0] or 0), lines[3], lines[4], lines[7])

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(f"{self.socket_dir}/.s.PGSQL.{self.port}")
            return True
        return False


class Server:
    """A `postgres` that we started, and the thread that started it and waits for it.

    The thread is there because Linux sends the parent-death signal when the *thread* that forked
    ends: this one lives as long as the process does, whoever starts the server and from where.
    """

    def __init__(self, *, home: Path, programs: Path, account: Account, lock: int) -> None:
        self._home = home
        self._account = account
        self._log_path = home / "postgres.log"
        self._log_offset = log_offset(self._log_path)
        self._stopping = False
        self._spawned: Future[subprocess.Popen[bytes]] = Future()
        command = _command(programs, home / "cluster", new_socket_dir(home, account))
        self._starter_lock = new_lock(home / "starter.lock")
        self._thread = Thread(
            target=self._run, args=(command, lock), name="embedded-postgres", daemon=True
        )
        self._thread.start()

    def wait_until_ready(self) -> None:
        process = self._spawned.result()
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not self._is_ready(process.pid):
            if not self._thread.is_alive():
                raise self._error("PostgreSQL ended while it was starting.")
            if time.monotonic() > deadline:
                raise self._error(f"PostgreSQL was not ready after {START_LIMIT_SECONDS:.0f} s.")
            time.sleep(0.01)
        log.info("embedded_postgres_started", pid=process.pid, data_dir=str(self._home))

    def stop(self) -> None:
        """A fast shutdown, then ever less gentle; nothing that was committed is lost."""
        self._stopping = True
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._spawned.exception() or not self._thread.is_alive():
                break
            self._spawned.result().send_signal(how)
            self._thread.join(STOP_LIMIT_SECONDS)
        os.close(self._starter_lock)
        remove_outer_socket_dir(self._home)
        log.info("embedded_postgres_stopped", data_dir=str(self._home))

    def _run(self, command: list[str], lock: int) -> None:
        try:
            process = self._spawn(command, lock)
        except BaseException as error:  # noqa: BLE001  (raised again where the result is awaited)
            self._spawned.set_exception(error)
            return
        self._spawned.set_result(process)
        process.wait()
        if not self._stopping:
            log.error("embedded_postgres_ended", returncode=process.returncode)

    def _spawn(self, command: list[str], lock: int) -> subprocess.Popen[bytes]:
        with self._log_path.open("ab") as output:
            return subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=ENVIRONMENT,
                pass_fds=[lock],
                start_new_session=True,  # a Ctrl-C at the terminal is for us, not for it
                preexec_fn=_dies_with(os.getpid()),  # noqa: PLW1509
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=self._account.groups,
            )

    def _is_ready(self, pid: int) -> bool:
        with contextlib.suppress(FileNotFoundError):
            found = PidFile.read(self._home / "cluster")
            return found.pid == pid and found.status == "ready"
        return False

    def _error(self, what: str) -> EmbeddedPostgresError:
        with self._log_path.open("rb") as written:
            written.seek(self._log_offset)
            tail = last_lines(written.read().decode(errors="replace"))
        return EmbeddedPostgresError(
            f"{what} Mend what its log says, choose another DATA_DIR, or set DATABASE_URL. "
            f"The end of {self._log_path}:\n{tail}"
        )


def _command(programs: Path, cluster: Path, socket_dir: Path) -> list[str]:
    command = [str(programs / "postgres"), "-D", str(cluster), "-k", str(socket_dir)]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    return command


def _dies_with(parent: int) -> Callable[[], None] | None:
    """For the child to run before exec: stop (SIGINT, a fast shutdown) when the parent dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask_the_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_the_kernel
