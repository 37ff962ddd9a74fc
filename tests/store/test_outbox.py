"""Events are written with what they tell of, in one transaction, and claimed by one at a time."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.models.connection import Profile
from app.models.event import DeliveryStatus, Event, EventType, Outgoing, Sought
from app.models.identifiers import ConnectionId
from app.models.token import Loss, RenewedToken
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.outbox import OutboxStore
from app.store.tokens import TokenStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """One where somebody delivers events."""
    database = Database(url=database_url, pool_size=5)
    async with database.statement() as tx:
        await OutboxStore(tx).want(for_seconds=60)
    yield database
    await database.close()


async def connect(
    database: Database, *, user: str = "U", external_id: str | None = None
) -> tuple[ConnectionId, int]:
    async with database.transaction() as tx:
        profile = Profile("A", user, "name", "mail@example.com", None, (), ())
        connection_id = await ConnectionStore(tx).connect(
            ConnectionId(uuid4()), profile, external_id=external_id
        )
        generation = await TokenStore(tx).begin_grant(connection_id, b"grant", age=0, left=60)
    return connection_id, generation


async def lose(database: Database, connection_id: ConnectionId, generation: int) -> bool:
    async with database.statement() as tx:
        lost = await TokenStore(tx).lose([Loss(connection_id, generation, "refused")])
    return connection_id in lost


async def renew(database: Database, connection_id: ConnectionId, generation: int) -> None:
    async with database.statement() as tx:
        await TokenStore(tx).write(
            [RenewedToken(connection_id.bytes, generation, b"renewed", 0, 60)]
        )


async def disconnect(database: Database, connection_id: ConnectionId) -> bool:
    async with database.transaction() as tx:
        return await ConnectionStore(tx).disconnect(connection_id)


async def told(database: Database) -> list[Event]:
    """All events, the oldest first."""
    async with database.statement() as tx:
        found = await OutboxStore(tx).list_newest(Sought(), before=None, limit=100)
    return [outgoing.event for outgoing in reversed(found)]


async def types(database: Database) -> list[str]:
    return [event.type.removeprefix("connection.") for event in await told(database)]


async def claim(database: Database, *, lease_seconds: float = 60) -> list[Outgoing]:
    async with database.statement() as tx:
        return await OutboxStore(tx).claim(at_most=10, lease_seconds=lease_seconds)


# --- what is told -----------------------------------------------------------------------------


async def test_each_change_of_a_connection_is_told(database: Database) -> None:
    connection_id, generation = await connect(database, external_id="customer-1")
    assert await lose(database, connection_id, generation)
    await connect(database)
    assert await disconnect(database, connection_id)
    await connect(database)

    expected = ["connected", "lost", "reconnected", "disconnected", "connected"]
    assert await types(database) == expected
    first, lost, *_, last = await told(database)
    about = {
        "connectionId": str(connection_id),
        "connectionType": "oauth",
        "accountKey": "A",
        "userKey": "U",
        "externalId": "customer-1",
    }
    assert first.data == about
    assert lost.data == about | {"cause": "refused"}
    assert last.data == about | {"externalId": None}, "it was disconnected in between"
    assert {event.connection_id for event in await told(database)} == {connection_id}


async def test_what_changes_nothing_is_no_news(database: Database) -> None:
    connection_id, generation = await connect(database)
    await connect(database)
    assert not await lose(database, connection_id, generation), "there is a newer grant"
    await renew(database, connection_id, generation)
    assert await disconnect(database, connection_id)
    assert not await disconnect(database, connection_id)

    assert await types(database) == ["connected", "disconnected"]


async def test_a_connection_that_becomes_anothers_is_told(database: Database) -> None:
    await connect(database)
    await connect(database, external_id="customer-1")
    await connect(database, external_id="customer-1")

    assert await types(database) == ["connected", "connected"]
    assert [event.data["externalId"] for event in await told(database)] == [None, "customer-1"]


async def test_a_loss_that_was_none_is_told_as_a_reconnection(database: Database) -> None:
    connection_id, generation = await connect(database)
    assert await lose(database, connection_id, generation)
    await renew(database, connection_id, generation + 1)
    await renew(database, connection_id, generation + 2)

    assert await types(database) == ["connected", "lost", "reconnected"]


async def test_an_api_key_is_told_of_once(database: Database) -> None:
    connection_id = ConnectionId(uuid4())
    for key in (b"one", b"another"):
        async with database.transaction() as tx:
            await ConnectionStore(tx).put_api_key(connection_id, key)
    assert await disconnect(database, connection_id)
    async with database.transaction() as tx:
        await ConnectionStore(tx).put_api_key(connection_id, b"one")

    assert await types(database) == ["connected", "disconnected", "connected"]
    assert (await told(database))[0].data["connectionType"] == "apiKey"


async def test_two_first_loads_at_once_are_one_connection_and_one_event(
    database: Database,
) -> None:
    for user in range(10):
        await asyncio.gather(*(connect(database, user=f"U{user}") for _ in range(3)))

    assert await types(database) == ["connected"] * 10


async def test_what_is_rolled_back_was_never_told(database: Database) -> None:
    connection_id, _ = await connect(database)
    async with database.transaction() as tx:
        await ConnectionStore(tx).disconnect(connection_id)
        await tx.rollback()

    assert await types(database) == ["connected"]


async def test_nothing_is_written_where_nobody_delivers(database: Database) -> None:
    async with database.statement() as tx:
        await OutboxStore(tx).want(for_seconds=0)
    connection_id, generation = await connect(database)
    await lose(database, connection_id, generation)
    await renew(database, connection_id, generation + 1)
    await disconnect(database, connection_id)
    async with database.statement() as tx:
        await OutboxStore(tx).add(Event(EventType.SETTINGS_CHANGED, {"accountKey": "A"}))

    assert await told(database) == []


async def test_an_event_of_another_kind_is_added_as_it_is(database: Database) -> None:
    event = Event(EventType.SETTINGS_CHANGED, {"accountKey": "A", "version": 3})
    async with database.transaction() as tx:
        await OutboxStore(tx).add(event)

    assert await told(database) == [event]


# --- who delivers it --------------------------------------------------------------------------


async def test_of_several_who_claim_at_once_each_gets_events_of_its_own(
    database: Database,
) -> None:
    for user in range(20):
        await connect(database, user=f"U{user}")

    claims = await asyncio.gather(*(claim(database) for _ in range(4)))

    claimed = [outgoing.sequence for one in claims for outgoing in one]
    assert len(claimed) == len(set(claimed)) == 20
    assert await claim(database) == []


async def test_a_claim_whose_owner_died_is_free_when_its_lease_is_over(
    database: Database,
) -> None:
    await connect(database)
    (first,) = await claim(database, lease_seconds=0)
    (second,) = await claim(database)

    assert (first.attempts, second.attempts) == (1, 2)
    async with database.statement() as tx:
        outbox = OutboxStore(tx)
        assert not await outbox.delivered(first, outcome="204"), "it is somebody else's now"
        assert await outbox.delivered(second, outcome="204")
        assert not await outbox.postpone(second, outcome="500", wait_seconds=0)
    assert await claim(database) == []


async def test_a_postponed_event_waits_and_a_failed_one_waits_for_the_operator(
    database: Database,
) -> None:
    await connect(database)
    (claimed,) = await claim(database)
    async with database.statement() as tx:
        assert await OutboxStore(tx).postpone(claimed, outcome="500", wait_seconds=60)
    assert await claim(database) == []
    async with database.statement() as tx:
        assert (await OutboxStore(tx).backlog()).pending == 1
        assert await OutboxStore(tx).redeliver(claimed.id)
    (again,) = await claim(database)
    assert again.attempts == 1
    async with database.statement() as tx:
        assert await OutboxStore(tx).give_up(again, outcome="410")
        failed = await OutboxStore(tx).get(again.id)
        backlog = await OutboxStore(tx).backlog()
    assert failed is not None
    assert (failed.status, failed.outcome) == (DeliveryStatus.FAILED, "410")
    assert (backlog.pending, backlog.failed) == (0, 1)
    assert await claim(database) == []


async def test_what_was_redelivered_meanwhile_is_not_settled_by_the_attempt_before(
    database: Database,
) -> None:
    await connect(database)
    (claimed,) = await claim(database)
    async with database.statement() as tx:
        await OutboxStore(tx).redeliver(claimed.id)
        assert not await OutboxStore(tx).delivered(claimed, outcome="204")

    assert len(await claim(database)) == 1


async def test_old_events_are_removed_delivered_or_not(database: Database) -> None:
    await connect(database)
    async with database.statement() as tx:
        assert await OutboxStore(tx).purge(kept_seconds=60, at_most=10) == 0
        assert await OutboxStore(tx).purge(kept_seconds=0, at_most=10) == 1

    assert await told(database) == []


async def test_what_a_newer_version_has_written_is_left_to_it(database: Database) -> None:
    connection_id, _ = await connect(database)
    async with database.statement() as tx:
        await tx.exec_driver_sql("INSERT INTO outbox (type, data) VALUES ('newer.kind', '{}')")

    assert await types(database) == ["connected"]
    assert [claimed.event.connection_id for claimed in await claim(database)] == [connection_id]
    async with database.statement() as tx:
        assert (await OutboxStore(tx).backlog()).pending == 2
