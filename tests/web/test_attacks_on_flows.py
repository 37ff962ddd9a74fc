"""Tricks against the flows that need more than one of them at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.connections.retention import Kept, purge
from app.infobip.pkce import challenge_of, digest_of, new_verifier
from app.store.flows import FlowStore
from tests.conftest import Hearth, StartHearth
from tests.support.activating import person
from tests.support.administration import ADMIN_KEYS, add_api_key, admin, make_link, scalar
from tests.support.user_agent import query_of
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

KEPT = Kept(session_idle_seconds=60, audit_days=400, events_days=30)

ELSEWHERE = "https://cards.example"
OF_A_FRAME = {"sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site"}


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    web = {"admin_keys": ADMIN_KEYS, "cors_origins": (ELSEWHERE,)}
    async with start_hearth(web=web) as running:
        yield running


@pytest.mark.parametrize("way_back", ["plain", "card", "link for nobody"])
async def test_who_was_disconnected_does_not_come_back_under_the_customers_name(
    hearth: Hearth, vendor: Vendor, way_back: str
) -> None:
    mallory = person(hearth, vendor)
    await mallory.activate(await make_link(hearth, externalId="customer"))
    (theirs,) = await connections(hearth, "customer")
    await admin(hearth, "DELETE", f"/connections/{theirs['id']}")

    if way_back == "card":
        await mallory.browser.sign_in(f"/context-card?state={await vendor.state()}")
    else:
        await mallory.activate("/connect" if way_back == "plain" else await make_link(hearth))

    assert await connections(hearth, "customer") == []
    right = person(hearth, vendor, user=await user_of_another_account(vendor))
    link = await make_link(hearth, externalId="customer")
    assert (await right.activate(link)).status_code == 303


async def test_who_is_linked_keeps_the_name_over_later_loads(
    hearth: Hearth, vendor: Vendor
) -> None:
    customer = person(hearth, vendor)
    await customer.activate(await make_link(hearth, externalId="customer"))

    await customer.browser.sign_in(f"/context-card?state={await vendor.state()}")

    assert len(await connections(hearth, "customer")) == 1


async def test_a_link_for_a_connection_and_a_name_wants_the_account_of_both(
    hearth: Hearth, vendor: Vendor
) -> None:
    stranger = await user_of_another_account(vendor)
    for name, user in (("a", 0), ("b", stranger)):
        link = await make_link(hearth, externalId=name)
        await person(hearth, vendor, user=user).activate(link)
    (mine,) = await connections(hearth, "a")

    for user in (0, stranger):
        link = await make_link(hearth, connectionId=mine["id"], externalId="b")
        answer = await person(hearth, vendor, user=user).activate(link)
        assert answer.status_code == 403
        assert "wrong_account" in answer.text


async def test_no_link_is_made_for_the_connection_of_an_api_key(hearth: Hearth) -> None:
    added = (await add_api_key(hearth)).json()

    body = {"connectionId": added["id"]}
    answer = await admin(hearth, "POST", "/activation-links", json=body)

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_connection"


async def test_one_person_with_two_links_for_two_names_is_linked_to_one(
    hearth: Hearth, vendor: Vendor
) -> None:
    people = [person(hearth, vendor) for _ in range(2)]
    callbacks = [
        await one.reach_callback(await make_link(hearth, externalId=name))
        for one, name in zip(people, "ab", strict=True)
    ]

    answers = await asyncio.gather(
        *(one.browser.get(callback) for one, callback in zip(people, callbacks, strict=True))
    )

    assert sorted(answer.status_code for answer in answers) == [303, 409]


async def test_the_state_of_an_activation_leads_a_code_to_no_other_page(
    hearth: Hearth, vendor: Vendor
) -> None:
    """Mallory gives the state of her own activation to a flow of a listed front end as well, and
    sends a victim to Authorize with it."""
    mallory, victim = person(hearth, vendor), person(hearth, vendor, user=1)
    agreed = await mallory.agree(await make_link(hearth, externalId="mallory"))
    state = query_of(agreed.headers["location"])["state"]
    body = {
        "surface": "context-card",
        "state": state,
        "codeChallenge": challenge_of(digest_of(new_verifier())),
        "frontEnd": f"{ELSEWHERE}/redirect?to=https://evil.example/",
    }
    begun = await hearth.http.post(f"{hearth.url}/oauth/begin", json=body)
    assert begun.status_code == 200

    callback = await victim.consent(agreed.headers["location"])
    answer = await victim.browser.get(callback, **underscored(OF_A_FRAME))

    assert answer.status_code == 403
    assert ELSEWHERE not in answer.text
    assert await vendor.count("tokenRequests") == 0


@pytest.mark.parametrize("path", ["/oauth/callback?code=x&state=S", "/connect", "/context-card"])
async def test_a_page_of_ours_that_is_no_front_end_is_led_no_code(
    hearth: Hearth, vendor: Vendor, path: str
) -> None:
    body = {
        "surface": "context-card",
        "codeChallenge": challenge_of(digest_of(new_verifier())),
        "frontEnd": hearth.url + path,
    }
    answer = await hearth.http.post(f"{hearth.url}/oauth/begin", json=body)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("headers", "believed"),
    [
        ({}, True),
        (OF_A_FRAME, True),
        ({"sec-fetch-dest": "document", "sec-fetch-site": "none"}, True),
        ({"sec-fetch-dest": "document", "sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-dest": "document", "sec-fetch-site": "same-site"}, False),
    ],
)
async def test_a_window_that_another_site_opened_brings_no_state_of_its_own(
    hearth: Hearth, vendor: Vendor, headers: dict[str, str], believed: bool
) -> None:
    """It stands for a user: for the one who made the link."""
    state = await vendor.state(user=1)
    asked = underscored(headers | ({"sec-fetch-mode": "navigate"} if headers else {}))

    entry = await hearth.browser().get(f"/context-card?state={state}&a=1", **asked)

    assert entry.status_code == 302
    assert (query_of(entry.headers["location"])["state"] == state) is believed


async def test_the_record_cannot_be_filled_by_anybody(hearth: Hearth, vendor: Vendor) -> None:
    """One line for a link's flow, however often a stranger knocks; none for flows of nobody's."""
    customer, stranger = person(hearth, vendor), hearth.browser()
    callback = await customer.reach_callback(await make_link(hearth))
    plain = await customer.agree("/connect")
    state = query_of(plain.headers["location"])["state"]

    for _ in range(5):
        assert (await stranger.get(callback)).status_code == 403
        assert (await stranger.get(f"/oauth/callback?code=x&state={state}")).status_code == 403
    await scalar(hearth, "WITH x AS (UPDATE flows SET expires_at = now() RETURNING 1) SELECT 1")
    await purge(hearth.process.database, KEPT)

    assert await actions(hearth) == ["activation_abandoned", "wrong_browser", "link_created"]


async def test_flows_are_purged_a_slice_at_a_time(hearth: Hearth) -> None:
    for _ in range(5):
        await hearth.browser().get("/context-card")
    async with hearth.process.database.transaction() as tx:
        assert (await FlowStore(tx).purge(at_most=2)).flows == 0
    await scalar(hearth, "WITH x AS (UPDATE flows SET expires_at = now() RETURNING 1) SELECT 1")

    slices = []
    for _ in range(4):
        async with hearth.process.database.transaction() as tx:
            slices.append((await FlowStore(tx).purge(at_most=2)).flows)

    assert slices == [2, 2, 1, 0]


async def connections(hearth: Hearth, external_id: str) -> list[dict[str, Any]]:
    answer = await admin(hearth, "GET", f"/connections?externalId={external_id}&status=active")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def actions(hearth: Hearth) -> list[str]:
    answer = await admin(hearth, "GET", "/audit")
    return [item["action"] for item in answer.json()["items"]]


async def user_of_another_account(vendor: Vendor) -> int:
    users = (await vendor.snapshot())["users"]
    accounts = [user["accountKey"] for user in users]
    return next(number for number, account in enumerate(accounts) if account != accounts[0])


def underscored(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items()}
