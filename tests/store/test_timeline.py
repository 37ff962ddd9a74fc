"""Timelines: written with what they tell of, small, and nothing for an ordinary renewal."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.admin.timelines import timeline_of
from app.models.connection import Profile
from app.models.identifiers import SHARD_COUNT, ConnectionId, ReplicaId
from app.models.timeline import Happening, TimelineEvent
from app.models.token import Loss, RenewedToken
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.leases import LeaseStore
from app.store.timeline import MOST_ENTRIES, TimelineStore
from app.store.tokens import TokenStore

pytestmark = pytest.mark.anyio

DAY = 86_400.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=2)
    yield database
    await database.close()


async def connect(database: Database, user: str = "U") -> tuple[ConnectionId, int]:
    async with database.transaction() as tx:
        profile = Profile("A", user, None, None, None, (), ())
        connection_id = await ConnectionStore(tx).connect(ConnectionId(uuid4()), profile)
        generation = await TokenStore(tx).begin_grant(connection_id, b"grant", age=0, left=60)
    return connection_id, generation


async def write(database: Database, *batch: tuple[ConnectionId, int, int, str | None]) -> None:
    tokens = [
        RenewedToken(connection_id.bytes, generation, b"renewed", 0, 60, retries, reason)
        for connection_id, generation, retries, reason in batch
    ]
    async with database.statement() as tx:
        await TokenStore(tx).write(tokens)


async def lose(database: Database, loss: Loss) -> None:
    async with database.statement() as tx:
        await TokenStore(tx).lose([loss])


async def disconnect(database: Database, connection_id: ConnectionId) -> None:
    async with database.transaction() as tx:
        assert await ConnectionStore(tx).disconnect(connection_id)
        await TokenStore(tx).end_grant(connection_id)


async def take_over_all(database: Database) -> ReplicaId:
    """A refresher that finds all leases expired, whoever held them."""
    replica = ReplicaId(uuid4())
    async with database.statement() as tx:
        await LeaseStore(tx).claim(replica, at_most=SHARD_COUNT, ttl_seconds=0, expired_too=True)
    return replica


async def timeline(database: Database, connection_id: ConnectionId) -> list[Happening]:
    return list(await timeline_of(database, connection_id))


async def events(database: Database, connection_id: ConnectionId) -> list[TimelineEvent]:
    return [one.event for one in await timeline(database, connection_id)]


async def test_a_life_reads_from_its_end_to_its_beginning(database: Database) -> None:
    connection_id, generation = await connect(database)
    await lose(database, Loss(connection_id, generation, "timed_out", attempts=7))
    await connect(database)
    await disconnect(database, connection_id)
    await connect(database)

    found = await timeline(database, connection_id)

    assert [one.event for one in found] == [
        TimelineEvent.RECONNECTED,
        TimelineEvent.DISCONNECTED,
        TimelineEvent.RECONNECTED,
        TimelineEvent.LOST,
        TimelineEvent.CONNECTED,
    ]
    assert (found[3].cause, found[3].attempts) == ("timed_out", 7)


async def test_whoever_comes_again_and_again_is_one_entry(database: Database) -> None:
    connection_id, _ = await connect(database)
    for _ in range(3):
        await connect(database)

    newest, first = await timeline(database, connection_id)

    assert (newest.event, newest.times) == (TimelineEvent.SIGNED_IN, 3)
    assert newest.last_at > newest.at
    assert first.event is TimelineEvent.CONNECTED


async def test_an_ordinary_renewal_leaves_nothing(database: Database) -> None:
    connection_id, generation = await connect(database)
    for number in range(1, 4):
        await write(database, (connection_id, generation + number, 0, None))

    assert await events(database, connection_id) == [TimelineEvent.CONNECTED]


async def test_renewals_that_took_several_attempts_are_one_entry(database: Database) -> None:
    retried, generation = await connect(database, "retried")
    other, others = await connect(database, "other")
    await write(
        database, (other, others + 1, 0, None), (retried, generation + 1, 2, "server_error")
    )
    await write(database, (retried, generation + 2, 3, "throttled"))

    newest, _ = await timeline(database, retried)

    assert (newest.event, newest.times, newest.attempts) == (TimelineEvent.RETRIED, 2, 5)
    assert newest.cause == "throttled"
    assert await events(database, other) == [TimelineEvent.CONNECTED]


async def test_a_renewal_that_was_overtaken_leaves_nothing(database: Database) -> None:
    connection_id, old = await connect(database)
    await connect(database)

    await write(database, (connection_id, old + 1, 2, "timed_out"))

    assert await events(database, connection_id) == [
        TimelineEvent.SIGNED_IN,
        TimelineEvent.CONNECTED,
    ]


async def test_a_loss_that_was_overtaken_leaves_nothing(database: Database) -> None:
    connection_id, generation = await connect(database)
    await write(database, (connection_id, generation + 1, 0, None))

    await lose(database, Loss(connection_id, generation, "refused"))

    assert await events(database, connection_id) == [TimelineEvent.CONNECTED]


async def test_who_was_held_for_lost_and_lives_is_found_alive(database: Database) -> None:
    connection_id, generation = await connect(database)
    await lose(database, Loss(connection_id, generation, "not_renewed"))

    await write(database, (connection_id, generation + 1, 0, None))

    assert await events(database, connection_id) == [
        TimelineEvent.FOUND_ALIVE,
        TimelineEvent.LOST,
        TimelineEvent.CONNECTED,
    ]


async def test_an_api_key_is_connected_and_given_again(database: Database) -> None:
    key = ConnectionId(uuid4())
    for _ in range(2):
        async with database.transaction() as tx:
            await ConnectionStore(tx).put_api_key(key, b"sealed")
        await take_over_all(database)

    assert await events(database, key) == [TimelineEvent.RECONNECTED, TimelineEvent.CONNECTED]


async def test_a_takeover_is_told_of_those_who_lived_through_it(database: Database) -> None:
    first = await take_over_all(database)  # of shards that were free: nobody's
    connection_id, _ = await connect(database)
    second = await take_over_all(database)
    await disconnect(database, connection_id)
    await take_over_all(database)
    await connect(database)
    fourth = await take_over_all(database)

    found = await timeline(database, connection_id)

    assert [one.event for one in found] == [
        TimelineEvent.TAKEN_OVER,
        TimelineEvent.RECONNECTED,
        TimelineEvent.DISCONNECTED,
        TimelineEvent.TAKEN_OVER,
        TimelineEvent.CONNECTED,
    ]
    assert (found[0].replica, found[3].replica) == (fourth, second)
    assert first not in {one.replica for one in found}


async def test_what_was_given_up_in_good_order_is_no_takeover(database: Database) -> None:
    first = await take_over_all(database)
    connection_id, _ = await connect(database)
    async with database.statement() as tx:
        await LeaseStore(tx).leave(first)
    await take_over_all(database)

    assert await events(database, connection_id) == [TimelineEvent.CONNECTED]


async def test_only_the_newest_are_kept(database: Database) -> None:
    connection_id, _ = await connect(database)
    other, _ = await connect(database, "other")
    for _ in range(MOST_ENTRIES):
        await disconnect(database, connection_id)
        await connect(database)
    assert await count(database, "timeline") == 2 * MOST_ENTRIES + 2

    await trim(database)

    assert await count(database, "timeline") == MOST_ENTRIES + 1
    kept = await events(database, connection_id)
    assert len(kept) == MOST_ENTRIES
    assert kept[0] is TimelineEvent.RECONNECTED
    assert await events(database, other) == [TimelineEvent.CONNECTED]


async def test_takeovers_are_few_as_well(database: Database) -> None:
    for _ in range(MOST_ENTRIES + 3):
        await take_over_all(database)

    await trim(database)

    assert await count(database, "takeovers") == MOST_ENTRIES * SHARD_COUNT


async def test_what_is_old_is_removed(database: Database) -> None:
    old, _ = await connect(database, "old")
    new, _ = await connect(database, "new")
    async with database.transaction() as tx:
        await tx.exec_driver_sql(
            f"UPDATE timeline SET at = now() - interval '91 days' WHERE connection_id = '{old}'"
        )

    await trim(database)

    assert await events(database, old) == []
    assert await events(database, new) == [TimelineEvent.CONNECTED]


async def trim(database: Database) -> None:
    async with database.transaction() as tx:
        await TimelineStore(tx).trim(kept_seconds=90 * DAY, recent_seconds=300)


async def count(database: Database, table: str) -> object:
    async with database.statement() as tx:
        return (await tx.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one()
