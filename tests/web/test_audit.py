"""The record: every write of an operator, every refusal, and no secret."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.main import create_app
from app.models.audit import Action
from sandbox.config import API_KEY_CYCLES, CLIENT_SECRET
from tests.conftest import Hearth, StartHearth
from tests.support.activating import person
from tests.support.administration import (
    ADMIN_KEYS,
    BACKEND,
    OPS,
    READER,
    WRITER,
    add_api_key,
    admin,
    make_link,
)
from tests.support.gateway import signed_in
from tests.support.receiver import EventReceiver, receiving
from tests.support.servers import free_socket
from tests.support.settings import make_settings
from tests.support.user_agent import query_of
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

ID = "{connection_id}"
PUT_ON_RECORD = {
    ("POST", "/admin/connections"): "api_key_added",
    ("PATCH", f"/admin/connections/{ID}"): "connection_changed",
    ("GET", f"/admin/connections/{ID}/token"): "authorization_read",
    ("POST", f"/admin/connections/{ID}/refresh"): "renewal_requested",
    ("DELETE", f"/admin/connections/{ID}"): "disconnected",
    ("POST", "/admin/activation-links"): "link_created",
    ("DELETE", "/admin/activation-links/{link_id}"): "link_withdrawn",
    ("POST", "/admin/events/{event_id}/redeliver"): "event_redelivered",
}
GATEWAY = f"/admin/connections/{ID}/infobip/{{path}}"


@pytest.fixture
async def receiver() -> AsyncIterator[EventReceiver]:
    async with receiving(free_socket()) as running:
        yield running


@pytest.fixture
async def hearth(start_hearth: StartHearth, receiver: EventReceiver) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys that delivers events."""
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}, events=receiver.settings) as running:
        yield running


async def record(hearth: Hearth, **filters: str) -> list[dict[str, Any]]:
    """The oldest first."""
    answer = await admin(hearth, "GET", "/audit", secret=READER, params=filters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items[::-1]


async def refused(hearth: Hearth, action: Action) -> list[tuple[str, str]]:
    """Who and why, as soon as anything of this kind is on record."""

    async def is_there() -> bool:
        return bool(await record(hearth, action=action))

    await eventually(is_there)
    found = await record(hearth, action=action)
    assert all(int(entry["details"]["times"]) > 0 for entry in found)
    assert {entry["details"]["address"] for entry in found} == {"127.0.0.1"}
    return sorted((entry["actor"], entry["details"]["reason"]) for entry in found)


# --- what operators do ------------------------------------------------------------------------


def test_the_table_above_has_every_way_to_change_something() -> None:
    settings = make_settings(
        database_url="postgresql://nowhere/x", sandbox_url="http://x", public_url="http://localhost"
    )
    writes = {
        (method.upper(), path)
        for path, operations in create_app(settings).openapi()["paths"].items()
        if path.startswith("/admin") and path != GATEWAY
        for method in operations
        if method != "get"
    }

    assert {key for key in PUT_ON_RECORD if key[0] != "GET"} == writes


async def test_whatever_an_operator_does_is_on_record(
    hearth: Hearth, receiver: EventReceiver
) -> None:
    id_ = (await add_api_key(hearth)).json()["id"]
    (event,) = await receiver.gets("connection.connected")
    path = f"/connections/{id_}"
    await admin(hearth, "PATCH", path, secret=WRITER, json={"label": "Zagreb"})
    await admin(hearth, "GET", f"{path}/token", secret=BACKEND)
    await admin(hearth, "POST", f"{path}/refresh", secret=WRITER)
    await admin(hearth, "DELETE", path, secret=WRITER)
    link = (await admin(hearth, "POST", "/activation-links", secret=WRITER, json={})).json()["id"]
    await admin(hearth, "DELETE", f"/activation-links/{link}", secret=WRITER)
    await admin(hearth, "POST", f"/events/{event['id']}/redeliver", secret=WRITER)

    found = await record(hearth)

    assert [entry["action"] for entry in found] == list(PUT_ON_RECORD.values())
    for entry in found:
        reading = entry["action"] == "authorization_read"
        assert entry["actor"] == ("backend" if reading else "writer")
        concerns = None if entry["action"].startswith("link_") else id_
        assert entry["connectionId"] == concerns


async def test_what_came_to_nothing_is_not_on_record_as_done(hearth: Hearth) -> None:
    for method, action in (("DELETE", ""), ("PATCH", ""), ("POST", "/refresh")):
        path = f"/connections/{uuid4()}{action}"
        answer = await admin(hearth, method, path, json={"label": "x"})
        assert answer.status_code == 404

    assert await record(hearth) == []


# --- what is refused --------------------------------------------------------------------------


async def test_wrong_keys_and_keys_that_may_not_are_on_record(hearth: Hearth) -> None:
    for path in ("/audit", "/connections", "/nothing"):
        await admin(hearth, "GET", path, secret="a-secret-that-somebody-tries")
    await hearth.http.get(f"{hearth.url}/admin/audit")
    for _ in range(3):
        await admin(hearth, "GET", "/audit", secret=WRITER)

    assert await refused(hearth, Action.ADMIN_KEY_REFUSED) == [("stranger", "unknown_key")]
    assert await refused(hearth, Action.SCOPE_REFUSED) == [("writer", "read")]
    assert sum(int(entry["details"]["times"]) for entry in await record(hearth)) <= 6


async def test_refused_callbacks_are_on_record(hearth: Hearth, vendor: Vendor) -> None:
    state = await vendor.state()
    callback = await hearth.browser().authorize(f"/context-card?state={state}")
    code = query_of(callback)["code"]
    await hearth.browser().get(f"/oauth/callback?code={code}&state={state}")
    await hearth.browser().get(f"/oauth/callback?code={code}&state={'x' * 40}")

    assert await refused(hearth, Action.CALLBACK_REFUSED) == [
        ("stranger", "unknown_state"),
        ("stranger", "wrong_browser"),
    ]


async def test_guessed_links_forged_calls_and_wrong_signatures_are_on_record(
    hearth: Hearth, vendor: Vendor
) -> None:
    browser = await signed_in(hearth, vendor)
    await browser.get("/connect?link=hearth_l_a-guess")
    await browser.request("GET", "/api/session")
    await hearth.http.post(
        f"{hearth.url}/infobip/calls",
        content=b"{}",
        headers={"x-ib-exchange-req-signature": "x", "x-ib-exchange-req-timestamp": "1"},
    )

    assert await refused(hearth, Action.LINK_REFUSED) == [("stranger", "unknown_link")]
    assert await refused(hearth, Action.REQUEST_FORGED) == [("stranger", "forbidden_origin")]
    ((actor, _),) = await refused(hearth, Action.SIGNED_CALL_REFUSED)
    assert actor == "stranger"


async def test_a_thousand_wrong_keys_are_an_entry_or_two(hearth: Hearth) -> None:
    async def guess(number: int) -> None:
        await admin(hearth, "GET", "/connections", secret=f"guess-number-{number:010}")

    for start in range(0, 1_000, 50):
        await asyncio.gather(*(guess(start + number) for number in range(50)))
    await hearth.process.refusals.write(all_of_it=True)

    found = await record(hearth, action=Action.ADMIN_KEY_REFUSED)
    assert sum(int(entry["details"]["times"]) for entry in found) == 1_000
    assert len(found) <= 2


# --- finding ----------------------------------------------------------------------------------


async def test_the_record_is_filtered(hearth: Hearth) -> None:
    first, second = [(await add_api_key(hearth)).json()["id"] for _ in range(2)]
    between = (await record(hearth))[1]["at"]
    for id_ in (first, second):
        await admin(hearth, "DELETE", f"/connections/{id_}", secret=OPS)

    def about(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return [(entry["action"], entry["connectionId"]) for entry in entries]

    added, ended = "api_key_added", "disconnected"
    assert about(await record(hearth, connectionId=first)) == [(added, first), (ended, first)]
    assert about(await record(hearth, action=ended)) == [(ended, first), (ended, second)]
    assert about(await record(hearth, actor="ops", connectionId=second)) == [(ended, second)]
    assert await record(hearth, actor="nobody") == []
    assert about(await record(hearth, until=between)) == [(added, first)]
    since = await record(hearth, since=between)
    assert about(since) == [(added, second), (ended, first), (ended, second)]
    elsewhere = datetime.fromisoformat(between).astimezone(UTC) + timedelta(hours=2)
    shifted = elsewhere.isoformat().replace("+00:00", "+02:00")
    assert await record(hearth, since=shifted) == since
    page = await admin(hearth, "GET", "/audit", params={"action": ended, "limit": "1"})
    rest = await admin(
        hearth, "GET", "/audit", params={"action": ended, "before": page.json()["nextBefore"]}
    )
    assert about(rest.json()["items"]) == [(ended, first)]
    assert rest.json()["nextBefore"] is None
    for wrong in (
        *("action=x", "connectionId=x", "actor=%00", "since=yesterday"),
        *("until=0.5", "until=-5", "since=1767225600"),
        *("since=2026-01-01T00:00:00", "since=0001-01-01T00:00:00%2B23:59"),
        "until=9999-12-31T23:59:59-23:59",
    ):
        assert (await admin(hearth, "GET", f"/audit?{wrong}")).status_code == 422, wrong


# --- no secrets -------------------------------------------------------------------------------


async def test_neither_the_record_nor_an_event_holds_a_secret(
    hearth: Hearth, vendor: Vendor, receiver: EventReceiver
) -> None:
    """Everything that could be told is done, and each secret on the way is looked for."""
    state = await vendor.state()
    browser = hearth.browser()
    callback = await browser.authorize(f"/context-card?conversationId=7&state={state}")
    code = query_of(callback)["code"]
    secrets = {state, code, *browser.cookies.values()}
    await browser.get(f"/oauth/callback?code={code}&state={state}")
    await browser.get(f"/oauth/callback?code={code}&state={state}")
    link = await make_link(hearth, externalId="customer-1")
    someone = person(hearth, vendor, user=1)
    reached = await someone.reach_callback(link)
    secrets |= {link.partition("link=")[2], *query_of(reached).values()}
    await someone.browser.get(reached)
    id_ = (await add_api_key(hearth)).json()["id"]
    for one in (await admin(hearth, "GET", "/connections")).json()["items"]:
        handed = await admin(hearth, "GET", f"/connections/{one['id']}/token", secret=BACKEND)
        secrets.add(handed.json()["authorization"].partition(" ")[2])
    await admin(hearth, "GET", "/audit", secret="a-secret-that-somebody-tries")
    await browser.api("PUT", "/settings", content=b'{"key":"a-canary"}', if_none_match="*")
    await admin(hearth, "DELETE", f"/connections/{id_}")
    secrets |= {
        *browser.cookies.values(),
        *someone.browser.cookies.values(),
        *(OPS, WRITER, BACKEND, API_KEY_CYCLES, CLIENT_SECRET, receiver.secret),
        *("a-secret-that-somebody-tries", "a-canary"),
    }
    await receiver.gets(
        *["connection.connected"] * 3, "settings.changed", "connection.disconnected"
    )
    await hearth.process.refusals.write(all_of_it=True)

    kept = ""
    async with hearth.process.database.transaction() as tx:
        for table in ("audit", "outbox"):
            rows = await tx.exec_driver_sql(f"SELECT row_to_json({table})::text FROM {table}")
            kept += "\n".join(rows.scalars())
    sent = "\n".join(body.decode() + str(request.headers) for request, body in receiver.raw)
    assert len(secrets) > 15
    assert all(len(secret) >= 8 for secret in secrets)
    assert "link_used" in kept
    assert "connection.disconnected" in kept
    for secret in secrets:
        assert secret not in kept
        assert secret not in sent
