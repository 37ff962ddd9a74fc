"""The refresher in a serving Hearth, against the sandbox, with lives of three seconds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.connections.disconnection import disconnect
from app.models.connection import Connection, LossCause
from app.models.identifiers import ConnectionId
from app.store.connections import ConnectionStore
from tests.conftest import Hearth, StartHearth
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 3.0


@pytest.fixture
async def hearth(start_hearth: StartHearth, vendor: Vendor) -> AsyncIterator[Hearth]:
    """A Hearth with a refresher, and a vendor whose tokens live three seconds."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(refresher=True, infobip={"token_lifetime_seconds": LIFE}) as running:
        yield running


async def connect(
    hearth: Hearth, vendor: Vendor, *, user: int = 0
) -> tuple[UserAgent, ConnectionId]:
    browser = hearth.browser()
    landing = await browser.sign_in(f"/context-card?state={await vendor.state(user=user)}")
    assert landing.status_code == 303, landing.text
    session = (await browser.api("GET", "/session")).json()
    return browser, ConnectionId(UUID(session["connection"]["id"]))


async def connection(hearth: Hearth, connection_id: ConnectionId) -> Connection:
    async with hearth.process.database.transaction() as tx:
        found = await ConnectionStore(tx).get(connection_id)
    assert found is not None
    return found


async def is_status(hearth: Hearth, connection_id: ConnectionId, status: str) -> bool:
    return (await connection(hearth, connection_id)).status == status


async def refreshed(vendor: Vendor, times: int) -> bool:
    return await vendor.count("refreshes") >= times


async def outlive(vendor: Vendor, *, renewals: int = 3) -> None:
    """Let more than a whole life pass: each renewal comes after about half of one."""
    goal = await vendor.count("refreshes") + renewals
    await eventually(lambda: refreshed(vendor, goal), because="renewals stopped")


@pytest.mark.parametrize("mode", ["rotate", "keep", "extend"])
async def test_a_token_outlives_its_life_in_every_mode_of_the_vendor(
    hearth: Hearth, vendor: Vendor, mode: str
) -> None:
    await vendor.configure(refreshMode=mode)
    browser, connection_id = await connect(hearth, vendor)

    await outlive(vendor)

    assert (await browser.api("GET", "/infobip/account/1/balance")).status_code == 200
    assert await is_status(hearth, connection_id, "active")
    assert await vendor.count("refusals") == 0


async def test_what_is_renewed_is_written_down(hearth: Hearth, vendor: Vendor) -> None:
    _, connection_id = await connect(hearth, vendor)
    before = await connection(hearth, connection_id)

    await outlive(vendor, renewals=1)

    async def written() -> bool:
        now = await connection(hearth, connection_id)
        assert now.expires_at is not None
        assert before.expires_at is not None
        return now.expires_at > before.expires_at

    await eventually(written)


TROUBLE: list[dict[str, Any]] = [
    {"kind": "error500"},
    {"kind": "error503", "retryAfter": 60},
    {"kind": "throttle429"},
    {"kind": "throttle429", "retryAfter": 1},
    {"kind": "throttle429", "retryAfter": 3600},
    {"kind": "drop"},
    {"kind": "hang"},
    {"kind": "html"},
    {"kind": "html", "status": 403},
    {"kind": "empty"},
    {"kind": "empty", "status": 401},
    {"kind": "text", "status": 400},
    {"kind": "noToken"},
]


@pytest.mark.parametrize("fault", TROUBLE, ids=str)
async def test_trouble_that_passes_within_the_life_loses_nothing(
    hearth: Hearth, vendor: Vendor, fault: dict[str, Any]
) -> None:
    await vendor.fail({"target": "refresh", "times": 2, **fault})
    _, connection_id = await connect(hearth, vendor)

    await outlive(vendor, renewals=1)

    assert await is_status(hearth, connection_id, "active")


@pytest.mark.parametrize("mode", ["rotate", "keep", "extend"])
async def test_what_an_attempt_brings_that_was_given_up_is_taken(
    hearth: Hearth, vendor: Vendor, mode: str
) -> None:
    """It was granted at once. Where that killed the old token, the next attempt is refused."""
    await vendor.configure(refreshMode=mode)
    _, connection_id = await connect(hearth, vendor)
    late = {"kind": "slowAfter", "delaySeconds": 0.35 * LIFE, "times": 1}
    await vendor.fail({"target": "refresh", **late})

    await outlive(vendor, renewals=4)

    assert await is_status(hearth, connection_id, "active")
    assert hearth.process.refresher is not None
    stats = hearth.process.refresher.stats
    assert stats.failures["timed_out"] == 1
    assert stats.failures["refused"] == (1 if mode == "rotate" else 0)
    assert not stats.losses


async def test_what_comes_after_the_end_of_the_old_tokens_life_revives_the_connection(
    hearth: Hearth, vendor: Vendor
) -> None:
    _, connection_id = await connect(hearth, vendor)
    late = {"kind": "slowAfter", "delaySeconds": 0.65 * LIFE, "times": 1}
    await vendor.fail({"target": "refresh", **late})

    assert hearth.process.refresher is not None
    losses = hearth.process.refresher.stats.losses
    await eventually(lambda: has_lost(losses))
    await eventually(lambda: is_status(hearth, connection_id, "active"))

    await outlive(vendor)
    assert losses.total() == 1
    assert await is_status(hearth, connection_id, "active")


@pytest.mark.parametrize("mode", ["keep", "extend"])
async def test_a_lost_answer_is_made_good_where_the_old_token_lives_on(
    hearth: Hearth, vendor: Vendor, mode: str
) -> None:
    await vendor.configure(refreshMode=mode)
    _, connection_id = await connect(hearth, vendor)
    await vendor.fail({"target": "refresh", "kind": "dropAfter", "times": 1})

    await outlive(vendor, renewals=2)

    assert await is_status(hearth, connection_id, "active")


async def test_a_refusal_ends_the_connection_with_its_cause_and_a_way_back(
    hearth: Hearth, vendor: Vendor
) -> None:
    browser, connection_id = await connect(hearth, vendor)
    await vendor.revoke()

    await eventually(lambda: is_status(hearth, connection_id, "lost"))

    session = (await browser.api("GET", "/session")).json()
    call = await browser.api("GET", "/infobip/account/1/balance")
    assert session["connection"]["status"] == "lost"
    assert session["connection"]["reason"] == "refused"
    assert call.status_code == 409
    assert call.json()["reconnectUrl"] == f"{hearth.url}/context-card"


async def test_a_lost_connection_comes_back_with_its_id_when_the_person_returns(
    hearth: Hearth, vendor: Vendor
) -> None:
    _, connection_id = await connect(hearth, vendor)
    await vendor.revoke()
    await eventually(lambda: is_status(hearth, connection_id, "lost"))

    browser, again = await connect(hearth, vendor)
    await outlive(vendor)

    assert again == connection_id
    assert (await browser.api("GET", "/session")).json()["connection"]["reason"] is None
    assert (await browser.api("GET", "/infobip/account/1/balance")).status_code == 200


async def test_trouble_until_the_end_of_the_life_is_named_as_the_cause(
    hearth: Hearth, vendor: Vendor
) -> None:
    await vendor.fail({"target": "refresh", "kind": "error500"})
    _, connection_id = await connect(hearth, vendor)

    await eventually(lambda: is_status(hearth, connection_id, "lost"))

    assert (await connection(hearth, connection_id)).reason == "server_error"
    assert await vendor.count("faults") >= 3


async def test_a_401_without_a_known_word_is_tried_to_the_end_as_it_may_be_a_proxys(
    hearth: Hearth, vendor: Vendor
) -> None:
    await vendor.fail({"target": "refresh", "kind": "text", "status": 401})
    _, connection_id = await connect(hearth, vendor)

    await eventually(lambda: is_status(hearth, connection_id, "lost"))

    assert (await connection(hearth, connection_id)).reason == "unintelligible"
    assert await vendor.count("faults") >= 3


async def test_a_disconnect_during_a_renewal_is_final(hearth: Hearth, vendor: Vendor) -> None:
    _, connection_id = await connect(hearth, vendor)
    await vendor.fail({"target": "refresh", "kind": "slow", "delaySeconds": 0.3})
    await eventually(lambda: is_under_way(vendor))

    await disconnect(hearth.process.database, connection_id, actor="ops")
    await eventually(lambda: refreshed(vendor, 1))
    await vendor.heal()
    other_browser, _ = await connect(hearth, vendor, user=1)
    await outlive(vendor, renewals=1)

    assert await is_status(hearth, connection_id, "disconnected")
    assert hearth.process.live.get(connection_id) is None
    assert (await other_browser.api("GET", "/session")).status_code == 200


async def test_a_reconnect_during_a_renewal_wins(hearth: Hearth, vendor: Vendor) -> None:
    _, connection_id = await connect(hearth, vendor)
    await vendor.fail({"target": "refresh", "kind": "slow", "delaySeconds": 0.3, "times": 1})
    await eventually(lambda: is_under_way(vendor))
    old = hearth.process.live.get(connection_id)

    browser, _ = await connect(hearth, vendor)
    await outlive(vendor)

    live = hearth.process.live.get(connection_id)
    assert live is not None
    assert live is not old
    assert (await browser.api("GET", "/infobip/account/1/balance")).status_code == 200


async def test_a_session_ends_with_its_connection(hearth: Hearth, vendor: Vendor) -> None:
    browser, connection_id = await connect(hearth, vendor)

    assert await disconnect(hearth.process.database, connection_id, actor="ops")
    assert not await disconnect(hearth.process.database, connection_id, actor="ops")

    assert (await browser.api("GET", "/session")).status_code == 401


async def test_a_restart_goes_on_with_what_is_stored_and_names_what_died_meanwhile(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    timing = {"token_lifetime_seconds": LIFE}
    async with start_hearth(refresher=True, infobip=timing) as first:
        _, alive = await connect(first, vendor)
        _, dead = await connect(first, vendor, user=1)
        await outlive(vendor, renewals=2)
    async with first.process.database.transaction() as tx:
        await tx.exec_driver_sql(
            f"UPDATE tokens SET expires_at = now() WHERE connection_id = '{dead}'"
        )
    await first.process.database.close()

    async with start_hearth(refresher=True, infobip=timing) as second:
        await outlive(vendor, renewals=1)

        assert await is_status(second, alive, "active")
        assert (await connection(second, dead)).reason == "not_renewed"


async def test_many_connections_are_kept_alive_and_none_is_renewed_twice(
    hearth: Hearth, vendor: Vendor
) -> None:
    states = await vendor.states_of_new_users(20)
    await asyncio.gather(*(hearth.browser().sign_in(f"/settings?state={one}") for one in states))

    await outlive(vendor, renewals=60)

    assert len(hearth.process.live) == 20
    assert await vendor.count("refusals") == 0


async def has_lost(losses: Counter[LossCause]) -> bool:
    return losses.total() > 0


async def is_under_way(vendor: Vendor) -> bool:
    return await vendor.count("faults") >= 1
