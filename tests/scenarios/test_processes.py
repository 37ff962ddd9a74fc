"""Hearth as real processes: killed, doubled, stalled, without its database."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from app.models.identifiers import SHARD_COUNT
from app.store.database import Database
from tests.conftest import Hearth, StartHearth
from tests.support.own_postgres import own_postgres
from tests.support.processes import HearthProcess, hearth_process
from tests.support.servers import free_port
from tests.support.settings import as_environment
from tests.support.signing_in import environment_for, sign_in_at
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

CONNECTIONS = 20
LIFE = 16.0


@pytest.fixture
async def web(start_hearth: StartHearth, vendor: Vendor) -> AsyncIterator[Hearth]:
    """A Hearth that signs people in; refreshers are processes of their own."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(infobip={"token_lifetime_seconds": LIFE}) as hearth:
        yield hearth


async def connect_many(hearth: Hearth, vendor: Vendor) -> None:
    states = await vendor.states_of_new_users(CONNECTIONS)
    landings = await asyncio.gather(
        *(hearth.browser().sign_in(f"/settings?state={state}") for state in states)
    )
    assert {landing.status_code for landing in landings} == {303}


async def statuses(hearth: Hearth) -> dict[str, int]:
    async with hearth.process.database.transaction() as tx:
        rows = await tx.execute(text("SELECT status, count(*) FROM connections GROUP BY 1"))
        return {row[0]: row[1] for row in rows}


async def all_renewed(hearth: Hearth) -> bool:
    async with hearth.process.database.transaction() as tx:
        oldest = await tx.exec_driver_sql(
            "SELECT min(renewed_at) > max(connected_at) FROM tokens "
            "JOIN connections ON id = connection_id"
        )
        return bool(oldest.scalar_one())


async def renewals_reach(vendor: Vendor, goal: int) -> bool:
    return await vendor.count("refreshes") >= goal


async def lost_its_shards(process: HearthProcess) -> bool:
    return any(event["gone"] for event in process.events("shards_changed"))


async def all_fresh(database: Database) -> bool:
    async with database.transaction() as tx:
        fresh = await tx.exec_driver_sql("SELECT bool_and(expires_at > now()) FROM tokens")
        return bool(fresh.scalar_one())


async def test_two_refreshers_share_and_one_takes_over_when_the_other_is_killed(
    web: Hearth, vendor: Vendor
) -> None:
    environment = as_environment(web.settings)
    with hearth_process("refresher", environment=environment) as first:
        await first.wait_for("shards_changed")
        await connect_many(web, vendor)
        with hearth_process("refresher", environment=environment) as second:
            assert (await second.wait_for("shards_changed"))["held"] == SHARD_COUNT / 2
            handed_over = await first.wait_for("shards_handed_over")
            assert handed_over["held"] == SHARD_COUNT / 2
            await eventually(lambda: all_renewed(web), within_seconds=2 * LIFE)

            assert await vendor.count("refreshes") == CONNECTIONS
            await first.end(signal.SIGKILL)
            before = await vendor.count("refreshes")
            await eventually(
                lambda: renewals_reach(vendor, before + CONNECTIONS), within_seconds=3 * LIFE
            )

    assert second.events("shards_changed")[-1]["held"] == SHARD_COUNT
    assert sum(event["tokens"] for event in second.events("shards_loaded")) == CONNECTIONS
    assert await statuses(web) == {"active": CONNECTIONS}
    assert await vendor.count("refusals") == 0


async def test_a_refresher_that_is_asked_to_stop_hands_over_at_once(
    web: Hearth, vendor: Vendor
) -> None:
    environment = as_environment(web.settings)
    with hearth_process("refresher", environment=environment) as first:
        await first.wait_for("shards_changed")
        await connect_many(web, vendor)
        await eventually(lambda: all_renewed(web), within_seconds=2 * LIFE)

        assert await first.end(signal.SIGTERM) == 0

    async with web.process.database.transaction() as tx:
        held = await tx.exec_driver_sql("SELECT count(*) FROM leases WHERE owner IS NOT NULL")
        assert held.scalar_one() == 0
    with hearth_process("refresher", environment=environment) as second:
        assert (await second.wait_for("shards_loaded"))["tokens"] == CONNECTIONS


async def test_a_refresher_that_was_stalled_looks_before_it_renews(
    web: Hearth, vendor: Vendor
) -> None:
    environment = as_environment(web.settings)
    with hearth_process("refresher", environment=environment) as first:
        await first.wait_for("shards_changed")
        with hearth_process("refresher", environment=environment) as second:
            await connect_many(web, vendor)
            await eventually(lambda: all_renewed(web), within_seconds=2 * LIFE)
            first.send(signal.SIGSTOP)
            goal = await vendor.count("refreshes") + CONNECTIONS
            await eventually(lambda: renewals_reach(vendor, goal), within_seconds=2 * LIFE)
            first.send(signal.SIGCONT)
            await eventually(lambda: lost_its_shards(first), within_seconds=10)
            goal = await vendor.count("refreshes") + CONNECTIONS
            await eventually(lambda: renewals_reach(vendor, goal), within_seconds=2 * LIFE)

            assert second.events("shards_loaded")
    assert await statuses(web) == {"active": CONNECTIONS}
    assert await vendor.count("refusals") == 0


async def test_what_has_come_while_a_refresher_stood_still_is_taken(
    web: Hearth, vendor: Vendor
) -> None:
    """The old tokens are dead by then, and the time for their answers has passed."""
    with hearth_process("refresher", environment=as_environment(web.settings)) as refresher:
        await refresher.wait_for("shards_changed")
        await connect_many(web, vendor)
        late = {"kind": "slowAfter", "delaySeconds": 0.06 * LIFE}
        await vendor.fail({"target": "refresh", **late})
        await eventually(lambda: renewals_reach(vendor, 1), within_seconds=LIFE)
        refresher.send(signal.SIGSTOP)
        await asyncio.sleep(LIFE / 4)
        refresher.send(signal.SIGCONT)
        await eventually(lambda: all_renewed(web), within_seconds=2 * LIFE)

        assert not refresher.events("connection_lost")
    assert await statuses(web) == {"active": CONNECTIONS}


async def test_a_database_that_is_away_for_longer_than_a_life_loses_nothing(
    vendor: Vendor, http: httpx.AsyncClient, walkable_folder: Path
) -> None:
    """The tokens live on in memory, and are written down when the database is back."""
    life = 4.0
    await vendor.configure(tokenLifetimeSeconds=life)
    port = free_port()
    async with own_postgres(walkable_folder) as (postgres, database):
        environment = await environment_for(
            vendor, port=port, database_url=postgres.url, life_seconds=life
        )
        with hearth_process("serve", "--port", str(port), environment=environment) as hearth:
            await hearth.wait_for("shards_loaded")
            await sign_in_at(port, vendor, http)
            await eventually(lambda: renewals_reach(vendor, 1))
            await postgres.stop()
            goal = await vendor.count("refreshes") + 5
            await eventually(lambda: renewals_reach(vendor, goal), within_seconds=8 * life)

            assert await hearth.wait_for("database_away")
            assert (await http.get(f"http://localhost:{port}/readyz")).status_code == 200
            await postgres.start()
            await eventually(lambda: all_fresh(database), within_seconds=30)
            assert await hearth.end() == 0
        async with database.transaction() as tx:
            status = await tx.exec_driver_sql("SELECT status FROM connections")
            assert status.scalar_one() == "active"
    assert await vendor.count("refusals") == 0


async def test_an_outage_and_a_second_refresher_at_its_end_lose_nothing(
    vendor: Vendor, http: httpx.AsyncClient, walkable_folder: Path
) -> None:
    """The second one finds expired leases and dead tokens, whose owner is alive and has yet to
    write down what it renewed meanwhile."""
    life = 8.0
    await vendor.configure(tokenLifetimeSeconds=life)
    port = free_port()
    async with own_postgres(walkable_folder) as (postgres, database):
        environment = await environment_for(
            vendor, port=port, database_url=postgres.url, life_seconds=life
        )
        with hearth_process("serve", "--port", str(port), environment=environment) as hearth:
            await hearth.wait_for("shards_loaded")
            for user in range(5):
                await sign_in_at(port, vendor, http, user=user)
            await postgres.stop()
            goal = await vendor.count("refreshes") + 15
            await eventually(lambda: renewals_reach(vendor, goal), within_seconds=8 * life)
            with hearth_process("refresher", environment=environment) as second:
                await postgres.start()
                await eventually(
                    lambda: all_fresh(database),
                    within_seconds=30,
                    because=lambda: "\n".join([*hearth.lines, "--", *second.lines]),
                )
                goal = await vendor.count("refreshes") + 15
                await eventually(lambda: renewals_reach(vendor, goal), within_seconds=8 * life)
                assert not hearth.events("connection_lost")
                assert not second.events("connection_lost")
                await second.end()
            await hearth.end()
        async with database.transaction() as tx:
            found = await tx.execute(text("SELECT status, count(*) FROM connections GROUP BY 1"))
            assert [tuple(row) for row in found] == [("active", 5)]
    assert await vendor.count("refusals") == 0


async def test_shards_that_were_somebody_elses_in_between_are_loaded_anew(
    web: Hearth, vendor: Vendor
) -> None:
    environment = as_environment(web.settings)
    with hearth_process("refresher", environment=environment) as first:
        await first.wait_for("shards_changed")
        with hearth_process("refresher", environment=environment) as second:
            await connect_many(web, vendor)
            await eventually(lambda: all_renewed(web), within_seconds=2 * LIFE)
            first.send(signal.SIGSTOP)
            goal = await vendor.count("refreshes") + CONNECTIONS
            await eventually(lambda: renewals_reach(vendor, goal), within_seconds=2 * LIFE)
            await second.end()
        first.send(signal.SIGCONT)

        goal = await vendor.count("refreshes") + CONNECTIONS
        await eventually(lambda: renewals_reach(vendor, goal), within_seconds=3 * LIFE)
        assert len(first.events("shards_loaded")) == 2
    assert await statuses(web) == {"active": CONNECTIONS}
    assert await vendor.count("refusals") == 0


async def test_a_stop_while_the_database_hangs_ends_in_time(
    vendor: Vendor, http: httpx.AsyncClient, walkable_folder: Path
) -> None:
    port = free_port()
    async with own_postgres(walkable_folder) as (postgres, database):
        pids = [postgres.pid]
        async with database.transaction() as tx:
            found = await tx.exec_driver_sql("SELECT pg_backend_pid()")
            assert found.scalar_one()
        environment = await environment_for(
            vendor, port=port, database_url=postgres.url, life_seconds=60
        )
        with hearth_process("serve", "--port", str(port), environment=environment) as hearth:
            await hearth.wait_for("shards_loaded")
            await sign_in_at(port, vendor, http)
            async with database.transaction() as tx:
                backends = await tx.exec_driver_sql(
                    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
                    "AND pid <> pg_backend_pid()"
                )
                pids += [row[0] for row in backends.all()]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                assert await hearth.end() == 0
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
