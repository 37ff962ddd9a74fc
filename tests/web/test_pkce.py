"""Apps without a secret, and PKCE beside a secret: every flow with a verifier."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.config import PUBLIC_CLIENT_ID
from tests.conftest import Hearth, StartHearth
from tests.support.activating import person
from tests.support.administration import ADMIN_KEYS, make_link
from tests.support.user_agent import query_of
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

PUBLIC: dict[str, Any] = {"client_id": PUBLIC_CLIENT_ID, "client_secret": None}
KINDS = {"public": PUBLIC, "confidential": {"pkce": "always"}}


@pytest.fixture(params=KINDS)
async def hearth(
    request: pytest.FixtureRequest, start_hearth: StartHearth
) -> AsyncIterator[Hearth]:
    """An app without a secret, and one with a secret that asks for PKCE all the same."""
    async with start_hearth(
        infobip=KINDS[request.param], web={"admin_keys": ADMIN_KEYS}
    ) as running:
        yield running


async def test_a_load_sends_a_challenge_and_no_method(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    entry = await browser.get(f"/context-card?state={await vendor.state()}")

    query = query_of(entry.headers["location"])
    assert len(query["code_challenge"]) == 43
    assert "code_challenge_method" not in query
    assert not [value for value in browser.cookies.values() if value in entry.headers["location"]]


async def test_the_embedded_flow_works(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()

    landing = await browser.sign_in(f"/context-card?state={await vendor.state()}")

    assert landing.status_code == 303
    assert (await browser.api("GET", "/infobip/account/1/balance")).status_code == 200


async def test_an_activation_works(hearth: Hearth, vendor: Vendor) -> None:
    assert (await person(hearth, vendor).activate(await make_link(hearth))).status_code == 303


async def test_two_loads_with_one_state_one_after_the_other_both_work(
    hearth: Hearth, vendor: Vendor
) -> None:
    """A code fits one challenge; so both loads of a browser have the same."""
    state = await vendor.state()
    browser = hearth.browser()
    callbacks = [
        await browser.authorize(f"/context-card?state={state}&conversationId={number}")
        for number in (1, 2)
    ]

    for callback in reversed(callbacks):
        assert (await browser.get(callback)).status_code == 303
    assert not [name for name in browser.cookies if "flow" in name]


async def test_two_loads_with_one_state_at_the_same_moment_both_work(
    hearth: Hearth, vendor: Vendor
) -> None:
    """Neither brings the other's cookie; the page then says by its fragment which it is."""
    state = await vendor.state()
    browser = hearth.browser()
    paths = [f"/context-card?state={state}&conversationId={number}" for number in (1, 2)]
    entries = await asyncio.gather(*(browser.get(path) for path in paths))
    callbacks = []
    for entry in entries:
        authorize = await hearth.http.get(entry.headers["location"].partition("#")[0])
        callbacks.append((authorize.headers["location"], _flow_of(entry.headers["location"])))

    for number, (callback, flow) in reversed(list(enumerate(callbacks, start=1))):
        answer = await browser.get(callback)
        if answer.status_code == 200:  # there is another one under way
            assert 'data-outcome="choose"' in answer.text
            answer = await complete(browser, **query_of(callback), flow=flow)
            assert answer.status_code == 200, answer.text
            assert answer.json()["location"] == f"/ui/context-card?conversationId={number}"
        else:
            assert answer.status_code == 303
    assert (await browser.api("GET", "/session")).status_code == 200
    assert await vendor.count("exchanges") == 2


async def test_a_code_of_somebody_elses_flow_is_refused_by_infobip(
    hearth: Hearth, vendor: Vendor
) -> None:
    """The login-CSRF that needs no cookie: an attacker's code led into a victim's window."""
    state = await vendor.state(user=1)
    attacker, victim = hearth.browser(), hearth.browser()
    code = query_of(await attacker.authorize(f"/context-card?state={state}"))["code"]
    await victim.authorize(f"/context-card?state={state}")

    answer = await victim.get(f"/oauth/callback?code={code}&state={state}")

    assert answer.status_code == 400
    assert "code_refused" in answer.text
    assert "__Host-hearth-session" not in victim.cookies
    assert (await vendor.snapshot())["refusals"] == {"verifier": 1}


async def test_a_callback_in_another_browser_is_refused_before_the_token_endpoint_is_asked(
    hearth: Hearth, vendor: Vendor
) -> None:
    state = await vendor.state()
    callback = await hearth.browser().authorize(f"/context-card?state={state}")

    assert (await hearth.browser().get(callback)).status_code == 403
    assert await vendor.count("tokenRequests") == 0


async def test_a_method_is_named_on_demand_only(start_hearth: StartHearth, vendor: Vendor) -> None:
    infobip = {"pkce": "always", "pkce_method": True}
    async with start_hearth(infobip=infobip) as hearth:
        browser = hearth.browser()
        entry = await browser.get("/context-card")
        assert query_of(entry.headers["location"])["code_challenge_method"] == "S256"
        landing = await browser.sign_in(f"/context-card?state={await vendor.state()}")
        assert landing.status_code == 303


async def test_with_a_secret_there_is_no_challenge_unless_it_is_asked_for(
    start_hearth: StartHearth,
) -> None:
    async with start_hearth() as hearth:
        entry = await hearth.browser().get("/context-card")
        assert "code_challenge" not in query_of(entry.headers["location"])


async def test_a_token_without_a_secret_is_kept_alive(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await vendor.configure(tokenLifetimeSeconds=3)
    infobip = {**PUBLIC, "token_lifetime_seconds": 3}
    async with start_hearth(refresher=True, infobip=infobip) as hearth:
        browser = hearth.browser()
        await browser.sign_in(f"/context-card?state={await vendor.state()}")

        async def renewed() -> bool:
            return await vendor.count("refreshes") >= 3

        await eventually(renewed)
        assert (await browser.api("GET", "/infobip/account/1/balance")).status_code == 200
        assert await vendor.count("refusals") == 0


async def complete(browser: Any, **body: str) -> Any:
    return await browser.request("POST", "/oauth/complete", headers={"x-hearth": "1"}, json=body)


def _flow_of(location: str) -> str:
    return urlsplit(location).fragment.partition("hearth_flow=")[2]
