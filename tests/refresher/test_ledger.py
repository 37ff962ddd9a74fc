"""Writing behind: nothing that was granted is dropped, whatever happens to the write."""

import asyncio
from collections.abc import AsyncIterator, Collection
from uuid import uuid4

import pytest

from app.clock import SystemClock
from app.connections.live import LiveToken
from app.connections.vault import Vault
from app.models.connection import ConnectionStatus, Profile
from app.models.identifiers import ConnectionId
from app.models.token import Loss
from app.refresher.ledger import Ledger
from app.refresher.stats import Stats
from app.security.sealing import SealingKeys
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.tokens import TokenStore
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

VAULT = Vault(keys=SealingKeys([bytes(32)]))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=5)
    yield database
    await database.close()


class Overtaken:
    """Remembers what the ledger said was overtaken."""

    def __init__(self) -> None:
        self.ids: set[ConnectionId] = set()

    def __call__(self, ids: Collection[ConnectionId]) -> None:
        self.ids.update(ids)


@pytest.fixture
def overtaken() -> Overtaken:
    return Overtaken()


@pytest.fixture
def ledger(database: Database, overtaken: Overtaken) -> Ledger:
    return Ledger(
        database=database,
        vault=VAULT,
        clock=SystemClock(),
        stats=Stats(life_seconds=60),
        on_overtaken=overtaken,
    )


async def connect(database: Database) -> LiveToken:
    async with database.transaction() as tx:
        profile = Profile("A", "U", None, None, None, (), ())
        connection_id = await ConnectionStore(tx).connect(ConnectionId(uuid4()), profile)
        sealed = VAULT.seal(connection_id, "IBSSO first")
        generation = await TokenStore(tx).begin_grant(connection_id, sealed, age=0, left=60)
    now = SystemClock().monotonic()
    return LiveToken(connection_id.bytes, generation, "IBSSO first", now, 60)


async def stored(database: Database, token: LiveToken) -> str | None:
    async with database.transaction() as tx:
        found = await TokenStore(tx).load([token.connection_id])
    return VAULT.open(found[0]).authorization if found else None


async def is_blocked(database: Database) -> None:
    """Wait until somebody waits for a lock."""

    async def waits() -> bool:
        async with database.statement() as tx:
            found = await tx.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            return bool(found.scalar_one())

    await eventually(waits)


def renew(token: LiveToken, authorization: str) -> LiveToken:
    token.authorization = authorization
    token.generation += 1
    return token


async def test_a_write_that_is_cancelled_is_written_later(
    database: Database, ledger: Ledger
) -> None:
    token = await connect(database)
    async with database.transaction() as tx:  # holds the row, so that the write cannot end
        await tx.exec_driver_sql("SELECT * FROM tokens FOR UPDATE")
        ledger.renewed(renew(token, "IBSSO second"))
        writing = asyncio.create_task(ledger.run())
        await is_blocked(database)
        writing.cancel()
        await asyncio.wait([writing])

    assert len(ledger) == 1
    assert await ledger.write_once()
    assert len(ledger) == 0
    assert await stored(database, token) == "IBSSO second"


async def test_it_is_behind_while_a_write_hangs(database: Database, ledger: Ledger) -> None:
    token = await connect(database)
    writing = asyncio.create_task(ledger.run())
    async with database.transaction() as tx:
        await tx.exec_driver_sql("SELECT * FROM tokens FOR UPDATE")
        ledger.renewed(renew(token, "IBSSO second"))
        assert not ledger.is_behind
        await eventually(lambda: says(ledger, is_behind=True))

    await eventually(lambda: says(ledger, is_behind=False))
    writing.cancel()
    await asyncio.wait([writing])
    assert await stored(database, token) == "IBSSO second"


async def says(ledger: Ledger, *, is_behind: bool) -> bool:
    return ledger.is_behind is is_behind


async def test_what_was_renewed_while_the_database_was_away_is_written_once_in_its_last_state(
    database: Database, ledger: Ledger
) -> None:
    token = await connect(database)
    away = Ledger(
        database=Database(url="postgresql://app@127.0.0.1:1/x", pool_size=1),
        vault=VAULT,
        clock=SystemClock(),
        stats=Stats(life_seconds=60),
        on_overtaken=Overtaken(),
    )
    for number in range(5):
        away.renewed(renew(token, f"IBSSO {number}"))
        assert not await away.write_once()

    assert len(away) == 1
    ledger.renewed(token)
    await ledger.write_once()
    assert await stored(database, token) == "IBSSO 4"


async def test_a_renewal_that_was_overtaken_is_told(
    database: Database, ledger: Ledger, overtaken: Overtaken
) -> None:
    token = await connect(database)
    await connect(database)  # the person comes again: a new grant

    ledger.renewed(renew(token, "IBSSO old grant"))
    await ledger.write_once()

    assert overtaken.ids == {token.connection_id}
    assert await stored(database, token) == "IBSSO first"


async def test_a_loss_that_was_overtaken_is_told(
    database: Database, ledger: Ledger, overtaken: Overtaken
) -> None:
    token = await connect(database)
    await connect(database)

    ledger.lost(Loss(token.connection_id, token.generation, "refused"))
    await ledger.write_once()

    assert overtaken.ids == {token.connection_id}
    async with database.transaction() as tx:
        found = await ConnectionStore(tx).get(token.connection_id)
    assert found is not None
    assert found.status is ConnectionStatus.ACTIVE


async def test_of_what_waits_a_loss_takes_nothing_back_that_is_newer(
    database: Database, ledger: Ledger
) -> None:
    token = await connect(database)
    loss = Loss(token.connection_id, token.generation, "refused", None)
    ledger.renewed(renew(token, "IBSSO second"))
    ledger.lost(loss)

    assert await ledger.write_once()
    assert await stored(database, token) == "IBSSO second"


async def test_of_two_of_a_generation_the_one_that_was_asked_for_last_is_written(
    database: Database, ledger: Ledger
) -> None:
    token = await connect(database)
    generation = token.generation + 1
    for name, sent in (("late", token.sent + 2), ("early", token.sent + 1)):
        ledger.renewed(LiveToken(token.key, generation, f"IBSSO {name}", sent, token.life))

    assert await ledger.write_once()
    assert await stored(database, token) == "IBSSO late"


async def test_more_than_a_batch_is_written_in_several(
    database: Database, ledger: Ledger, overtaken: Overtaken
) -> None:
    for _ in range(2_500):
        ledger.renewed(LiveToken(uuid4().bytes, 1, "IBSSO x", 0, 60))

    rounds = 0
    while len(ledger):
        assert await ledger.write_once()
        rounds += 1

    assert rounds == 3
    assert len(overtaken.ids) == 2_500  # none of them exists in the database
