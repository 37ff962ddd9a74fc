"""The cluster: PostgreSQL's own folder, made by initdb."""

import shutil
import tempfile
from pathlib import Path

import structlog

from app.embedded_postgres.account import Account
from app.embedded_postgres.errors import EmbeddedPostgresError

log = structlog.get_logger("hearth.postgres")

OPTIONS = ("-U", "app", "--auth-local=trust", "--auth-host=reject", "-E", "UTF8", "--locale=C")


def version_of(cluster: Path) -> int | None:
    """The major version that made it; None where there is no cluster yet."""
    if not cluster.exists():
        return None
    try:
        return int((cluster / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError) as error:
        raise EmbeddedPostgresError(
            f"{cluster} is not the folder of a PostgreSQL database. Move it away, or choose "
            "another DATA_DIR."
        ) from error


def create(cluster: Path, *, programs: Path, account: Account, lock: int) -> None:
    """Made beside its place and renamed, so that a kill half-way leaves no half cluster.

    initdb inherits the server lock: where it outlives us, the next start waits until it has ended.
    """
    for remnant in cluster.parent.glob("cluster.new-*"):
        shutil.rmtree(remnant)
    unfinished = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=cluster.parent))
    account.own(unfinished)
    command = [str(programs / "initdb"), "-D", str(unfinished), *OPTIONS]
    succeeded, output = account.runs(command, lock=lock)
    if not succeeded:
        shutil.rmtree(unfinished)
        raise EmbeddedPostgresError(
            f"PostgreSQL could not create a database in {cluster.parent}. Mend what it says, "
            f"choose another DATA_DIR, or set DATABASE_URL:\n{last_lines(output)}"
        )
    unfinished.rename(cluster)
    log.info("embedded_postgres_created", cluster=str(cluster))


def last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-12:])
