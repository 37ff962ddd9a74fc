"""The record holds what was put into it, whoever asks for something else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.models.audit import Action, Deed
from app.store.audit import AuditStore
from app.store.database import Database

pytestmark = pytest.mark.anyio

DOCUMENTED = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=2)
    yield database
    await database.close()


async def put(database: Database, *, days_ago: int = 0) -> None:
    async with database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO audit (at, actor, action, details) "
                "VALUES (now() - make_interval(days => :days), 'ops', 'link_created', '{}')"
            ),
            {"days": days_ago},
        )


async def count(database: Database) -> int:
    async with database.statement() as tx:
        return len(await AuditStore(tx).list_newest(before=None, limit=100))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'somebody else'",
        "UPDATE audit SET at = now() - interval '1 year'",
        (
            "INSERT INTO audit OVERRIDING SYSTEM VALUE SELECT * FROM audit "
            "ON CONFLICT (id) DO UPDATE SET actor = 'somebody else'"
        ),
        "DELETE FROM audit",
        "DELETE FROM audit WHERE at < now()",
        "TRUNCATE audit",
        "SET session_replication_role = replica; DELETE FROM audit",
    ],
)
async def test_nothing_in_the_record_can_be_changed_or_taken_off_it(
    database: Database, statement: str
) -> None:
    await put(database)
    await put(database, days_ago=29)
    async with database.statement() as tx:
        raw = await tx.get_raw_connection()
        assert raw.driver_connection is not None
        with pytest.raises(Exception, match=r"The record is append-only\."):
            await raw.driver_connection.execute(statement)
        await raw.driver_connection.execute("RESET session_replication_role")

    assert await count(database) == 2


async def test_retention_takes_what_is_old_a_slice_at_a_time(database: Database) -> None:
    for days in (0, 29, 31, 399, 401, 402, 403):
        await put(database, days_ago=days)

    async with database.statement() as tx:
        store = AuditStore(tx)
        slices = [await store.purge(kept_days=400, at_most=2) for _ in range(3)]
    assert slices == [2, 1, 0]
    assert await count(database) == 4


async def test_retention_that_is_shorter_than_a_month_is_refused(database: Database) -> None:
    await put(database, days_ago=29)
    async with database.statement() as tx:
        with pytest.raises(ProgrammingError, match="append-only"):
            await AuditStore(tx).purge(kept_days=28, at_most=10)
        assert await AuditStore(tx).purge(kept_days=30, at_most=10) == 0


async def test_what_was_put_there_is_there(database: Database) -> None:
    deeds = [Deed("ops", action, None, {"n": "1"}) for action in Action]
    async with database.transaction() as tx:
        await AuditStore(tx).add(*deeds)
        found = await AuditStore(tx).list_newest(before=None, limit=100)

    assert [one.deed for one in reversed(found)] == deeds


async def test_what_a_newer_version_has_written_does_not_keep_the_rest_from_being_read(
    database: Database,
) -> None:
    await put(database)
    async with database.statement() as tx:
        await tx.exec_driver_sql(
            "INSERT INTO audit (actor, action, details) VALUES ('ops', 'newer_action', '{}')"
        )

    assert await count(database) == 1


def test_the_documentation_explains_every_action() -> None:
    explained = DOCUMENTED.partition("| `action` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+`,? ?)+) \|", explained, re.M)

    assert {name for row in rows for name in re.findall(r"\w+", row)} == set(Action)
