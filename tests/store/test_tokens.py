"""The fences around stored tokens and leases, under races that are made on purpose."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.models.connection import ConnectionStatus, Profile
from app.models.identifiers import SHARD_COUNT, ConnectionId, ReplicaId, Shard, shard_of
from app.models.replica import ReplicaReport
from app.models.token import Loss, RenewedToken, SealedToken
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.leases import Crowd, LeaseStore
from app.store.tokens import TokenStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=5)
    yield database
    await database.close()


async def connect(database: Database, *, user: str = "U") -> tuple[ConnectionId, int]:
    async with database.transaction() as tx:
        profile = Profile("A", user, None, None, None, (), ())
        connection_id = await ConnectionStore(tx).connect(ConnectionId(uuid4()), profile)
        generation = await TokenStore(tx).begin_grant(connection_id, b"grant", age=0, left=60)
    return connection_id, generation


async def write(
    database: Database, connection_id: ConnectionId, generation: int, sealed: bytes = b"renewed"
) -> bool:
    token = RenewedToken(connection_id.bytes, generation, sealed, 0, 60)
    async with database.statement() as tx:
        return await TokenStore(tx).write([token]) == set()


async def stored(database: Database, connection_id: ConnectionId) -> SealedToken | None:
    async with database.transaction() as tx:
        found = await TokenStore(tx).load([connection_id])
    return found[0] if found else None


async def test_an_older_token_never_overwrites_a_newer_one(database: Database) -> None:
    connection_id, generation = await connect(database)
    assert await write(database, connection_id, generation + 2, b"newer")

    assert not await write(database, connection_id, generation + 1, b"older")
    assert not await write(database, connection_id, generation + 2, b"as new")

    token = await stored(database, connection_id)
    assert token is not None
    assert token.sealed == b"newer"


async def test_a_renewal_of_the_old_grant_never_overwrites_a_reconnect(database: Database) -> None:
    connection_id, old = await connect(database)
    again, new = await connect(database)
    assert again == connection_id
    assert new > old + 1_000_000

    assert not await write(database, connection_id, old + 1)

    token = await stored(database, connection_id)
    assert token is not None
    assert token.sealed == b"grant"


async def test_a_renewal_never_brings_a_disconnected_connection_back(database: Database) -> None:
    connection_id, generation = await connect(database)
    async with database.transaction() as tx:
        assert await ConnectionStore(tx).disconnect(connection_id)
        await TokenStore(tx).end_grant(connection_id)

    assert not await write(database, connection_id, generation + 1)
    assert await stored(database, connection_id) is None


async def test_a_loss_does_not_end_what_has_been_renewed_meanwhile(database: Database) -> None:
    connection_id, generation = await connect(database)
    await write(database, connection_id, generation + 1)

    async with database.statement() as tx:
        assert not await TokenStore(tx).lose([Loss(connection_id, generation, "refused")])

    async with database.transaction() as tx:
        found = await ConnectionStore(tx).get(connection_id)
    assert found is not None
    assert found.status is ConnectionStatus.ACTIVE


async def status_of(database: Database, connection_id: ConnectionId) -> ConnectionStatus:
    async with database.transaction() as tx:
        found = await ConnectionStore(tx).get(connection_id)
    assert found is not None
    return found.status


async def test_a_loss_ends_the_connection_and_takes_its_token(database: Database) -> None:
    connection_id, generation = await connect(database)

    async with database.statement() as tx:
        lost = await TokenStore(tx).lose([Loss(connection_id, generation + 3, "refused")])

    assert lost == {connection_id}
    assert await stored(database, connection_id) is None
    assert await status_of(database, connection_id) is ConnectionStatus.LOST


async def test_a_newer_token_proves_that_a_loss_was_premature(database: Database) -> None:
    """Another replica took over and was refused before the owner's renewal was written down."""
    connection_id, generation = await connect(database)
    async with database.statement() as tx:
        await TokenStore(tx).lose([Loss(connection_id, generation, "refused")])

    assert await write(database, connection_id, generation + 1, b"alive")

    assert await status_of(database, connection_id) is ConnectionStatus.ACTIVE
    token = await stored(database, connection_id)
    assert token is not None
    assert token.sealed == b"alive"


async def test_losing_and_reconnecting_at_once_never_deadlock(database: Database) -> None:
    ids = [(await connect(database, user=f"U{number}"))[0] for number in range(10)]

    async def lose() -> None:
        async with database.statement() as tx:
            await TokenStore(tx).lose([Loss(one, 1 << 62, "refused") for one in ids])

    async def reconnect(number: int) -> None:
        await connect(database, user=f"U{number}")

    for _ in range(10):
        await asyncio.gather(lose(), *(reconnect(number) for number in range(10)))


async def test_only_what_died_unrenewed_is_overdue(database: Database) -> None:
    dead, _ = await connect(database, user="dead")
    alive, _ = await connect(database, user="alive")
    async with database.transaction() as tx:
        await TokenStore(tx).begin_grant(dead, b"x", age=61, left=-1)

    async with database.transaction() as tx:
        shards = [shard_of(dead), shard_of(alive)]
        overdue = await TokenStore(tx).overdue(shards, by_seconds=0)
        later = await TokenStore(tx).overdue(shards, by_seconds=10)

    assert [loss.connection_id for loss in overdue] == [dead]
    assert later == []


async def test_renewing_is_heap_only_because_no_index_covers_what_changes(
    database: Database,
) -> None:
    connection_id, generation = await connect(database)
    for number in range(1, 6):
        assert await write(database, connection_id, generation + number)

    async with database.transaction() as tx:
        columns = await tx.exec_driver_sql(
            "SELECT attname FROM pg_index JOIN pg_attribute "
            "ON attrelid = indrelid AND attnum = ANY(indkey) WHERE indrelid = 'tokens'::regclass"
        )
        indexed = {row[0] for row in columns.all()}
    assert indexed == {"connection_id", "shard"}


async def hold(
    database: Database, replica: ReplicaId, *, ttl: float = 6, claim_expired: bool = False
) -> dict[Shard, int]:
    async with database.statement() as tx:
        store = LeaseStore(tx)
        return await store.renew(replica, ttl_seconds=ttl) | await store.claim(
            replica, at_most=SHARD_COUNT, ttl_seconds=ttl, expired_too=claim_expired
        )


async def test_replicas_that_start_at_once_never_hold_the_same_shard(database: Database) -> None:
    replicas = [ReplicaId(uuid4()) for _ in range(4)]

    held = await asyncio.gather(*(hold(database, replica) for replica in replicas))

    assert sorted(shard for shards in held for shard in shards) == list(range(SHARD_COUNT))
    assert await hold(database, replicas[0]) == held[0]


async def test_a_replica_releases_only_its_own_leases(database: Database) -> None:
    one, other = ReplicaId(uuid4()), ReplicaId(uuid4())
    await hold(database, one)
    async with database.statement() as tx:
        await LeaseStore(tx).leave(other)
    assert await hold(database, other) == {}

    async with database.statement() as tx:
        await LeaseStore(tx).leave(one)
    assert len(await hold(database, other)) == SHARD_COUNT


async def test_a_replica_takes_no_more_than_it_asks_for(database: Database) -> None:
    one, other = ReplicaId(uuid4()), ReplicaId(uuid4())
    async with database.statement() as tx:
        store = LeaseStore(tx)
        first = await store.claim(one, at_most=40, ttl_seconds=6, expired_too=False)
        second = await store.claim(other, at_most=40, ttl_seconds=6, expired_too=False)

    assert len(first) == 40
    assert len(second) == SHARD_COUNT - 40
    assert not first.keys() & second.keys()


async def test_shards_that_were_given_up_are_free_and_no_others(database: Database) -> None:
    one, other = ReplicaId(uuid4()), ReplicaId(uuid4())
    await hold(database, one)
    given = [Shard(3), Shard(5)]
    async with database.statement() as tx:
        await LeaseStore(tx).release(other, given)
    assert await hold(database, other) == {}

    async with database.statement() as tx:
        await LeaseStore(tx).release(one, given)

    assert sorted(await hold(database, other)) == given
    assert len(await hold(database, one)) == SHARD_COUNT - 2


async def test_replicas_and_their_tokens_are_counted_while_they_are_seen(
    database: Database,
) -> None:
    one, other = ReplicaId(uuid4()), ReplicaId(uuid4())

    async def report(replica: ReplicaId, ttl: float, *, live: int = 0) -> Crowd:
        async with database.statement() as tx:
            said = ReplicaReport(live=live)
            return await LeaseStore(tx).report(replica, said, ttl_seconds=ttl)

    assert await report(one, 6, live=30) == Crowd(replicas=1, live=30)
    assert await report(other, 6, live=12) == Crowd(replicas=2, live=42)
    async with database.statement() as tx:
        await LeaseStore(tx).leave(other)
    assert await report(one, 6) == Crowd(replicas=1, live=0)
    await report(other, 6)
    async with database.statement() as tx:
        await tx.exec_driver_sql("UPDATE replicas SET seen_at = seen_at - interval '7 s'")
    assert await report(one, 6, live=7) == Crowd(replicas=1, live=7)


async def test_leases_that_were_not_renewed_are_free_to_those_who_ask(database: Database) -> None:
    one, other = ReplicaId(uuid4()), ReplicaId(uuid4())
    before = await hold(database, one, ttl=0)
    assert await hold(database, other) == {}

    after = await hold(database, other, claim_expired=True)

    assert after == {shard: epoch + 1 for shard, epoch in before.items()}


async def test_a_lease_that_ran_out_unclaimed_is_still_the_same(database: Database) -> None:
    """As after an outage of the database, through which its owner went on renewing."""
    one = ReplicaId(uuid4())
    before = await hold(database, one, ttl=0)

    assert await hold(database, one) == before


async def test_a_shard_that_was_somebody_elses_in_between_has_another_epoch(
    database: Database,
) -> None:
    one, other = ReplicaId(uuid4()), ReplicaId(uuid4())
    before = await hold(database, one, ttl=0)
    await hold(database, other, claim_expired=True)
    async with database.statement() as tx:
        await LeaseStore(tx).leave(other)

    after = await hold(database, one)

    assert after.keys() == before.keys()
    assert all(after[shard] > before[shard] for shard in before)
