"""What a version makes of a database that another version has migrated."""

from collections.abc import AsyncIterator

import pytest

from app.store.database import Database
from app.store.schema import Schema, schema_of
from tests.support.processes import hearth_process
from tests.support.settings import ENCRYPTION_KEY

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=2)
    yield database
    await database.close()


async def set_revision(database: Database, revision: str) -> None:
    async with database.statement() as tx:
        await tx.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


async def test_a_schema_is_old_current_or_newer(database: Database) -> None:
    assert await schema_of(database) is Schema.CURRENT
    await set_revision(database, "0001")
    assert await schema_of(database) is Schema.OLD
    await set_revision(database, "9999")
    assert await schema_of(database) is Schema.NEWER
    async with database.statement() as tx:
        await tx.exec_driver_sql("DROP TABLE alembic_version")
    assert await schema_of(database) is Schema.OLD


async def test_migrate_leaves_what_a_later_version_has_made(
    database: Database, database_url: str
) -> None:
    await set_revision(database, "9999")
    environment = {"DATABASE_URL": database_url, "ENCRYPTION_KEYS": ENCRYPTION_KEY}
    with hearth_process("migrate", environment=environment) as process:
        assert await process.wait() == 0
    assert process.events("schema_of_a_later_version")
    assert await schema_of(database) is Schema.NEWER


async def test_a_migration_lets_those_pass_who_are_in_its_way(
    database: Database, database_url: str
) -> None:
    """Somebody holds a lock on a table of its for longer than it waits at once."""
    async with database.statement() as tx:
        await tx.exec_driver_sql("DROP SCHEMA public CASCADE")
        await tx.exec_driver_sql("CREATE SCHEMA public")
        await tx.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32))")
    environment = {"DATABASE_URL": database_url, "ENCRYPTION_KEYS": ENCRYPTION_KEY}
    with hearth_process("migrate", environment=environment) as process:
        async with database.transaction() as tx:
            await tx.exec_driver_sql("LOCK TABLE alembic_version IN EXCLUSIVE MODE")
            await process.wait_for("migration_waits")
        assert await process.wait() == 0
    assert await schema_of(database) is Schema.CURRENT
