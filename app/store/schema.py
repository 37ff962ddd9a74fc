"""Bringing a database to the newest schema, and telling whether it is there."""

from enum import Enum
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.errors import DatabaseUnavailable, MigrationInTheWay
from app.store.database import Database, sqlstate_of
from app.store.tables import metadata

_ALEMBIC_INI = Path(__file__).parents[2] / "alembic.ini"
_IN_THE_WAY = ("55P03", "40P01")  # lock_not_available, deadlock_detected
_MIGRATION_LOCK = 0x48454152  # any constant will do: one migrator at a time


async def migrate(database: Database) -> None:
    """Apply all outstanding migrations; a second caller waits and then finds nothing to do.

    All in one transaction. Raises MigrationInTheWay when it could not get a lock in five seconds,
    or was the one of two that waited for each other: then nothing was done, and running it again
    is safe. Raises DatabaseUnavailable.
    """
    try:
        async with database.transaction() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
            )
            await connection.run_sync(_upgrade)
    except DatabaseUnavailable as error:
        if sqlstate_of(error) in _IN_THE_WAY:
            raise MigrationInTheWay from error
        raise


class Schema(Enum):
    """A database's schema, as seen from this version."""

    OLD = "old"
    CURRENT = "current"
    NEWER = "newer"
    """A later version has migrated it. Migrations leave to the version before what it needs, so
    that it can go on, and start, until the later one has taken its place."""


async def schema_of(database: Database) -> Schema:
    """How the database's schema stands to this code. Raises DatabaseUnavailable."""
    async with database.transaction() as connection:
        heads = await connection.run_sync(_current_heads)
    ours = ScriptDirectory.from_config(_config())
    if heads == set(ours.get_heads()):
        return Schema.CURRENT
    known = {revision.revision for revision in ours.walk_revisions()}
    return Schema.NEWER if heads - known else Schema.OLD


async def drift(database: Database) -> list[str]:
    """Where the migrated schema and the tables in the code differ; empty when they agree."""
    async with database.transaction() as connection:
        return [str(item) for item in await connection.run_sync(_differences)]


def _config() -> Config:
    return Config(str(_ALEMBIC_INI))


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _current_heads(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))
