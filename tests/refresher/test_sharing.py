"""Several refreshers share what people bring, and nothing is lost while they come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.factory import Process, open_process
from app.models.identifiers import SHARD_COUNT
from app.refresher.shares import fair_share
from app.settings import RefresherSettings
from tests.conftest import Hearth, StartHearth
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

LIFE = 8.0
CONNECTIONS = 100
SHORT_LIFE = 3.0
"""Less than the five seconds of the poll behind the announcements."""


@given(st.integers(min_value=0, max_value=500))
def test_all_shards_are_somebodys_and_nobody_has_more_than_the_others(replicas: int) -> None:
    share = fair_share(replicas)

    assert share * max(replicas, 1) >= SHARD_COUNT
    assert (share - 1) * max(replicas, 1) < SHARD_COUNT


@pytest.mark.anyio
async def test_what_is_handed_over_in_the_middle_of_slow_renewals_is_not_lost(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    """The old token dies at once, so an answer that nobody waits for would be a lost connection."""
    await vendor.configure(tokenLifetimeSeconds=LIFE, refreshMode="rotate")
    infobip = {"token_lifetime_seconds": LIFE}
    async with start_hearth(refresher=True, infobip=infobip) as hearth:
        states = await vendor.states_of_new_users(CONNECTIONS)
        for start in range(0, CONNECTIONS, 10):  # each takes a connection to the database
            some = states[start : start + 10]
            await asyncio.gather(
                *(hearth.browser().sign_in(f"/settings?state={state}") for state in some)
            )
        await vendor.configure(latencySeconds=0.3)
        await renewals(vendor, CONNECTIONS)  # from here on some are always under way
        async with another_refresher(hearth) as second:
            await eventually(lambda: shared(hearth.process, second))
            await renewals(vendor, CONNECTIONS)
        await eventually(lambda: shared(hearth.process))
        await renewals(vendor, CONNECTIONS)

        assert await vendor.count("refusals") == 0
        assert await statuses(hearth) == ["active"] * CONNECTIONS


@pytest.mark.anyio
async def test_who_signed_in_elsewhere_reaches_the_owner_without_waiting_for_its_poll(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    """The token would be dead by the time at which the owner polls for the first time."""
    await vendor.configure(tokenLifetimeSeconds=SHORT_LIFE)
    infobip = {"token_lifetime_seconds": SHORT_LIFE}
    async with start_hearth(infobip=infobip) as web, another_refresher(web) as owner:
        await eventually(lambda: shared(owner))
        await web.browser().sign_in(f"/settings?state={await vendor.state()}")
        await renewals(vendor, 2)

        assert len(owner.live) == 1
        assert await statuses(web) == ["active"]


@pytest.mark.anyio
async def test_a_late_answer_is_not_waited_for_while_it_takes_a_place_that_others_need(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    """With one place there are never few enough under way; where the old token lives on, nothing
    is lost by that."""
    await vendor.configure(tokenLifetimeSeconds=SHORT_LIFE, refreshMode="keep")
    async with (
        start_hearth(infobip={"token_lifetime_seconds": SHORT_LIFE}) as web,
        another_refresher(web, max_in_flight=1) as busy,
    ):
        await eventually(lambda: shared(busy))
        late = {"target": "refresh", "kind": "slow", "delaySeconds": 0.13 * SHORT_LIFE, "times": 1}
        await vendor.fail(late)
        await web.browser().sign_in(f"/settings?state={await vendor.state()}")
        await renewals(vendor, 2)

        assert busy.refresher is not None
        assert busy.refresher.stats.failures["timed_out"] == 1
        assert await statuses(web) == ["active"]


@asynccontextmanager
async def another_refresher(hearth: Hearth, **changes: Any) -> AsyncIterator[Process]:
    """Works with the same database until the block ends."""
    stop = asyncio.Event()
    changed = RefresherSettings(_env_file=None, **changes)
    async with open_process(replace(hearth.settings, refresher=changed)) as process:
        assert process.refresher is not None
        running = asyncio.create_task(process.refresher.run(stop))
        try:
            yield process
        finally:
            stop.set()
            await running


def held(process: Process) -> int:
    assert process.refresher is not None
    return process.refresher.status().shards


async def shared(*processes: Process) -> bool:
    """All shards are somebody's, and nobody has more than a fair share."""
    most = fair_share(len(processes))
    return sum(map(held, processes)) == SHARD_COUNT and max(map(held, processes)) <= most


async def renewals(vendor: Vendor, further: int) -> None:
    goal = await vendor.count("refreshes") + further

    async def reached() -> bool:
        return await vendor.count("refreshes") >= goal

    await eventually(reached, within_seconds=60)


async def statuses(hearth: Hearth) -> list[str]:
    async with hearth.process.database.transaction() as tx:
        rows = await tx.exec_driver_sql("SELECT status FROM connections")
        return [row[0] for row in rows]
