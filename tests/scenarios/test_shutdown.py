"""SIGTERM: what is under way gets its end, and all of it within the ten seconds that there are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import make_url

from tests.support.cuttable import CuttableWay, cuttable_way
from tests.support.events import listening
from tests.support.processes import HearthProcess, hearth_process
from tests.support.servers import free_port
from tests.support.signing_in import environment_for, sign_in_at
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

OPS = "ops-secret-of-the-tests"


@asynccontextmanager
async def serving_somebody(
    vendor: Vendor, http: httpx.AsyncClient, database_url: str
) -> AsyncIterator[tuple[HearthProcess, UserAgent]]:
    """A process, and a browser that has signed in there."""
    port = free_port()
    environment = await environment_for(
        vendor, port=port, database_url=database_url, life_seconds=60
    ) | {"ADMIN_KEYS": f"ops:{OPS}"}
    with hearth_process("serve", "--port", str(port), environment=environment) as hearth:
        await hearth.wait_for("shards_loaded")
        browser, _, _ = await sign_in_at(port, vendor, http)
        yield hearth, browser


async def test_a_call_under_way_is_answered_and_an_event_stream_ends(
    vendor: Vendor, http: httpx.AsyncClient, database_url: str
) -> None:
    async with (
        serving_somebody(vendor, http, database_url) as (hearth, browser),
        listening(browser) as stream,
    ):
        await stream.next()
        await vendor.fail({"target": "api", "kind": "slow", "delaySeconds": 0.7})
        call = asyncio.create_task(browser.api("GET", "/infobip/account/1/balance"))
        await eventually(lambda: has_struck(vendor))

        ending = asyncio.create_task(hearth.end())
        await stream.end()
        assert (await call).status_code == 200
        assert await ending == 0


async def test_it_ends_in_time_even_where_infobip_and_the_database_hang(
    vendor: Vendor, http: httpx.AsyncClient, database_url: str
) -> None:
    async with (
        way_to(database_url) as (way, url),
        serving_somebody(vendor, http, url) as (hearth, browser),
    ):
        connection = (await browser.api("GET", "/session")).json()["connection"]
        await vendor.fail({"target": "refresh", "kind": "hang"}, {"target": "api", "kind": "hang"})
        waiting = [
            asyncio.create_task(asked)
            for asked in (
                browser.api("GET", "/infobip/account/1/balance"),
                browser.request(
                    "POST",
                    f"/admin/connections/{connection['id']}/refresh",
                    headers={"authorization": f"Bearer {OPS}"},
                ),
            )
        ]
        await eventually(lambda: has_struck(vendor, times=2))
        way.cut()

        assert await hearth.end() == 0
        await asyncio.gather(*waiting, return_exceptions=True)


async def has_struck(vendor: Vendor, *, times: int = 1) -> bool:
    return await vendor.count("faults") >= times


@asynccontextmanager
async def way_to(database_url: str) -> AsyncIterator[tuple[CuttableWay, str]]:
    """A way to this database that can be cut."""
    target = make_url(database_url)
    socket = f"{target.query['host']}/.s.PGSQL.{target.query['port']}"
    async with cuttable_way(socket) as (way, url):
        yield way, url.replace("/postgres", f"/{target.database}")
