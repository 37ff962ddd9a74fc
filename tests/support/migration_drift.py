"""`python -m tests.support.migration_drift`: do the migrations make the tables of the code?"""

import asyncio
import sys
import tempfile
from pathlib import Path

from app.embedded_postgres import EmbeddedPostgres
from app.store.database import Database
from app.store.schema import Schema, drift, migrate, schema_of


async def differences(url: str) -> list[str]:
    """What differs after all migrations have run on an empty database."""
    database = Database(url=url, pool_size=2)
    try:
        await migrate(database)
        found = await drift(database)
        if await schema_of(database) is not Schema.CURRENT:
            found.append("the migrations do not lead to the newest revision")
    finally:
        await database.close()
    return found


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="hearth-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root, the server runs as another account
        with EmbeddedPostgres(data_dir=Path(folder) / "postgres") as server:
            found = asyncio.run(differences(server.url))
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
