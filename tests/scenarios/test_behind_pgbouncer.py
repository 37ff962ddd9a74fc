"""DATABASE_POOLER=transaction, behind a real PgBouncer that is short of server connections."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from sqlalchemy import bindparam, text

from app.models.identifiers import SHARD_COUNT
from app.store.announcements import refresher_news
from app.store.database import Database
from tests.support.pgbouncer import PgBouncer, pgbouncer
from tests.support.processes import hearth_process
from tests.support.servers import free_port
from tests.support.signing_in import environment_for, sign_in_at
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.pgbouncer]

PEOPLE = 5
LIFE = 4.0
OPS = "ops-secret-of-the-tests"


@pytest.fixture
def pooler(database_url: str) -> Iterator[PgBouncer]:
    with pgbouncer(database_url=database_url) as running:
        yield running


@pytest.fixture
async def direct(database_url: str) -> AsyncIterator[Database]:
    """Past the pooler, for looking."""
    database = Database(url=database_url, pool_size=2)
    yield database
    await database.close()


async def ask(database: Database, number: int) -> None:
    """Statements that all differ, alone and in a transaction: nobody may get another's."""
    for turn in range(20):
        for session in (database.statement, database.transaction):
            async with session() as tx:
                question = text(f"SELECT :given || '-{number}-{turn}'")
                answer = await tx.execute(question.bindparams(bindparam("given", str(turn))))
                assert answer.scalar_one() == f"{turn}-{number}-{turn}"


async def test_many_at_once_get_their_own_answers_over_few_connections(pooler: PgBouncer) -> None:
    databases = [Database(url=pooler.url, pool_size=10, pooler="transaction") for _ in range(2)]
    await asyncio.gather(*(ask(each, number) for number in range(10) for each in databases))
    for database in databases:
        await database.close()


async def test_nothing_listens_through_a_pooler(pooler: PgBouncer, direct: Database) -> None:
    """LISTEN would work, and go on at a connection that is somebody else's by then."""
    database = Database(url=pooler.url, pool_size=2, pooler="transaction")
    listening = asyncio.ensure_future(anext(refresher_news(database)))
    async with database.statement() as tx:
        await tx.exec_driver_sql("SELECT 1")
    async with direct.statement() as tx:
        await tx.exec_driver_sql("SELECT pg_notify('hearth_renewals', '')")
        said = await tx.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE '%LISTEN%' "
            "AND pid <> pg_backend_pid() AND datname = current_database()"
        )
        assert said.scalar_one() == 0
    assert not listening.done()
    listening.cancel()
    await database.close()


async def statuses(database: Database) -> dict[str, int]:
    async with database.statement() as tx:
        rows = await tx.execute(text("SELECT status, count(*) FROM connections GROUP BY 1"))
        return {row[0]: row[1] for row in rows}


async def all_written(database: Database) -> bool:
    async with database.statement() as tx:
        alive = await tx.exec_driver_sql("SELECT bool_and(expires_at > now()) FROM tokens")
        return bool(alive.scalar_one())


async def renewals_since(vendor: Vendor, before: int, goal: int) -> bool:
    return await vendor.count("refreshes") >= before + goal


async def test_web_and_refreshers_work_behind_a_pooler_and_survive_its_crash(
    vendor: Vendor, http: httpx.AsyncClient, pooler: PgBouncer, direct: Database
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE, refreshMode="keep")
    port = free_port()
    environment = await environment_for(
        vendor, port=port, database_url=pooler.url, life_seconds=LIFE
    ) | {"DATABASE_POOLER": "transaction", "ADMIN_KEYS": f"ops:{OPS}"}

    async def renewed_by_all(times: int) -> None:
        before = await vendor.count("refreshes")
        await eventually(
            lambda: renewals_since(vendor, before, times * PEOPLE), within_seconds=10 * LIFE
        )

    with (
        hearth_process("migrate", environment=environment) as migration,
        hearth_process("refresher", environment=environment) as refresher,
    ):
        assert await migration.wait() == 0
        await refresher.wait_for("shards_loaded")
        with hearth_process("serve", "--port", str(port), environment=environment) as web:
            await web.wait_for("shards_loaded")
            people = [await sign_in_at(port, vendor, http, user=each) for each in range(PEOPLE)]
            for browser, _, _ in people:
                assert (await browser.api("GET", "/session")).status_code == 200
            await renewed_by_all(2)

            admin = f"http://localhost:{port}/admin/connections"
            key = {"authorization": f"Bearer {OPS}"}
            listed = (await http.get(admin, headers=key)).json()["items"]
            for each in listed:  # some are the other process's to renew
                answer = await http.post(f"{admin}/{each['id']}/refresh", headers=key)
                assert answer.status_code == 200, answer.text

            pooler.kill()
            await renewed_by_all(3)
            assert await statuses(direct) == {"active": PEOPLE}
            pooler.start()
            await eventually(lambda: all_written(direct), within_seconds=30)

            await refresher.end(signal.SIGKILL)
            await renewed_by_all(2)
            assert web.events("shards_changed")[-1]["held"] == SHARD_COUNT
            assert not web.events("connection_lost")
            assert await web.end() == 0

    assert await statuses(direct) == {"active": PEOPLE}
    assert await vendor.count("refusals") == 0
