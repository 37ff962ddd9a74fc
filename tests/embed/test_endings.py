"""Sessions that end elsewhere are not remembered here."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.embed.news import PageNews
from app.main import create_app
from tests.conftest import Hearth
from tests.support.gateway import signed_in
from tests.support.servers import free_socket, serving
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def elsewhere(hearth: Hearth) -> AsyncIterator[Hearth]:
    app = create_app(hearth.settings, refresher=False)
    async with serving(app, free_socket()) as url:
        yield Hearth(url, hearth.settings, app.state.process, hearth.http)


@pytest.fixture
async def page(hearth: Hearth, vendor: Vendor) -> UserAgent:
    """Remembered by `hearth`."""
    page = await signed_in(hearth, vendor)
    assert (await page.api("GET", "/session")).status_code == 200
    assert len(hearth.process.remembered) == 1
    return page


async def nothing_is_remembered(hearth: Hearth) -> bool:
    return len(hearth.process.remembered) == 0


async def test_who_signs_out_at_another_replica(
    hearth: Hearth, elsewhere: Hearth, page: UserAgent
) -> None:
    there = elsewhere.browser()
    there.cookies = dict(page.cookies)

    assert (await there.api("DELETE", "/session")).status_code == 204

    await eventually(lambda: nothing_is_remembered(hearth))


async def test_what_nobody_told_is_asked_for(hearth: Hearth, page: UserAgent) -> None:
    """As behind a transaction pooler, where no announcement arrives."""
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql("DELETE FROM sessions")
    assert len(hearth.process.remembered) == 1

    process = hearth.process
    beginning = PageNews(
        database=process.database,
        remembered=process.remembered,
        streams=process.news.streams,
        clock=process.clock,
    )
    asking = asyncio.create_task(beginning.follow())
    await eventually(lambda: nothing_is_remembered(hearth))
    asking.cancel()
    await asyncio.wait([asking])
