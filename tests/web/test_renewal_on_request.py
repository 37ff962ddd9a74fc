"""Renewals that somebody wants before their time: never two of one connection at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.connections.disconnection import disconnect
from app.main import create_app
from app.models.identifiers import ConnectionId
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, READER, add_api_key, admin
from tests.support.servers import free_socket, serving
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

WEB = {"admin_keys": ADMIN_KEYS, "gateway_timeout_seconds": 5}


@pytest.fixture
async def owner(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with a refresher: all connections are its to renew."""
    async with start_hearth(refresher=True, web=WEB) as running:
        yield running


@pytest.fixture
async def other(owner: Hearth) -> AsyncIterator[Hearth]:
    """A second Hearth on the same database, which renews nothing."""
    app = create_app(owner.settings, refresher=False)
    async with serving(app, free_socket()) as url:
        yield Hearth(url, owner.settings, app.state.process, owner.http)


async def connect(hearth: Hearth, vendor: Vendor) -> str:
    browser = hearth.browser()
    await browser.sign_in(f"/settings?state={await vendor.state()}")
    return str((await browser.api("GET", "/session")).json()["connection"]["id"])


async def taken_in(owner: Hearth) -> bool:
    return len(owner.process.live) == 1


async def refresh(hearth: Hearth, connection_id: object, **request: Any) -> httpx.Response:
    return await admin(hearth, "POST", f"/connections/{connection_id}/refresh", **request)


async def test_a_token_is_renewed_at_once(owner: Hearth, vendor: Vendor) -> None:
    connection_id = await connect(owner, vendor)
    before = (await admin(owner, "GET", f"/connections/{connection_id}")).json()

    answer = await refresh(owner, connection_id)

    assert answer.status_code == 200
    assert answer.json()["renewedAt"] > before["renewedAt"]
    assert answer.json()["status"] == "active"
    assert await vendor.count("refreshes") == 1


async def test_all_who_ask_at_once_share_one_renewal(owner: Hearth, vendor: Vendor) -> None:
    connection_id = await connect(owner, vendor)
    await eventually(lambda: taken_in(owner))
    await vendor.configure(latencySeconds=0.3)

    answers = await asyncio.gather(*(refresh(owner, connection_id) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert await vendor.count("refreshes") == 1


async def test_whoever_asks_elsewhere_shares_the_owners_renewal(
    owner: Hearth, other: Hearth, vendor: Vendor
) -> None:
    connection_id = await connect(owner, vendor)
    await eventually(lambda: taken_in(owner))
    await vendor.configure(latencySeconds=0.5)

    answers = await asyncio.gather(
        *(refresh(hearth, connection_id) for hearth in (owner, other) for _ in range(10))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert await vendor.count("refreshes") == 1
    assert await vendor.count("refusals") == 0


async def test_what_was_renewed_meanwhile_is_not_renewed_again(
    owner: Hearth, other: Hearth, vendor: Vendor
) -> None:
    """As for a call that was on its way with the old token when that was replaced."""
    connection_id = ConnectionId(UUID(await connect(owner, vendor)))
    connection = await owner.process.overview.connection(connection_id)
    old = await other.process.tokens.usable(connection)
    assert old.generation is not None

    await asyncio.gather(
        *(
            hearth.process.renewal.newer_than(old.generation, connection_id)
            for hearth in (owner, other, owner, other)
        )
    )

    for hearth in (owner, other):
        new = await hearth.process.tokens.usable(connection)
        assert new.generation == old.generation + 1
        assert new.authorization != old.authorization
    assert await vendor.count("refreshes") == 1


async def test_a_renewal_before_its_time_stands_in_for_the_one_that_was_due(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    """Else there would be two of them in each life from then on."""
    await vendor.configure(tokenLifetimeSeconds=4)
    async with start_hearth(
        refresher=True, web=WEB, infobip={"token_lifetime_seconds": 4}
    ) as hearth:
        connection_id = await connect(hearth, vendor)
        await eventually(lambda: taken_in(hearth))
        for _ in range(5):
            assert (await refresh(hearth, connection_id)).status_code == 200
        sent = hearth.process.refresher.stats.seconds_left if hearth.process.refresher else None
        assert sent is not None
        asked_for = sum(sent.counts)

        await asyncio.sleep(4)  # a whole life: one renewal at each of its halves

        assert asked_for == 5
        assert 1 <= sum(sent.counts) - asked_for <= 2


async def test_a_failure_is_waited_out(owner: Hearth, vendor: Vendor) -> None:
    connection_id = await connect(owner, vendor)
    await vendor.fail({"target": "refresh", "kind": "error503", "times": 1})

    assert (await refresh(owner, connection_id)).status_code == 200
    assert await vendor.count("refreshes") == 1


async def test_a_token_that_is_refused_is_a_lost_connection(
    owner: Hearth, other: Hearth, vendor: Vendor
) -> None:
    connection_id = await connect(owner, vendor)
    await eventually(lambda: taken_in(owner))
    await vendor.revoke()

    for hearth in (owner, other):
        answer = await refresh(hearth, connection_id)
        assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")


async def test_what_is_no_more_cannot_be_renewed(owner: Hearth, vendor: Vendor) -> None:
    connection_id = await connect(owner, vendor)
    await disconnect(owner.process.database, ConnectionId(UUID(connection_id)), actor="test")

    answer = await refresh(owner, connection_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")
    assert await vendor.count("refreshes") == 0


async def test_an_api_key_needs_no_renewal(owner: Hearth) -> None:
    added = (await add_api_key(owner)).json()

    answer = await refresh(owner, added["id"])

    assert (answer.status_code, answer.json()) == (200, added)


async def test_where_nobody_renews_the_wait_ends_with_a_sentence(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth(web={**WEB, "gateway_timeout_seconds": 0.5}) as hearth:
        answer = await refresh(hearth, await connect(hearth, vendor))

    assert (answer.status_code, answer.json()["code"]) == (504, "renewal_timed_out")
    assert "no refresher is running" in answer.json()["detail"]


async def test_it_takes_the_right_to_write(owner: Hearth, vendor: Vendor) -> None:
    connection_id = await connect(owner, vendor)

    assert (await refresh(owner, connection_id, secret=READER)).status_code == 403
    assert await vendor.count("refreshes") == 0
