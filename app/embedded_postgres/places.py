"""Where the files lie: the cluster, its socket, its log, and what all accounts can reach."""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import structlog

from app.embedded_postgres.account import Account, account_for
from app.embedded_postgres.errors import EmbeddedPostgresError

log = structlog.get_logger("hearth.postgres")

PORT = 5432  # only names the socket; given everywhere, so that a PGPORT around us changes nothing
SHARED_PLACE = Path("/var/lib/hearth")
SOCKET_PATH_LIMIT = 103 if sys.platform == "darwin" else 107
LOG_LIMIT_BYTES = 10_000_000


def find_home(data_dir: Path) -> tuple[Path, Account]:
    """The folder that holds the cluster, and the account that runs the server in it."""
    link = data_dir / "elsewhere"
    home = link.resolve() if link.is_dir() else data_dir
    account = account_for(home / "cluster")
    if os.geteuid() != 0 or account.reaches(home):
        return home, account
    if (home / "cluster").exists():
        raise EmbeddedPostgresError(
            f"The account that owns the database in {home} can no longer reach that folder. "
            "Move it back to where it was made, or open its parent folders."
        )
    home = new_shared_folder(data_dir)
    link.unlink(missing_ok=True)
    link.symlink_to(home)
    log.info("embedded_postgres_elsewhere", data_dir=str(data_dir), kept_in=str(home))
    return home, account


def new_shared_folder(purpose: Path) -> Path:
    """A folder that every account can walk to, and beside which only root can write."""
    SHARED_PLACE.mkdir(mode=0o755, parents=True, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(purpose)).hexdigest()[:12]
    folder = Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=SHARED_PLACE))
    folder.chmod(0o755)
    return folder


def new_socket_dir(home: Path, account: Account) -> Path:
    """`socket/`, or a private folder that it points to where the path is too long for a socket."""
    inside = home / "socket"
    remove_outer_socket_dir(home)
    if _suits_a_socket(inside):
        inside.mkdir(mode=0o700, exist_ok=True)
        account.own(inside)
        return inside
    if inside.exists():
        shutil.rmtree(inside)
    outside = Path(tempfile.mkdtemp(prefix="hearth-pg-", dir="/tmp"))
    account.own(outside)
    inside.symlink_to(outside)
    return outside


def remove_outer_socket_dir(home: Path) -> None:
    link = home / "socket"
    if link.is_symlink():
        with contextlib.suppress(OSError):  # a cleaner of /tmp may have been here before
            shutil.rmtree(link.readlink())
        link.unlink()


def _suits_a_socket(folder: Path) -> bool:
    """Short enough, and without what Postgres' and the drivers' lists of hosts split at."""
    path = f"{folder}/.s.PGSQL.{PORT}"
    return len(os.fsencode(path)) <= SOCKET_PATH_LIMIT and not set(path) & set(",:\"'\\\n")


def log_offset(log_path: Path) -> int:
    """Where this start's lines begin; empties a log that has grown too long."""
    size = log_path.stat().st_size if log_path.exists() else 0
    if size <= LOG_LIMIT_BYTES:
        return size
    os.truncate(log_path, 0)
    return 0
