"""What a database that is not to be had looks like to the code above."""

import asyncio
from uuid import uuid4

import pytest

from app.errors import ConfigurationError, DatabaseUnavailable
from app.models.identifiers import ConnectionId
from app.store.announcements import Changed, refresher_news
from app.store.database import Database, read_url

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app@127.0.0.1:1/x",
        "postgresql://app@/x?host=/nowhere",
        "postgresql://app@nowhere.invalid/x",
    ],
)
async def test_a_database_that_cannot_be_reached_is_unavailable(url: str) -> None:
    database = Database(url=url, pool_size=1)

    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as tx:
            await tx.exec_driver_sql("SELECT 1")
    with pytest.raises(DatabaseUnavailable):
        async with database.statement() as tx:
            await tx.exec_driver_sql("SELECT 1")
    await database.close()


async def test_a_database_that_does_not_exist_is_unavailable(postgres: str) -> None:
    database = Database(url=postgres.replace("@/postgres?", "@/nothing?"), pool_size=1)

    with pytest.raises(DatabaseUnavailable):
        async with database.statement() as tx:
            await tx.exec_driver_sql("SELECT 1")
    await database.close()


async def test_a_server_that_ends_our_connections_is_unavailable_once_and_then_back(
    database_url: str,
) -> None:
    database, other = (Database(url=database_url, pool_size=2) for _ in range(2))

    async def be_cut_off() -> None:
        async with database.transaction() as tx:
            await tx.exec_driver_sql("SELECT 1")
            async with other.statement() as killer:
                await killer.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            await tx.exec_driver_sql("SELECT 1")

    with pytest.raises(DatabaseUnavailable):
        await be_cut_off()

    async with database.statement() as tx:
        assert (await tx.exec_driver_sql("SELECT 1")).scalar_one() == 1
    await database.close()
    await other.close()


async def test_a_full_pool_says_so_instead_of_hanging(database_url: str) -> None:
    database = Database(url=database_url, pool_size=1, pool_wait_seconds=0.1)

    async with database.statement():
        with pytest.raises(DatabaseUnavailable):
            async with database.statement():
                pass
    await database.close()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("postgres://u:p@db.example/x", "postgresql+asyncpg://u:p@db.example/x"),
        (
            "postgresql://u:p@db.example:5432/x?sslmode=require&channel_binding=require",
            "postgresql+asyncpg://u:p@db.example:5432/x?ssl=require",
        ),
        (
            "postgresql+asyncpg://app@/x?host=/run/postgresql&port=5432",
            "postgresql+asyncpg://app@/x?host=%2Frun%2Fpostgresql&port=5432",
        ),
    ],
)
def test_a_url_as_providers_write_it_is_understood(written: str, read: str) -> None:
    assert read_url(written).render_as_string(hide_password=False) == read


@pytest.mark.parametrize(
    "url", ["", "x", "mysql://a/b", "postgresql+psycopg://a/b", "postgresql://secret@a:x/b"]
)
def test_a_url_of_something_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_url(url)
    assert "secret" not in caught.value.detail


async def test_an_announcement_that_makes_no_sense_is_passed_over(database_url: str) -> None:
    database = Database(url=database_url, pool_size=3)
    known = uuid4()
    heard = refresher_news(database)
    listening = asyncio.ensure_future(anext(heard))

    async def announce(payload: str) -> None:
        async with database.statement() as tx:
            await tx.exec_driver_sql(f"NOTIFY hearth_connections, '{payload}'")

    while not listening.done():
        await announce("nonsense")
        await announce(str(known))
        await asyncio.sleep(0.01)

    assert listening.result() == Changed(ConnectionId(known))
    await heard.aclose()
    await database.close()


async def test_a_mistake_in_our_sql_is_not_taken_for_an_outage(database_url: str) -> None:
    database = Database(url=database_url, pool_size=1)

    with pytest.raises(Exception, match="syntax error") as caught:
        async with database.statement() as tx:
            await tx.exec_driver_sql("SELEC 1")

    assert not isinstance(caught.value, DatabaseUnavailable)
    await database.close()


async def test_a_connection_that_is_cut_under_the_drivers_feet_is_unavailable(
    database_url: str,
) -> None:
    """asyncpg trips over its own protocol then, which is gone: an AttributeError."""
    database = Database(url=database_url, pool_size=1)

    async def be_cut() -> None:
        async with database.statement() as tx:
            driver = (await tx.get_raw_connection()).driver_connection
            assert driver is not None
            driver.terminate()
            await driver._execute("SELECT 1", (), 0, None)  # as if it was past its own check

    async def err() -> None:
        nothing = None
        async with database.statement():
            nothing.our_own_mistake  # type: ignore[attr-defined]  # noqa: B018

    with pytest.raises(DatabaseUnavailable) as caught:
        await be_cut()
    assert isinstance(caught.value.__cause__, AttributeError)
    with pytest.raises(AttributeError):
        await err()
    await database.close()


GOODBYE = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


@pytest.mark.parametrize("through_the_driver", [True, False])
async def test_a_server_that_has_said_goodbye_and_is_still_there_is_unavailable(
    database_url: str, through_the_driver: bool
) -> None:
    """asyncpg then takes what is asked for an operation beside another: an InternalClientError.

    Between the server's last words and its end lie microseconds, or more on a busy machine.
    """
    database = Database(url=database_url, pool_size=1)

    async def ask_after_goodbye() -> None:
        async with database.statement() as tx:
            driver = (await tx.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.fetch("SELECT 1")
            length = (4 + len(GOODBYE)).to_bytes(4, "big")
            driver._protocol.data_received(b"E" + length + GOODBYE)
            if through_the_driver:
                await driver.fetch("SELECT 1")
            else:
                await tx.exec_driver_sql("SELECT 1")

    with pytest.raises(DatabaseUnavailable) as caught:
        await ask_after_goodbye()
    assert "InternalClientError" in repr(caught.value.__cause__)
    async with database.statement() as tx:
        assert (await tx.exec_driver_sql("SELECT 1")).scalar_one() == 1
    await database.close()
