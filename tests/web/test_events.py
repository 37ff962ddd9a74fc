"""Events: what a listening page is told, how soon, and when that ends."""

import json
from contextlib import AsyncExitStack

import pytest

from app.connections.disconnection import disconnect
from app.models.connection import LossCause
from app.models.identifiers import ConnectionId
from app.models.token import Loss
from app.store.tokens import TokenStore
from tests.conftest import Hearth, StartHearth
from tests.support.events import Events, listening
from tests.support.gateway import signed_in
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

ACTIVE = {"status": "active", "reason": None, "reconnectUrl": None}


@pytest.fixture
async def browser(hearth: Hearth, vendor: Vendor) -> UserAgent:
    return await signed_in(hearth, vendor)


async def connection_of(browser: UserAgent) -> ConnectionId:
    session = (await browser.api("GET", "/session")).json()
    return ConnectionId(session["connection"]["id"])


async def lose(hearth: Hearth, connection_id: ConnectionId) -> None:
    """As a refresher of another process does."""
    async with hearth.process.database.transaction() as tx:
        loss = Loss(connection_id, 2**62, LossCause.REFUSED)
        assert await TokenStore(tx).lose([loss])


async def begun(events: Events) -> None:
    """What every stream begins with."""
    assert await events.next() == ("status", ACTIVE)
    name, data = await events.next() or ("", {})
    assert (name, data.keys()) == ("settings", {"etag"})


async def nobody_listens(hearth: Hearth) -> None:
    async def none() -> bool:
        return len(hearth.process.news.streams) == 0

    await eventually(none)


async def test_a_stream_begins_with_how_things_stand(browser: UserAgent) -> None:
    etag = (await browser.api("GET", "/settings")).headers["etag"]
    async with listening(browser) as events:
        assert events.response.headers["content-type"] == "text/event-stream"
        assert events.response.headers["cache-control"] == "no-store"
        assert await events.next() == ("status", ACTIVE)
        assert await events.next() == ("settings", {"etag": etag})
        assert events.retry is not None


async def test_a_page_is_told_when_its_connection_is_lost_and_when_it_is_back(
    hearth: Hearth, vendor: Vendor, browser: UserAgent
) -> None:
    async with listening(browser) as events:
        await begun(events)
        await lose(hearth, await connection_of(browser))
        assert await events.next() == (
            "status",
            {
                "status": "lost",
                "reason": "refused",
                "reconnectUrl": f"{hearth.url}/context-card?conversationId=7",
            },
        )
        await signed_in(hearth, vendor)  # the same user, in another browser
        assert await events.next() == ("status", ACTIVE)


async def test_a_page_is_told_when_somebody_of_its_account_saves_settings(
    hearth: Hearth, vendor: Vendor, browser: UserAgent
) -> None:
    users = (await vendor.snapshot())["users"]
    account = users[0]["accountKey"]
    async with AsyncExitStack() as stack:
        theirs: list[Events] = []
        for number in range(2, len(users)):
            other = hearth.browser()
            await other.sign_in(f"/settings?state={await vendor.state(user=number)}")
            theirs += [await stack.enter_async_context(listening(other))]
            await begun(theirs[-1])
        ours = await stack.enter_async_context(listening(browser))
        await begun(ours)
        saved = await browser.api("PUT", "/settings", content=json.dumps({"n": 1}).encode())
        told = {"etag": saved.headers["etag"]}
        assert await ours.next() == ("settings", told)
        for number, events in enumerate(theirs, start=2):
            if users[number]["accountKey"] == account:
                assert await events.next() == ("settings", told)
            else:
                await lose_all(hearth)
                assert (await events.next() or ("",))[0] == "status"


async def lose_all(hearth: Hearth) -> None:
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql("UPDATE connections SET status = 'lost', reason = 'refused'")
        await tx.exec_driver_sql("SELECT pg_notify('hearth_states', id::text) FROM connections")


async def test_what_changed_before_it_was_heard_is_told_by_the_next_look(
    start_hearth: StartHearth, vendor: Vendor, browser: UserAgent, hearth: Hearth
) -> None:
    """Announcements may be missed: the listening connection breaks, and the change is made."""
    async with listening(browser) as events:
        await begun(events)
        async with hearth.process.database.transaction() as tx:
            await tx.exec_driver_sql("UPDATE connections SET status = 'lost', reason = 'refused'")
            await tx.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE query LIKE 'LISTEN%%' AND datname = current_database()"
            )
        assert (await events.until("status"))["status"] == "lost"


async def test_behind_a_transaction_pooler_pages_are_told_by_the_poll(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth(storage={"database_pooler": "transaction"}) as hearth:
        browser = await signed_in(hearth, vendor)
        async with listening(browser) as events:
            await begun(events)
            async with hearth.process.database.transaction() as tx:  # and nobody says a word
                await tx.exec_driver_sql("UPDATE connections SET status = 'lost'")
            assert (await events.until("status"))["status"] == "lost"


# --- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["signs out", "is disconnected"])
async def test_a_stream_ends_with_its_session(hearth: Hearth, browser: UserAgent, how: str) -> None:
    async with listening(browser) as events:
        await begun(events)
        if how == "signs out":
            assert (await browser.api("DELETE", "/session")).status_code == 204
        else:
            await disconnect(hearth.process.database, await connection_of(browser), actor="test")
        await events.end()
    await nobody_listens(hearth)


async def test_a_stream_ends_when_the_sessions_time_is_over(
    hearth: Hearth, browser: UserAgent
) -> None:
    async with listening(browser) as events:
        await begun(events)
        async with hearth.process.database.transaction() as tx:
            await tx.exec_driver_sql("UPDATE sessions SET expires_at = now() + interval '0.2 s'")
            await tx.exec_driver_sql("SELECT pg_notify('hearth_sessions', id::text) FROM sessions")
        await events.end()


async def test_a_page_that_goes_away_leaves_nothing_behind(
    hearth: Hearth, browser: UserAgent
) -> None:
    async with listening(browser) as events:
        await begun(events)
        assert len(hearth.process.news.streams) == 1
    await nobody_listens(hearth)


async def test_streams_end_in_good_order_when_the_server_stops(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with AsyncExitStack() as stack:
        async with start_hearth() as hearth:
            browser = await signed_in(hearth, vendor)
            streams = [await stack.enter_async_context(listening(browser)) for _ in range(5)]
            for events in streams:
                await begun(events)
        for events in streams:
            await events.end()  # a stream that was cut off raises here


# --- who may listen, and how many -------------------------------------------------------------


async def test_listening_needs_a_session_and_our_own_page(
    hearth: Hearth, browser: UserAgent
) -> None:
    assert (await hearth.browser().api("GET", "/events")).status_code == 401
    forged = await browser.request("GET", "/api/events")
    assert (forged.status_code, forged.json()["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize("limit", ["event_streams_per_session", "event_streams_per_process"])
async def test_the_number_of_streams_is_limited(
    start_hearth: StartHearth, vendor: Vendor, limit: str
) -> None:
    async with start_hearth(pages={limit: 2}) as hearth:
        browser = await signed_in(hearth, vendor)
        async with listening(browser) as first:
            await begun(first)
            async with listening(browser) as second:
                await begun(second)
                refused = await browser.api("GET", "/events")
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
                assert int(refused.headers["retry-after"]) > 0
            await eventually_one(hearth)
            async with listening(browser) as third:
                await begun(third)


async def eventually_one(hearth: Hearth) -> None:
    async def one() -> bool:
        return len(hearth.process.news.streams) == 1

    await eventually(one)
