"""Activation links, from the operator's request to the linked account, answer by answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from app.connections.retention import Kept, purge
from tests.conftest import Hearth, StartHearth
from tests.support.activating import person
from tests.support.administration import ADMIN_KEYS, admin, make_link
from tests.support.user_agent import query_of
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

KEPT = Kept(session_idle_seconds=60, audit_days=400, events_days=30)

ALLOWED = "https://app.example/after/"


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    web = {"admin_keys": ADMIN_KEYS, "return_to_allow": (ALLOWED,)}
    async with start_hearth(web=web) as running:
        yield running


async def test_a_link_links_the_account_to_whom_it_was_made_for(
    hearth: Hearth, vendor: Vendor
) -> None:
    customer = person(hearth, vendor)
    landing = await customer.activate(await make_link(hearth, externalId="customer-42"))

    assert landing.status_code == 303
    assert landing.headers["location"] == "/connect/done"
    (connection,) = await connections(hearth, externalId="customer-42")
    user = await vendor.user(0)
    assert connection["status"] == "active"
    assert connection["accountKey"] == user["accountKey"]
    assert connection["userKey"] == user["userKey"]
    done = await customer.browser.get("/connect/done")
    assert user["username"] in done.text
    assert user["accountKey"] in done.text
    assert "customer-42" in done.text


async def test_an_activation_gives_no_session(hearth: Hearth, vendor: Vendor) -> None:
    customer = person(hearth, vendor)
    await customer.activate(await make_link(hearth))

    assert "__Host-hearth-session" not in customer.browser.cookies
    assert (await customer.browser.api("GET", "/session")).status_code == 401


async def test_the_page_says_what_is_linked_to_what_and_does_nothing_yet(
    hearth: Hearth, vendor: Vendor
) -> None:
    link = await make_link(
        hearth, externalId='<b>"Ann & Co"', scopes=["api_read", "x:y"], returnTo=ALLOWED + "x?a=1"
    )
    browser = hearth.browser()

    shown = await browser.get(link)

    assert "&lt;b&gt;&#34;Ann &amp; Co&#34;" in shown.text
    assert "api_read, x:y" in shown.text
    assert "app.example" in shown.text
    assert browser.cookies == {}
    assert await scalar(hearth, "SELECT count(*) FROM flows") == 0


async def test_authorize_gets_a_state_of_ours_and_the_links_scopes(
    hearth: Hearth, vendor: Vendor
) -> None:
    agreed = await person(hearth, vendor).agree(await make_link(hearth, scopes="api_read crm"))

    query = query_of(agreed.headers["location"])
    assert len(query["state"]) >= 22
    assert query["scope"] == "api_read crm"
    assert agreed.headers["referrer-policy"] == "strict-origin"
    cookies = agreed.headers.get_list("set-cookie")
    assert all(cookie.endswith("Path=/; Secure; HttpOnly; SameSite=Lax") for cookie in cookies)


async def test_a_link_leads_back_to_where_it_was_allowed_to(hearth: Hearth, vendor: Vendor) -> None:
    for target in (f"{ALLOWED}done?tab=1", "/ui/settings?x=1"):
        link = await make_link(hearth, returnTo=target)
        assert (await person(hearth, vendor).activate(link)).headers["location"] == target


async def test_a_link_is_good_once(hearth: Hearth, vendor: Vendor) -> None:
    link = await make_link(hearth, externalId="c")
    customer = person(hearth, vendor)
    await customer.activate(link)

    for again in (customer, person(hearth, vendor, user=1)):
        shown = await again.browser.get(link)
        assert shown.status_code == 410
        assert "link_used" in shown.text
        token = link.partition("link=")[2]
        assert (await again.submit({"link": token})).status_code == 410


async def test_of_two_that_went_on_with_one_link_one_is_linked(
    hearth: Hearth, vendor: Vendor
) -> None:
    """Somebody presses the button twice, and both ways through Infobip come back."""
    link = await make_link(hearth, externalId="c")
    customer = person(hearth, vendor)
    callbacks = [await customer.reach_callback(link) for _ in range(2)]

    answers = await asyncio.gather(*(customer.browser.get(callback) for callback in callbacks))

    assert sorted(answer.status_code for answer in answers) == [303, 410]
    assert len(await connections(hearth)) == 1


async def test_of_fifty_callbacks_of_an_activation_at_once_one_is_exchanged(
    hearth: Hearth, vendor: Vendor
) -> None:
    customer = person(hearth, vendor)
    callback = await customer.reach_callback(await make_link(hearth))

    answers = await asyncio.gather(*(customer.browser.get(callback) for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 49
    assert await vendor.count("tokenRequests") == 1


async def test_a_link_that_is_forwarded_mid_way_gets_nobody_else_any_further(
    hearth: Hearth, vendor: Vendor
) -> None:
    link = await make_link(hearth, externalId="c")
    customer, other = person(hearth, vendor), person(hearth, vendor, user=1)
    callback = await customer.reach_callback(link)

    shown = await other.browser.get(link)
    assert shown.status_code == 409
    assert "link_in_use" in shown.text
    assert (await other.submit({"link": link.partition("link=")[2]})).status_code == 409
    stolen = await other.browser.get(callback)
    assert stolen.status_code == 403
    assert "wrong_browser" in stolen.text
    assert await vendor.count("tokenRequests") == 0
    assert "wrong_browser" in await actions(hearth)
    assert (await customer.browser.get(callback)).status_code == 303


async def test_somebody_elses_consent_on_the_way_ends_nowhere(
    hearth: Hearth, vendor: Vendor
) -> None:
    """The address of Authorize is forwarded: the code comes to a browser that began nothing."""
    customer, other = person(hearth, vendor), person(hearth, vendor, user=1)
    agreed = await customer.agree(await make_link(hearth, externalId="c"))

    callback = await other.consent(agreed.headers["location"])

    assert (await other.browser.get(callback)).status_code == 403
    assert await vendor.count("tokenRequests") == 0
    assert await connections(hearth) == []


async def test_a_link_that_was_begun_elsewhere_can_be_used_once_that_is_over(
    hearth: Hearth, vendor: Vendor
) -> None:
    link = await make_link(hearth)
    await person(hearth, vendor).agree(link)
    await execute(hearth, "UPDATE activation_links SET begun_at = now() - interval '601 s'")

    assert (await person(hearth, vendor).activate(link)).status_code == 303


async def test_a_link_is_not_good_after_its_time(hearth: Hearth, vendor: Vendor) -> None:
    link = await make_link(hearth)
    customer = person(hearth, vendor)
    await execute(hearth, "UPDATE activation_links SET expires_at = now()")

    shown = await customer.browser.get(link)

    assert shown.status_code == 410
    assert "link_expired" in shown.text
    assert (await customer.submit({"link": link.partition("link=")[2]})).status_code == 410
    assert await scalar(hearth, "SELECT count(*) FROM flows") == 0


@pytest.mark.parametrize("end", ["B", "-", "", "%00", "&link=x"])
async def test_a_link_that_was_tampered_with_links_nothing(
    hearth: Hearth, vendor: Vendor, end: str
) -> None:
    """A token is 32 bytes in base64url: its last character is never B or - (it has four bits)."""
    link = await make_link(hearth)

    shown = await hearth.browser().get(link[:-1] + end)

    assert shown.status_code in (400, 404)
    assert shown.headers["content-type"].startswith("text/html")


async def test_who_cancels_finds_the_way_back_and_can_try_again(
    hearth: Hearth, vendor: Vendor
) -> None:
    link = await make_link(hearth)
    customer = person(hearth, vendor)
    agreed = await customer.agree(link)
    await customer.consent(agreed.headers["location"], "cancel")

    start = await customer.browser.get("/")
    back = await customer.browser.get(link)

    assert "Not connected yet" in start.text
    assert f'href="{link}"' in start.text
    assert "Not connected yet" in back.text
    assert (await customer.activate(link)).status_code == 303
    assert "Not connected yet" not in (await customer.browser.get("/")).text


async def test_an_error_from_authorize_is_said_and_can_be_mended(
    hearth: Hearth, vendor: Vendor
) -> None:
    await vendor.configure(declineBehaviour="error")
    link = await make_link(hearth)
    customer = person(hearth, vendor)
    agreed = await customer.agree(link)
    callback = await customer.consent(agreed.headers["location"], "cancel")

    answer = await customer.browser.get(callback)

    assert answer.status_code == 403
    assert "access_denied" in answer.text
    assert f'href="{link}"' in answer.text
    assert await vendor.count("tokenRequests") == 0
    assert "activation_declined" in await actions(hearth)
    assert (await customer.activate(link)).status_code == 303


async def test_what_was_given_up_is_visible_to_the_operator(hearth: Hearth, vendor: Vendor) -> None:
    link = await make_link(hearth, externalId="c")
    assert await link_statuses(hearth) == ["pending"]
    await person(hearth, vendor).agree(link)
    assert await link_statuses(hearth) == ["begun"]

    await execute(hearth, "UPDATE activation_links SET begun_at = now() - interval '601 s'")
    await execute(hearth, "UPDATE flows SET expires_at = now()")
    await purge(hearth.process.database, KEPT)

    assert await link_statuses(hearth) == ["abandoned"]
    assert "activation_abandoned" in await actions(hearth)
    await execute(hearth, "UPDATE activation_links SET expires_at = now()")
    assert await link_statuses(hearth) == ["expired"]


async def test_who_gave_up_twice_and_then_came_through_gave_nothing_up(
    hearth: Hearth, vendor: Vendor
) -> None:
    came_through, gave_up = await make_link(hearth), await make_link(hearth)
    customer, other = person(hearth, vendor), person(hearth, vendor, user=1)
    for _ in range(2):
        await customer.agree(came_through)
        await other.agree(gave_up)
    await customer.activate(came_through)

    await execute(hearth, "UPDATE flows SET expires_at = now()")
    await purge(hearth.process.database, KEPT)

    assert (await actions(hearth)).count("activation_abandoned") == 1


async def test_a_reconnect_keeps_the_connections_id(hearth: Hearth, vendor: Vendor) -> None:
    await person(hearth, vendor).activate(await make_link(hearth, externalId="c"))
    (before,) = await connections(hearth)
    await admin(hearth, "DELETE", f"/connections/{before['id']}")

    link = await make_link(hearth, connectionId=before["id"])
    shown = await hearth.browser().get(link)
    await person(hearth, vendor).activate(link)

    (after,) = await connections(hearth)
    assert before["accountKey"] in shown.text
    assert after["id"] == before["id"]
    assert after["status"] == "active"
    assert after["externalId"] == "c"


@pytest.mark.parametrize("by", ["connectionId", "externalId"])
async def test_a_reconnect_by_another_account_is_refused_and_on_record(
    hearth: Hearth, vendor: Vendor, by: str
) -> None:
    await person(hearth, vendor).activate(await make_link(hearth, externalId="c"))
    (mine,) = await connections(hearth)
    link = await make_link(hearth, **{by: mine["id"] if by == "connectionId" else "c"})
    stranger = person(hearth, vendor, user=await user_of_another_account(vendor))

    answer = await stranger.activate(link)

    assert answer.status_code == 403
    assert "wrong_account" in answer.text
    assert await connections(hearth) == [mine]
    assert "wrong_account" in await actions(hearth)
    assert (await person(hearth, vendor).activate(link)).status_code == 303


async def test_another_user_of_the_account_gets_a_connection_of_their_own(
    hearth: Hearth, vendor: Vendor
) -> None:
    for user in (0, 1):
        link = await make_link(hearth, externalId="c")
        assert (await person(hearth, vendor, user=user).activate(link)).status_code == 303

    found = await connections(hearth, externalId="c")
    assert len({connection["id"] for connection in found}) == 2
    assert len({connection["accountKey"] for connection in found}) == 1


async def test_who_is_linked_to_one_customer_is_not_taken_over_by_another(
    hearth: Hearth, vendor: Vendor
) -> None:
    await person(hearth, vendor).activate(await make_link(hearth, externalId="mine"))

    answer = await person(hearth, vendor).activate(await make_link(hearth, externalId="theirs"))

    assert answer.status_code == 409
    assert "already_linked" in answer.text
    assert [one["externalId"] for one in await connections(hearth)] == ["mine"]
    assert "already_linked" in await actions(hearth)


async def test_two_accounts_at_once_for_one_customer_end_with_one(
    hearth: Hearth, vendor: Vendor
) -> None:
    stranger = await user_of_another_account(vendor)
    people = [person(hearth, vendor), person(hearth, vendor, user=stranger)]
    links = [await make_link(hearth, externalId="c") for _ in people]
    callbacks = [await one.reach_callback(link) for one, link in zip(people, links, strict=True)]

    answers = await asyncio.gather(
        *(one.browser.get(callback) for one, callback in zip(people, callbacks, strict=True))
    )

    assert sorted(answer.status_code for answer in answers) == [303, 403]
    assert len(await connections(hearth, externalId="c")) == 1


async def test_a_linked_account_is_kept_alive_for_our_own_backend(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await vendor.configure(tokenLifetimeSeconds=3)
    web, infobip = {"admin_keys": ADMIN_KEYS}, {"token_lifetime_seconds": 3}
    async with start_hearth(refresher=True, web=web, infobip=infobip) as hearth:
        await person(hearth, vendor).activate(await make_link(hearth, externalId="c"))
        (connection,) = await connections(hearth)

        async def renewed() -> bool:
            return await vendor.count("refreshes") >= 3

        await eventually(renewed)
        path = f"/connections/{connection['id']}/infobip/account/1/balance"
        assert (await admin(hearth, "GET", path)).status_code == 200
        assert await vendor.count("refusals") == 0


async def test_one_links_ones_own_site_without_a_link(hearth: Hearth, vendor: Vendor) -> None:
    customer = person(hearth, vendor)

    landing = await customer.activate("/connect?return_to=/ui/settings")

    assert landing.headers["location"] == "/ui/settings"
    (connection,) = await connections(hearth)
    assert connection["externalId"] is None
    assert "connected" in await actions(hearth)


async def test_a_name_to_link_to_is_accepted_inside_a_link_only(hearth: Hearth) -> None:
    for query in ("externalId=c", "return_to=/x&externalId=c"):
        assert (await hearth.browser().get(f"/connect?{query}")).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
    ],
)
async def test_no_other_site_can_press_the_button(
    hearth: Hearth, vendor: Vendor, headers: dict[str, str]
) -> None:
    link = await make_link(hearth)

    answer = await person(hearth, vendor).submit({"link": link.partition("link=")[2]}, **headers)

    assert answer.status_code == 403
    assert await scalar(hearth, "SELECT count(*) FROM flows") == 0


async def test_activation_is_never_framed(hearth: Hearth) -> None:
    browser = hearth.browser()
    link = await make_link(hearth)
    for path in (link, "/connect", "/connect/done", "/", "/connect?link=unknown"):
        answer = await browser.get(path)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_receipt_that_we_did_not_write_shows_nothing(hearth: Hearth) -> None:
    browser = hearth.browser()
    for value in ("", "x", "AAAA", "A" * 200):
        browser.cookies["__Host-hearth-receipt"] = value
        assert "Nothing to show" in (await browser.get("/connect/done")).text


@pytest.mark.parametrize(
    "body",
    [
        {"expiresIn": 1},
        {"expiresIn": 10**9},
        {"externalId": ""},
        {"externalId": "a\nb"},
        {"externalId": "x" * 201},
        {"scopes": ["a b"]},
        {"scopes": ['"']},
        {"connectionId": "7"},
        {"unknown": 1},
    ],
)
async def test_a_malformed_link_is_not_made(hearth: Hearth, body: dict[str, Any]) -> None:
    answer = await admin(hearth, "POST", "/activation-links", json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_link_for_what_is_not_there_is_not_made(hearth: Hearth) -> None:
    unknown = {"connectionId": "00000000-0000-4000-8000-000000000000"}
    assert (await admin(hearth, "POST", "/activation-links", json=unknown)).status_code == 404
    evil = {"returnTo": "https://evil.example/"}
    assert (await admin(hearth, "POST", "/activation-links", json=evil)).status_code == 400


async def test_links_are_listed_page_by_page(hearth: Hearth) -> None:
    for number in range(5):
        await make_link(hearth, externalId=f"c{number}")

    names, cursor = [], ""
    while True:
        path = f"/activation-links?limit=2{cursor}"
        answer = (await admin(hearth, "GET", path)).json()
        names += [item["externalId"] for item in answer["items"]]
        if answer["nextCursor"] is None:
            break
        cursor = f"&cursor={answer['nextCursor']}"

    assert names == ["c4", "c3", "c2", "c1", "c0"]


async def connections(hearth: Hearth, **query: str) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await admin(hearth, "GET", f"/connections?{asked}")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def link_statuses(hearth: Hearth) -> list[str]:
    answer = await admin(hearth, "GET", "/activation-links")
    return [item["status"] for item in answer.json()["items"]]


async def actions(hearth: Hearth) -> list[str]:
    answer = await admin(hearth, "GET", "/audit")
    return [item["action"] for item in answer.json()["items"]]


async def user_of_another_account(vendor: Vendor) -> int:
    users = (await vendor.snapshot())["users"]
    return next(
        number for number, user in enumerate(users) if user["accountKey"] != users[0]["accountKey"]
    )


async def execute(hearth: Hearth, statement: str) -> None:
    async with hearth.process.database.transaction() as tx:
        await tx.execute(text(statement))


async def scalar(hearth: Hearth, statement: str) -> Any:
    async with hearth.process.database.transaction() as tx:
        return (await tx.execute(text(statement))).scalar_one()
