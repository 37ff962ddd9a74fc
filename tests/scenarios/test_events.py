"""Events of real processes: killed in the middle of it, and several at once."""

import asyncio
import signal
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import StartHearth
from tests.support.processes import hearth_process
from tests.support.receiver import EventReceiver, receiving
from tests.support.servers import free_port, free_socket
from tests.support.settings import as_environment
from tests.support.signing_in import environment_for, sign_in_at
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

LIFE = 8.0
CONNECTED = "connection.connected"


@pytest.fixture
async def receiver() -> AsyncIterator[EventReceiver]:
    async with receiving(free_socket()) as running:
        yield running


def events_of(receiver: EventReceiver) -> dict[str, str]:
    return {
        "EVENTS_URL": receiver.url,
        "EVENTS_SECRET": receiver.secret,
        "EVENTS_TIMEOUT_SECONDS": "2",
    }


async def test_what_a_killed_process_had_not_delivered_another_one_delivers(
    vendor: Vendor, http: httpx.AsyncClient, database_url: str, receiver: EventReceiver
) -> None:
    """One event is on its way and unanswered, another is committed and not yet sent."""
    port = free_port()
    environment = await environment_for(
        vendor, port=port, database_url=database_url, life_seconds=LIFE
    )
    receiver.answers = [None]
    with hearth_process(
        "serve", "--port", str(port), environment=environment | events_of(receiver)
    ) as first:
        await first.wait_for("shards_loaded")
        await sign_in_at(port, vendor, http)
        await receiver.gets(CONNECTED)
        await sign_in_at(port, vendor, http, user=1)
        await first.end(signal.SIGKILL)
    assert receiver.types() == [CONNECTED]
    with hearth_process(
        "serve", "--port", str(port), environment=environment | events_of(receiver)
    ) as second:
        events = await receiver.gets(CONNECTED, CONNECTED, CONNECTED)
        assert await second.end() == 0

    assert len({event["id"] for event in events}) == 2
    assert events.count(events[0]) == 2, "the one that was on its way, unchanged"


async def test_each_event_is_delivered_once_whichever_process_wrote_it(
    start_hearth: StartHearth, vendor: Vendor, receiver: EventReceiver
) -> None:
    """Two processes deliver. A third one loses connections and knows nothing of webhooks."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(
        infobip={"token_lifetime_seconds": LIFE}, events=receiver.settings
    ) as web:
        environment = as_environment(web.settings)
        with hearth_process("refresher", environment=environment) as unaware:
            await unaware.wait_for("shards_changed")
            states = await vendor.states_of_new_users(12)
            await asyncio.gather(
                *(web.browser().sign_in(f"/settings?state={state}") for state in states)
            )
            await receiver.gets(*[CONNECTED] * 12)
            delivering = environment | events_of(receiver)
            with hearth_process("refresher", environment=delivering) as aware:
                await aware.wait_for("shards_changed")
                await vendor.revoke()
                events = await receiver.gets(
                    *[CONNECTED] * 12, *["connection.lost"] * 12, within_seconds=3 * LIFE
                )
                assert unaware.events("connection_lost")
                assert await aware.end() == 0

    assert len({event["id"] for event in events}) == 24
