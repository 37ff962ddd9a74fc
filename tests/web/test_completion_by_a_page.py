"""Flows whose proof a page keeps: begun and completed by script, ended in a bearer session."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from app.infobip.pkce import challenge_of, digest_of, new_verifier
from tests.conftest import Hearth, StartHearth
from tests.support.scripted_page import Page
from tests.support.user_agent import query_of
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

ELSEWHERE = "https://cards.example"


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    async with start_hearth(web={"cors_origins": (ELSEWHERE,)}) as running:
        yield running


async def test_a_page_signs_in_without_any_cookie(hearth: Hearth, vendor: Vendor) -> None:
    page = Page(hearth)
    callback = await page.authorize(await vendor.state(user=1))

    completed = await page.complete(callback)
    taken_up = await page.post("/api/session", {"handoverCode": completed.json()["handoverCode"]})

    assert completed.json()["location"] == "/ui/context-card?conversationId=c+1&tag=a&tag=b"
    assert taken_up.status_code == 201
    assert taken_up.json()["session"]["userKey"] == (await vendor.user(1))["userKey"]
    assert "set-cookie" not in completed.headers
    assert "set-cookie" not in taken_up.headers
    answers = [
        await bearer(hearth, taken_up.json()["token"], "GET", path)
        for path in ("/session", "/infobip/account/1/balance")
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == taken_up.json()["session"]


async def test_authorize_is_told_the_challenge_and_keeps_the_frames_own_parameters(
    hearth: Hearth, vendor: Vendor
) -> None:
    page = Page(hearth)
    state = await vendor.state()

    begun = (await page.begin(state)).json()

    query = query_of(begun["authorizeUrl"])
    assert query["code_challenge"] == challenge_of(digest_of(page.verifier))
    assert query["state"] == state
    assert dict(parse_qsl(urlsplit(begun["authorizeUrl"]).fragment)) == {
        "hearth": "conversationId=c+1&tag=a&tag=b",
        "hearth_flow": begun["flow"],
        "hearth_try": "page",
    }


async def test_the_callback_is_a_page_that_completes_the_flow(
    hearth: Hearth, vendor: Vendor
) -> None:
    callback = await Page(hearth).authorize(await vendor.state())

    answer = await hearth.browser().get(callback)

    assert answer.status_code == 200
    assert 'data-outcome="page"' in answer.text
    assert query_of(callback)["code"] not in answer.text
    assert await vendor.count("tokenRequests") == 0


async def test_a_front_end_elsewhere_is_told_to_the_callbacks_page(
    hearth: Hearth, vendor: Vendor
) -> None:
    page = Page(hearth, front_end=f"{ELSEWHERE}/card?x=1")

    answer = await hearth.browser().get(await page.authorize(await vendor.state()))

    assert f'data-front-end="{ELSEWHERE}/card?x=1"' in answer.text


async def test_a_wrong_verifier_completes_nothing(hearth: Hearth, vendor: Vendor) -> None:
    page = Page(hearth)
    callback = await page.authorize(await vendor.state())

    thief = await page.complete(callback, codeVerifier=new_verifier())

    assert thief.status_code == 403
    assert thief.json()["code"] == "wrong_browser"
    assert await vendor.count("tokenRequests") == 0
    assert (await page.complete(callback)).status_code == 200


async def test_a_verifier_does_not_stand_in_for_a_cookie(hearth: Hearth, vendor: Vendor) -> None:
    """What a cookie of ours holds is good in a cookie alone."""
    browser = hearth.browser()
    callback = await browser.authorize(f"/context-card?state={await vendor.state()}")
    (secret,) = browser.cookies.values()

    answer = await Page(hearth).complete(callback, codeVerifier=secret)

    assert answer.status_code == 403
    assert await vendor.count("tokenRequests") == 0


async def test_of_fifty_completions_at_once_one_is_exchanged(
    hearth: Hearth, vendor: Vendor
) -> None:
    page = Page(hearth)
    callback = await page.authorize(await vendor.state())

    answers = await asyncio.gather(*(page.complete(callback) for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 49
    assert await vendor.count("tokenRequests") == 1


async def test_of_fifty_that_take_up_one_session_one_gets_it(
    hearth: Hearth, vendor: Vendor
) -> None:
    page = Page(hearth)
    completed = await page.complete(await page.authorize(await vendor.state()))
    body = {"handoverCode": completed.json()["handoverCode"]}

    answers = await asyncio.gather(*(page.post("/api/session", body) for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 49


async def test_none_of_the_three_credentials_is_good_in_anothers_place(
    hearth: Hearth, vendor: Vendor
) -> None:
    page = Page(hearth)
    completed = await page.complete(await page.authorize(await vendor.state()))
    handover = completed.json()["handoverCode"]
    token = await page.sign_in(await vendor.state())
    browser = hearth.browser()
    await browser.sign_in(f"/context-card?state={await vendor.state()}")
    cookie = browser.cookies["__Host-hearth-session"]

    for credential in (handover, cookie):
        assert (await bearer(hearth, credential, "GET", "/session")).status_code == 401
    for credential in (handover, token):
        browser.cookies["__Host-hearth-session"] = credential
        assert (await browser.api("GET", "/session")).status_code == 401
    for credential in (cookie, token, "", "hearth_h_x", "x" * 300):
        answer = await page.post("/api/session", {"handoverCode": credential})
        assert answer.status_code in (400, 422)
    assert (await bearer(hearth, token, "GET", "/session")).status_code == 200


async def test_signing_out_ends_a_bearer_session(hearth: Hearth, vendor: Vendor) -> None:
    token = await Page(hearth).sign_in(await vendor.state())

    assert (await bearer(hearth, token, "DELETE", "/session")).status_code == 204
    assert (await bearer(hearth, token, "GET", "/session")).status_code == 401


@pytest.mark.parametrize(
    "front_end",
    [
        "https://evil.example/card",
        "https://cards.example.evil.example/card",
        "https://cards.example@evil.example/card",
        "https://cards.example:444/card",
        "http://cards.example/card",
        "https://cards.example\\@evil.example/",
        "https://cards.example/card#x",
        "//cards.example/card",
        "/card",
        "javascript:alert(1)",
        "https://cards.example/ card",
        "",
    ],
)
async def test_a_code_is_led_to_no_page_that_is_not_listed(
    hearth: Hearth, vendor: Vendor, front_end: str
) -> None:
    answer = await Page(hearth, front_end=front_end).begin(await vendor.state())

    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"codeChallenge": "x"},
        {"codeChallenge": "A" * 42 + "B"},
        {"codeChallenge": None},
        {"surface": "elsewhere"},
        {"state": "a\nb"},
        {"state": ""},
        {"state": "s" * 600},
        {"params": [["a"]]},
        {"params": [["a", "b"]] * 65},
        {"params": "a=b"},
        {"further": 1},
    ],
)
async def test_a_malformed_beginning_is_refused_without_repeating_it(
    hearth: Hearth, changes: dict[str, Any]
) -> None:
    answer = await Page(hearth).begin(None, **changes)

    assert answer.status_code == 422
    assert '"input"' not in answer.text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"codeVerifier": "short"}, 422),
        ({"codeVerifier": "ä" * 43}, 422),
        ({"code": ""}, 422),
        ({"state": "a\x00b"}, 422),
        ({"flow": "x"}, 422),
        ({"state": "unknown"}, 400),
    ],
)
async def test_a_malformed_completion_is_refused(
    hearth: Hearth, vendor: Vendor, changes: dict[str, str], status: int
) -> None:
    page = Page(hearth)

    answer = await page.complete(await page.authorize(await vendor.state()), **changes)

    assert answer.status_code == status
    assert page.verifier not in answer.text
    assert await vendor.count("tokenRequests") == 0


async def test_too_many_parameters_are_refused_as_in_an_address(hearth: Hearth) -> None:
    answer = await Page(hearth).begin(None, params=[["a", "ž" * 1_000]])

    assert answer.status_code == 414


async def test_completing_by_cookie_needs_our_own_page(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    callback = await browser.authorize(f"/context-card?state={await vendor.state()}")
    body = query_of(callback) | {"flow": "00000000-0000-4000-8000-000000000000"}
    forged: list[dict[str, str]] = [
        {},
        {"x-hearth": "1", "origin": "https://evil.example"},
        {"x-hearth": "1", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
    ]

    for headers in forged:
        answer = await browser.request("POST", "/oauth/complete", headers=headers, json=body)
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden_origin"
    answer = await browser.request("POST", "/oauth/complete", headers={"x-hearth": "1"}, json=body)
    assert answer.json()["code"] == "wrong_browser"
    assert (await browser.get(callback)).status_code == 303


CORS_PATHS = ["/api/session", "/api/infobip/account/1/balance", "/oauth/begin", "/oauth/complete"]


@pytest.mark.parametrize("path", CORS_PATHS)
async def test_listed_front_ends_may_call_without_cookies(hearth: Hearth, path: str) -> None:
    preflight = await cors(hearth, "OPTIONS", path, ELSEWHERE)
    actual = await cors(hearth, "GET", path, ELSEWHERE)

    for answer in (preflight, actual):
        assert answer.headers["access-control-allow-origin"] == ELSEWHERE
        assert "access-control-allow-credentials" not in answer.headers
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    assert actual.status_code in (401, 405)


@pytest.mark.parametrize("path", [*CORS_PATHS, "/admin/connections", "/openapi.json", "/connect"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://cards.example.evil", "http://cards.example", "null"],
)
async def test_nobody_else_is_let_in_by_cors(hearth: Hearth, path: str, origin: str) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        answer = await cors(hearth, method, path, origin)
        assert "access-control-allow-origin" not in answer.headers
        assert answer.status_code >= 400


@pytest.mark.parametrize("path", ["/admin/connections", "/connect", "/oauth/callback", "/healthz"])
async def test_listed_front_ends_may_call_no_more_than_they_need(hearth: Hearth, path: str) -> None:
    answer = await cors(hearth, "GET", path, ELSEWHERE)

    assert "access-control-allow-origin" not in answer.headers
    assert answer.status_code == 403


async def cors(hearth: Hearth, method: str, path: str, origin: str) -> httpx.Response:
    headers = {
        "origin": origin,
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "cors",
        "sec-fetch-dest": "empty",
    }
    if method == "OPTIONS":
        headers["access-control-request-method"] = "GET"
        headers["access-control-request-headers"] = "authorization,x-hearth"
    return await hearth.http.request(method, hearth.url + path, headers=headers)


async def bearer(hearth: Hearth, token: str, method: str, path: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return await hearth.http.request(method, f"{hearth.url}/api{path}", headers=headers)
