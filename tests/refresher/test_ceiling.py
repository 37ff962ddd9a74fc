"""REFRESHER_RATE_PER_SECOND over the wire: the cadence stretches, and then the least recently used
are let go."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest
import structlog
from structlog.typing import EventDict

from app.admin.timelines import timeline_of
from app.factory import open_process
from app.metrics import process_metrics
from app.models.connection import Connection, ConnectionStatus, LossCause
from app.models.identifiers import ConnectionId
from app.models.listing import Wanted
from app.models.timeline import TimelineEvent
from app.refresher.refresher import Refresher
from app.settings import RefresherSettings
from app.store.usage import UsageStore
from tests.conftest import Hearth, StartHearth
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 8.0
CONNECTIONS = 12
FIT_PER_SECOND = LIFE * 0.9 * 0.97
"""So many connections can be kept alive for each renewal per second."""


@pytest.fixture
async def web(start_hearth: StartHearth, vendor: Vendor) -> AsyncIterator[Hearth]:
    """Signs people in; the refresher comes later."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(infobip={"token_lifetime_seconds": LIFE}) as hearth:
        yield hearth


@asynccontextmanager
async def refreshing(hearth: Hearth, *, rate: float) -> AsyncIterator[Refresher]:
    """A refresher with this ceiling, until the block ends."""
    ceiling = RefresherSettings(_env_file=None, rate_per_second=rate)
    stop = asyncio.Event()
    async with open_process(replace(hearth.settings, refresher=ceiling)) as process:
        assert process.refresher is not None
        running = asyncio.create_task(process.refresher.run(stop))
        try:
            yield process.refresher
        finally:
            stop.set()
            await running


async def connect(hearth: Hearth, vendor: Vendor, count: int) -> list[ConnectionId]:
    async def sign_in(state: str) -> ConnectionId:
        browser = hearth.browser()
        await browser.sign_in(f"/settings?state={state}")
        session = (await browser.api("GET", "/session")).json()
        return ConnectionId(UUID(session["connection"]["id"]))

    states = await vendor.states_of_new_users(count)
    return list(await asyncio.gather(*map(sign_in, states)))


async def having(hearth: Hearth, status: ConnectionStatus) -> list[Connection]:
    page = await hearth.process.overview.connections(
        Wanted(status=status), after=None, limit=2 * CONNECTIONS
    )
    return list(page.items)


async def have_refreshed(vendor: Vendor, times: int) -> bool:
    return await vendor.count("refreshes") >= times


async def have_sent(vendor: Vendor, requests: int) -> bool:
    return await vendor.count("tokenRequests") >= requests


async def have_divided(rate: float, refreshers: Collection[Refresher]) -> bool:
    """Each may send as large a part as it keeps connections, and all have them all."""
    found = [one.status() for one in refreshers]
    parts = [pytest.approx(rate * one.live / CONNECTIONS) for one in found]
    return (
        sum(one.live for one in found) == CONNECTIONS
        and all(one.live for one in found)
        and [one.rate_ceiling for one in found] == parts
    )


def named(events: Collection[EventDict], name: str) -> list[EventDict]:
    return [event for event in events if event["event"] == name]


async def test_the_cadence_stretches_before_anything_is_lost(web: Hearth, vendor: Vendor) -> None:
    """At half of each life it would be three a second."""
    rate = 2.1
    await connect(web, vendor, CONNECTIONS)
    with structlog.testing.capture_logs() as events:
        async with refreshing(web, rate=rate) as refresher:
            await eventually(lambda: have_refreshed(vendor, 1))
            began, before = asyncio.get_running_loop().time(), await vendor.count("refreshes")
            await eventually(
                lambda: have_refreshed(vendor, before + 3 * CONNECTIONS // 2), within_seconds=60
            )
            passed = asyncio.get_running_loop().time() - began
            renewed = await vendor.count("refreshes") - before
            left = refresher.status().least_seconds_left

    assert renewed <= rate * passed + 2
    assert left is not None
    assert left < 0.4 * LIFE
    assert len(await having(web, ConnectionStatus.ACTIVE)) == CONNECTIONS
    (warning,) = named(events, "ceiling_near")
    assert warning["connections"] == CONNECTIONS
    assert warning["at_connections"] == int(rate * FIT_PER_SECOND)


async def test_two_refreshers_divide_the_ceiling_and_who_stays_has_all_of_it(
    web: Hearth, vendor: Vendor
) -> None:
    rate = 2.1
    await connect(web, vendor, CONNECTIONS)
    async with refreshing(web, rate=rate) as staying:
        async with refreshing(web, rate=rate) as leaving:
            both = (staying, leaving)
            await eventually(lambda: have_divided(rate, both))
            began, before = asyncio.get_running_loop().time(), [one.stats.renewals for one in both]
            sent = await vendor.count("tokenRequests")
            await eventually(lambda: have_sent(vendor, sent + CONNECTIONS), within_seconds=60)
            passed = asyncio.get_running_loop().time() - began
            sent = await vendor.count("tokenRequests") - sent
            renewed = [one.stats.renewals for one in both]
        await eventually(lambda: have_divided(rate, [staying]))

    assert sent <= rate * passed + 2
    assert all(now > then for now, then in zip(renewed, before, strict=True))
    assert len(await having(web, ConnectionStatus.ACTIVE)) == CONNECTIONS


async def test_then_the_least_recently_used_are_let_go_on_record(
    web: Hearth, vendor: Vendor
) -> None:
    kept = await connect(web, vendor, 3)
    async with web.process.database.statement() as tx:
        await UsageStore(tx).note(dict.fromkeys(kept, -LIFE))  # later than the others will be

    async def are_let_go() -> bool:
        return len(await having(web, ConnectionStatus.LOST)) == 4

    with structlog.testing.capture_logs() as events:
        async with refreshing(web, rate=3.9 / FIT_PER_SECOND) as refresher:
            await eventually(lambda: have_refreshed(vendor, 3))
            await connect(web, vendor, 4)
            await eventually(are_let_go)
            assert refresher.status().capacity == 3
            refreshed = await vendor.count("refreshes")
            await eventually(lambda: have_refreshed(vendor, refreshed + 4), within_seconds=60)
            losses = process_metrics(refresher=refresher, life_seconds=LIFE).get_sample_value(
                "hearth_losses_total", {"cause": "let_go"}
            )

    lost = await having(web, ConnectionStatus.LOST)
    assert {one.id for one in await having(web, ConnectionStatus.ACTIVE)} == set(kept)
    assert {one.reason for one in lost} == {LossCause.LET_GO}
    assert losses == len(lost) == 4
    assert sum(event["count"] for event in named(events, "connections_let_go")) == 4
    assert await newest_of(web, lost[0].id) == (TimelineEvent.LOST, "let_go")


async def newest_of(hearth: Hearth, connection_id: ConnectionId) -> tuple[str, str | None]:
    newest = (await timeline_of(hearth.process.database, connection_id))[0]
    return newest.event, newest.cause
