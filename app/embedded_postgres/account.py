"""Who runs PostgreSQL: ourselves, or, as it refuses to run as root, another account."""

import contextlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.embedded_postgres.errors import EmbeddedPostgresError

# Not our own environment: it holds secrets, and PG* variables would change what Postgres does.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """All None: ourselves."""

    uid: int | None = None
    gid: int | None = None
    groups: list[int] | None = None

    def runs(self, command: list[str], *, lock: int | None = None) -> tuple[bool, str]:
        """Runs a short program to its end: whether it succeeded, and what it printed."""
        try:
            done = subprocess.run(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=ENVIRONMENT,
                pass_fds=[] if lock is None else [lock],
                user=self.uid,
                group=self.gid,
                extra_groups=self.groups,
                check=False,
            )
        except (FileNotFoundError, PermissionError) as error:
            return False, str(error)
        return done.returncode == 0, done.stdout.decode(errors="replace")

    def reaches(self, folder: Path) -> bool:
        return self.runs(["/bin/sh", "-c", 'cd -- "$0"', str(folder)])[0]

    def own(self, folder: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)


def account_for(cluster: Path) -> Account:
    """As root: the cluster's owner; before there is one, `postgres` or else `nobody`."""
    if os.geteuid() != 0:
        return Account()
    if cluster.exists():
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid, [])
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, [])
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and this machine has neither an account `postgres` "
        "nor `nobody`. Run this as an ordinary user, or set DATABASE_URL."
    )
