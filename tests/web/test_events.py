"""Events from end to end: what happens to connections reaches the operator's receiver."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, OPS, READER, WRITER, add_api_key, admin
from tests.support.gateway import signed_in
from tests.support.receiver import EventReceiver, receiving
from tests.support.servers import free_socket
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 4.0


@pytest.fixture
async def receiver() -> AsyncIterator[EventReceiver]:
    async with receiving(free_socket()) as running:
        yield running


@pytest.fixture
async def hearth(start_hearth: StartHearth, receiver: EventReceiver) -> AsyncIterator[Hearth]:
    """A Hearth that delivers events."""
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}, events=receiver.settings) as running:
        yield running


async def test_a_connections_story_is_told_and_leads_the_person_back(
    start_hearth: StartHearth, vendor: Vendor, receiver: EventReceiver
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(
        refresher=True,
        web={"admin_keys": ADMIN_KEYS},
        infobip={"token_lifetime_seconds": LIFE},
        events=receiver.settings,
    ) as hearth:
        browser = await signed_in(hearth, vendor)
        await signed_in(hearth, vendor)
        await receiver.gets("connection.connected")
        await vendor.revoke()
        _, lost = await receiver.gets("connection.connected", "connection.lost")
        page = await browser.get(lost["data"]["reconnectUrl"].removeprefix(hearth.url))
        again = await signed_in(hearth, vendor)
        session = (await again.api("GET", "/session")).json()
        connection_id = session["connection"]["id"]
        await admin(hearth, "DELETE", f"/connections/{connection_id}")
        events = await receiver.gets(
            "connection.connected",
            "connection.lost",
            "connection.reconnected",
            "connection.disconnected",
        )

    assert page.status_code == 200
    user = await vendor.user()
    about = {
        "connectionId": connection_id,
        "connectionType": "oauth",
        "accountKey": user["accountKey"],
        "userKey": user["userKey"],
        "externalId": None,
    }
    assert lost["data"] == about | {
        "cause": "refused",
        "reconnectUrl": f"{hearth.url}/connect",
    }
    for event in events:
        assert event["data"].items() >= about.items()
    in_order = sorted(events, key=lambda event: int(event["sequence"]))
    assert [event["type"].removeprefix("connection.") for event in in_order] == [
        "connected",
        "lost",
        "reconnected",
        "disconnected",
    ]
    assert sorted(event["timestamp"] for event in events) == [
        event["timestamp"] for event in in_order
    ]


async def test_an_operator_finds_what_was_given_up_and_sends_it_again(
    hearth: Hearth, receiver: EventReceiver
) -> None:
    receiver.answers = [410]
    connection_id = (await add_api_key(hearth, externalId="customer-1")).json()["id"]
    (event,) = await receiver.gets("connection.connected")
    await eventually(lambda: is_listed(hearth, "failed"))

    found = (await admin(hearth, "GET", f"/events/{event['id']}", secret=READER)).json()
    assert found == (await listed(hearth, status="failed"))[0]
    assert {name: found[name] for name in ("id", "type", "sequence", "timestamp", "data")} == event
    assert (found["status"], found["attempts"], found["outcome"]) == ("failed", 1, "410")
    assert (found["connectionId"], found["nextAttemptAt"]) == (connection_id, None)

    again = await admin(hearth, "POST", f"/events/{event['id']}/redeliver", secret=WRITER)

    assert again.status_code == 202
    assert again.json()["status"] == "pending"
    assert await receiver.gets("connection.connected", "connection.connected") == [event, event]
    await eventually(lambda: is_listed(hearth, "delivered"))
    entry = (await admin(hearth, "GET", "/audit?action=event_redelivered")).json()["items"][0]
    assert (entry["actor"], entry["connectionId"]) == ("writer", connection_id)
    assert entry["details"] == {"eventId": event["id"], "type": "connection.connected"}


async def test_events_are_listed_page_by_page_and_filtered(hearth: Hearth) -> None:
    ids = [(await add_api_key(hearth)).json()["id"] for _ in range(3)]
    await admin(hearth, "DELETE", f"/connections/{ids[1]}")

    first = (await admin(hearth, "GET", "/events?limit=3")).json()
    second = (await admin(hearth, "GET", f"/events?limit=3&cursor={first['nextCursor']}")).json()

    assert [one["connectionId"] for one in first["items"]] == [ids[1], ids[2], ids[1]]
    assert [one["connectionId"] for one in second["items"]] == [ids[0]]
    assert second["nextCursor"] is None
    assert len(await listed(hearth, connectionId=ids[1])) == 2
    assert len(await listed(hearth, type="connection.disconnected")) == 1
    assert await listed(hearth, type="settings.changed") == []
    for wrong in ("status=lost", "type=x", "cursor=0", "connectionId=x", "limit=201", "x=1"):
        answer = await admin(hearth, "GET", f"/events?{wrong}")
        assert answer.status_code == 422, wrong


async def test_what_there_is_not_cannot_be_sent_again(hearth: Hearth) -> None:
    for method, path in (("GET", f"/events/{uuid4()}"), ("POST", f"/events/{uuid4()}/redeliver")):
        answer = await admin(hearth, method, path)

        assert answer.status_code == 404
        assert answer.json()["code"] == "unknown_event"


async def test_without_a_receiver_nothing_is_written_and_nothing_sent_again(
    start_hearth: StartHearth,
) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        await add_api_key(hearth)
        answer = await admin(hearth, "POST", f"/events/{uuid4()}/redeliver")
        found = await listed(hearth)

    assert found == []
    assert answer.status_code == 409
    assert answer.json()["code"] == "events_not_configured"


async def test_the_metrics_tell_of_the_backlog(hearth: Hearth, receiver: EventReceiver) -> None:
    await add_api_key(hearth)
    await receiver.gets("connection.connected")

    async def is_counted() -> bool:
        answer = await hearth.http.get(
            f"{hearth.url}/metrics", headers={"authorization": f"Bearer {OPS}"}
        )
        return 'hearth_event_attempts_total{result="delivered"} 1.0' in answer.text

    await eventually(is_counted)


async def listed(hearth: Hearth, **query: str) -> list[dict[str, object]]:
    items: list[dict[str, object]] = (await admin(hearth, "GET", "/events", params=query)).json()[
        "items"
    ]
    return items


async def is_listed(hearth: Hearth, status: str) -> bool:
    return len(await listed(hearth, status=status)) == 1
