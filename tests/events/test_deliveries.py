"""Deliveries to a real receiver that is down, slow, flaky, or says no."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from app.clock import SystemClock
from app.events.deliveries import Deliveries
from app.events.receiver import Receiver, Result
from app.infobip.transport import Transport
from app.models.event import DeliveryStatus, Event, EventType, Outgoing, Sought
from app.security.webhooks import parse_signing_secret
from app.store.database import Database
from app.store.outbox import OutboxStore
from tests.support.receiver import EventReceiver, receiving
from tests.support.servers import free_port, free_socket
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

TOLD = "settings.changed"
Make = Callable[..., Deliveries]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=10)
    yield database
    await database.close()


@pytest.fixture
async def make(database: Database) -> AsyncIterator[Make]:
    """What a process has to deliver with; by default, what fails is tried again at once."""
    async with Transport() as transport:

        def deliveries(
            to: EventReceiver, *, timeout: float = 5, waits: Sequence[float] = (0.0, 0.0, 0.0)
        ) -> Deliveries:
            receiver = Receiver(
                url=to.url,
                keys=[parse_signing_secret(to.secret)],
                reconnect_url="http://localhost/connect",
                timeout_seconds=timeout,
                transport=transport,
                clock=SystemClock(),
            )
            return Deliveries(
                database=database, receiver=receiver, clock=SystemClock(), waits=waits
            )

        yield deliveries


@asynccontextmanager
async def running(*deliveries: Deliveries) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.run(stop)) for one in deliveries]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def tell(database: Database, count: int = 1) -> None:
    async with database.transaction() as tx:
        await OutboxStore(tx).want(for_seconds=60)
        for number in range(count):
            await OutboxStore(tx).add(Event(EventType.SETTINGS_CHANGED, {"version": number}))


async def kept(database: Database) -> list[Outgoing]:
    async with database.statement() as tx:
        return await OutboxStore(tx).list_newest(Sought(), before=None, limit=1_000)


async def all_are(database: Database, status: DeliveryStatus) -> bool:
    return {outgoing.status for outgoing in await kept(database)} == {status}


async def test_an_event_arrives_once_signed_and_is_done(database: Database, make: Make) -> None:
    await tell(database)
    async with receiving(free_socket()) as receiver:
        deliveries = make(receiver)
        async with running(deliveries):
            (event,) = await receiver.gets(TOLD)
            await eventually(lambda: all_are(database, DeliveryStatus.DELIVERED))
        await deliveries.deliver_due()

    (outgoing,) = await kept(database)
    ((request, body),) = receiver.raw
    assert event == {
        "id": str(outgoing.id),
        "type": TOLD,
        "timestamp": event["timestamp"],
        "sequence": outgoing.sequence,
        "data": {"version": 0},
    }
    assert request.url.path == "/hooks"
    assert request.query_params["from"] == "hearth"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == str(outgoing.id)
    assert "authorization" not in request.headers
    assert (outgoing.attempts, outgoing.outcome) == (1, "204")
    assert outgoing.delivered_at is not None
    assert deliveries.stats.attempts == {Result.DELIVERED: 1}
    assert body.startswith(b'{"id":"')


@pytest.mark.parametrize("answer", [500, 503, 429, 404, 400, 307, 302])
async def test_whatever_is_no_2xx_is_tried_again_and_never_followed(
    database: Database, make: Make, answer: int
) -> None:
    await tell(database)
    async with receiving(free_socket(), [answer]) as receiver, running(make(receiver)):
        first, second = await receiver.gets(TOLD, TOLD)

    assert first == second
    assert {request.url.path for request, _ in receiver.raw} == {"/hooks"}
    assert receiver.raw[0][1] == receiver.raw[1][1], "the same bytes"


async def test_a_receiver_that_is_down_loses_nothing(database: Database, make: Make) -> None:
    """Not the first event, which was tried, and none that came after it."""
    port = free_port()
    down = EventReceiver(url=f"http://localhost:{port}/hooks")
    await tell(database, 3)
    deliveries = make(down, waits=[0.0] * 50)
    async with running(deliveries):
        await eventually(lambda: _reaches(deliveries, Result.UNREACHABLE, 2))
        await tell(database, 3)
        async with receiving(free_socket(port), secret=down.secret) as receiver:
            await receiver.gets(*[TOLD] * 6)
            await eventually(lambda: all_are(database, DeliveryStatus.DELIVERED))

    assert len({event["id"] for event in receiver.events}) == 6


async def test_a_slow_receiver_is_not_waited_for_and_gets_it_again(
    database: Database, make: Make
) -> None:
    await tell(database)
    async with receiving(free_socket(), [None]) as receiver:
        deliveries = make(receiver, timeout=0.2)
        async with running(deliveries):
            await receiver.gets(TOLD, TOLD)

    assert deliveries.stats.attempts[Result.TIMED_OUT] == 1


async def test_after_its_last_attempt_an_event_is_given_up_and_kept(
    database: Database, make: Make
) -> None:
    await tell(database)
    async with receiving(free_socket(), [500] * 3) as receiver:
        deliveries = make(receiver, waits=[0.0, 0.0])
        async with running(deliveries):
            await eventually(lambda: all_are(database, DeliveryStatus.FAILED))
            async with database.statement() as tx:
                (failed,) = await OutboxStore(tx).list_newest(Sought(), before=None, limit=9)
                await OutboxStore(tx).redeliver(failed.id)
            await eventually(lambda: all_are(database, DeliveryStatus.DELIVERED))

    assert (failed.attempts, failed.outcome) == (3, "500")
    assert deliveries.stats.given_up == 1
    assert len({event["id"] for event in receiver.events}) == 1


async def test_a_receiver_that_says_gone_is_not_asked_again(database: Database, make: Make) -> None:
    await tell(database)
    async with receiving(free_socket(), [410]) as receiver, running(make(receiver)):
        await eventually(lambda: all_are(database, DeliveryStatus.FAILED))

    assert receiver.types() == [TOLD]


async def test_while_the_receiver_fails_one_event_is_tried_at_a_time(
    database: Database, make: Make
) -> None:
    await tell(database, 20)
    async with receiving(free_socket(), [500] * 9) as receiver:
        deliveries = make(receiver, waits=[60.0] * 3)
        counts = []
        for _ in range(6):
            await deliveries.deliver_due()
            counts.append(len(receiver.events))

    assert counts == [8, 9, 10, 12, 16, 20]


async def test_two_processes_do_not_both_deliver(database: Database, make: Make) -> None:
    await tell(database, 60)
    async with receiving(free_socket()) as receiver:
        both = make(receiver), make(receiver)
        async with running(*both):
            await eventually(lambda: all_are(database, DeliveryStatus.DELIVERED))

    assert len(receiver.events) == 60
    assert {one["sequence"] for one in receiver.events} == {
        outgoing.sequence for outgoing in await kept(database)
    }
    assert all(one.stats.attempts[Result.DELIVERED] for one in both), "both took part"


async def test_what_is_under_way_at_the_end_is_finished(database: Database, make: Make) -> None:
    await tell(database, 4)
    async with receiving(free_socket()) as receiver, running(make(receiver)):
        await eventually(lambda: _some(receiver))

    assert len(receiver.events) == sum(
        outgoing.status is DeliveryStatus.DELIVERED for outgoing in await kept(database)
    )


async def test_the_backlog_is_known(database: Database, make: Make) -> None:
    await tell(database, 3)
    async with receiving(free_socket(), [410, 500]) as receiver:
        deliveries = make(receiver, waits=[60.0])
        await deliveries.deliver_due()
        async with running(deliveries):
            await eventually(lambda: _counted(deliveries))

    backlog = deliveries.stats.backlog
    assert (backlog.pending, backlog.failed) == (1, 1)
    assert 0 < backlog.oldest_seconds < 60


async def _reaches(deliveries: Deliveries, result: Result, count: int) -> bool:
    return deliveries.stats.attempts[result] >= count


async def _some(receiver: EventReceiver) -> bool:
    return bool(receiver.events)


async def _counted(deliveries: Deliveries) -> bool:
    return deliveries.stats.backlog.pending > 0
