"""The embedded flow, from the frame's first request to the page, answer by answer."""

import asyncio
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.conftest import Hearth, StartHearth
from tests.support.user_agent import query_of
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio


async def test_a_load_goes_to_authorize_with_the_state_it_came_with(
    hearth: Hearth, vendor: Vendor
) -> None:
    state = await vendor.state()

    answer = await hearth.browser().get(f"/context-card?state={state}")

    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{vendor.url}/exchange/1/oauth/authorize?")
    assert query_of(answer.headers["location"]) == {
        "response_type": "code",
        "client_id": hearth.settings.infobip.client_id,
        "state": state,
        "redirect_uri": f"{hearth.url}/oauth/callback",
        "scope": "api_read",
    }


async def test_the_binding_cookie_is_for_this_host_and_the_framing_site_alone(
    hearth: Hearth, vendor: Vendor
) -> None:
    answer = await hearth.browser().get(f"/settings?state={await vendor.state()}")

    (cookie,) = answer.headers.get_list("set-cookie")
    name, _, rest = cookie.partition("=")
    _, *attributes = rest.split("; ")
    assert name.startswith("__Host-hearth-flow-")
    assert set(attributes) == {
        "Max-Age=600",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=None",
        "Partitioned",
    }


@pytest.mark.parametrize("surface", ["context-card", "settings"])
async def test_a_sign_in_lands_on_its_page_with_all_parameters_but_state(
    hearth: Hearth, vendor: Vendor, surface: str
) -> None:
    query = "conversationId=c%201&tag=a&tag=b&empty=&x=%C5%BE%26"
    browser = hearth.browser()

    landing = await browser.sign_in(f"/{surface}?{query}&state={await vendor.state()}")

    assert landing.status_code == 303
    assert landing.headers["location"] == f"/ui/{surface}?{query.replace('%20', '+')}"
    assert not [name for name in browser.cookies if "flow" in name]


async def test_the_session_shows_whom_the_exchange_proved_to_be_there(
    hearth: Hearth, vendor: Vendor
) -> None:
    browser = hearth.browser()
    await browser.sign_in(f"/context-card?conversationId=7&state={await vendor.state(user=1)}")

    session = (await browser.api("GET", "/session")).json()

    user = await vendor.user(1)
    for name in ("accountKey", "userKey", "username", "email", "locale"):
        assert session[name] == user[name]
    assert session["roles"] == (user["roles"] or [])
    assert session["groups"] == (user["groups"] or [])
    assert session["surface"] == "context-card"
    assert session["params"] == {"conversationId": "7"}
    assert session["connection"]["status"] == "active"


async def test_a_load_without_a_state_gets_one_of_ours(hearth: Hearth) -> None:
    first = await hearth.browser().get("/context-card")
    second = await hearth.browser().get("/context-card?state=")

    states = {query_of(answer.headers["location"])["state"] for answer in (first, second)}
    assert len(states) == 2
    assert all(len(state) >= 22 for state in states)


async def test_the_frames_parameters_travel_in_a_fragment_that_no_server_sees(
    hearth: Hearth, vendor: Vendor
) -> None:
    answer = await hearth.browser().get(f"/context-card?a=1&state={await vendor.state()}&b=2")

    carried = dict(parse_qsl(urlsplit(answer.headers["location"]).fragment))
    assert carried.pop("hearth_flow")
    assert carried == {"hearth": "a=1&b=2"}


async def test_the_same_account_and_user_keep_their_connection(
    hearth: Hearth, vendor: Vendor
) -> None:
    ids = []
    for user in (0, 0, 1):
        browser = hearth.browser()
        await browser.sign_in(f"/context-card?state={await vendor.state(user=user)}")
        ids.append((await browser.api("GET", "/session")).json()["connection"]["id"])

    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


async def test_two_loads_with_one_state_at_once_in_one_browser_both_work(
    hearth: Hearth, vendor: Vendor
) -> None:
    state = await vendor.state()
    browser = hearth.browser()
    paths = [f"/context-card?state={state}&conversationId={number}" for number in (1, 2)]

    callbacks = await asyncio.gather(*(browser.authorize(path) for path in paths))
    landings = await asyncio.gather(*(browser.get(callback) for callback in callbacks))

    assert [landing.status_code for landing in landings] == [303, 303]
    assert {landing.headers["location"] for landing in landings} == {
        "/ui/context-card?conversationId=1",
        "/ui/context-card?conversationId=2",
    }
    assert (await browser.api("GET", "/session")).status_code == 200


async def test_a_callback_leaves_another_load_of_its_state_the_proof_that_it_has(
    hearth: Hearth, vendor: Vendor
) -> None:
    """The first card's callback is under way with its own cookie when the second one's comes,
    which brings both cookies. A page says by its fragment which load it is."""
    state = await vendor.state()
    browser = hearth.browser()
    loads = []
    for number in (1, 2):
        alone = hearth.browser()
        entry = await alone.get(f"/context-card?conversationId={number}&state={state}")
        answer = await hearth.http.get(entry.headers["location"].partition("#")[0])
        loads.append((alone.cookies, answer.headers["location"], entry.headers["location"]))
    (first, callback_1, _), (second, callback_2, entry_2) = loads

    browser.cookies = {**first, **second}
    asked = await browser.get(
        callback_2, sec_fetch_dest="iframe", sec_fetch_site="cross-site", sec_fetch_mode="navigate"
    )
    body = {**query_of(callback_2), "flow": entry_2.partition("hearth_flow=")[2]}
    chosen = await browser.request("POST", "/oauth/complete", headers={"x-hearth": "1"}, json=body)
    browser.cookies = dict(first)
    landing = await browser.get(callback_1)

    assert asked.status_code == 200
    assert 'data-outcome="choose"' in asked.text
    assert chosen.json() == {"location": "/ui/context-card?conversationId=2"}
    assert landing.headers["location"] == "/ui/context-card?conversationId=1"


async def test_a_reload_on_the_way_takes_nothing_away(hearth: Hearth, vendor: Vendor) -> None:
    state = await vendor.state()
    browser = hearth.browser()
    for _ in range(3):
        callback = await browser.authorize(f"/context-card?state={state}")

    answer = await browser.get(callback, sec_fetch_dest="iframe", sec_fetch_mode="navigate")

    assert answer.status_code == 303


async def test_two_loads_with_one_state_in_two_browsers_both_work(
    hearth: Hearth, vendor: Vendor
) -> None:
    state = await vendor.state()
    one, other = hearth.browser(), hearth.browser()

    callbacks = [await browser.authorize(f"/settings?state={state}") for browser in (one, other)]

    assert (await one.get(callbacks[0])).status_code == 303
    assert (await other.get(callbacks[1])).status_code == 303


async def test_a_callback_in_another_browser_is_refused_before_the_token_endpoint_is_asked(
    hearth: Hearth, vendor: Vendor
) -> None:
    victim, thief = hearth.browser(), hearth.browser()
    callback = await victim.authorize(f"/context-card?state={await vendor.state()}")
    await thief.authorize(f"/context-card?state={await vendor.state(user=1)}")

    stolen = await thief.get(callback)

    assert stolen.status_code == 403
    assert "wrong_browser" in stolen.text
    assert "__Host-hearth-session" not in thief.cookies
    assert await vendor.count("tokenRequests") == 0
    assert (await victim.get(callback)).status_code == 303


async def test_of_fifty_callbacks_at_once_one_is_exchanged(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    callback = await browser.authorize(f"/context-card?state={await vendor.state()}")

    answers = await asyncio.gather(*(browser.get(callback) for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 49
    assert await vendor.count("tokenRequests") == 1


async def test_a_used_state_is_not_good_again(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    callback = await browser.authorize(f"/context-card?state={await vendor.state()}")
    cookies = dict(browser.cookies)
    await browser.get(callback)
    browser.cookies = cookies

    again = await browser.get(callback)

    assert again.status_code == 400
    assert "unknown_state" in again.text
    assert await vendor.count("tokenRequests") == 1


async def test_an_expired_flow_is_not_good_any_more(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    callback = await browser.authorize(f"/context-card?state={await vendor.state()}")
    await let_flows_expire(hearth)

    answer = await browser.get(callback)

    assert answer.status_code == 400
    assert "unknown_state" in answer.text
    assert await vendor.count("tokenRequests") == 0


MALFORMED = [
    "",
    "?code=0123456789abcdef",
    "?state=abc",
    "?code=&state=abc",
    "?code=0123456789abcdef&state=",
    "?code=0123456789abcdef&state=a&state=a",
    "?code=a&code=b&state=abc",
    "?code=a&error=access_denied&state=abc",
    "?code=%00&state=abc",
    "?code=abc&state=%FF",
    "?code=a%0d%0ab&state=abc",
    f"?code={'a' * 600}&state=abc",
    "?" + "&".join(f"p{number}=1" for number in range(100)),
]


@pytest.mark.parametrize("query", MALFORMED)
async def test_a_malformed_callback_gets_a_page_and_takes_no_flow(
    hearth: Hearth, vendor: Vendor, query: str
) -> None:
    browser = hearth.browser()
    callback = await browser.authorize(f"/context-card?state={await vendor.state()}")

    answer = await browser.get(f"/oauth/callback{query}")

    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert await vendor.count("tokenRequests") == 0
    assert (await browser.get(callback)).status_code == 303


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?state=a&state=b", 400),
        ("?state=%00", 400),
        ("?state=%ff", 400),
        ("?conversationId=%00&state=a", 400),
        ("?conversationId=%ED%A0%80&state=a", 400),
        (f"?state={'s' * 513}", 400),
        (f"?x={'y' * 5000}&state=a", 414),
        ("?" + "&".join(f"p{number}=1" for number in range(100)), 400),
    ],
)
async def test_a_malformed_load_gets_a_page(hearth: Hearth, query: str, status: int) -> None:
    answer = await hearth.browser().get(f"/context-card{query}")

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("access_denied", 403, "access_denied"),
        ("server_error", 502, "authorize_failed"),
        ("<script>alert(1)</script>", 502, "authorize_failed"),
    ],
)
async def test_an_error_from_authorize_ends_the_flow_with_a_page(
    hearth: Hearth, vendor: Vendor, error: str, status: int, code: str
) -> None:
    state = await vendor.state()
    browser = hearth.browser()
    await browser.get(f"/context-card?state={state}")

    answer = await browser.http.get(
        f"{hearth.url}/oauth/callback",
        params={"error": error, "state": state, "error_description": "<b>secret</b>"},
        headers={"cookie": "; ".join(f"{k}={v}" for k, v in browser.cookies.items())},
    )

    assert answer.status_code == status
    assert code in answer.text
    assert "<script>alert" not in answer.text
    assert "secret" not in answer.text
    assert (await browser.get(f"/oauth/callback?code=a&state={state}")).status_code == 400


async def test_an_error_with_a_state_that_nobody_sent_is_like_any_unknown_state(
    hearth: Hearth,
) -> None:
    answer = await hearth.browser().get("/oauth/callback?error=access_denied&state=nobody")

    assert answer.status_code == 400
    assert "unknown_state" in answer.text


TROUBLE = [
    ({"kind": "error500"}, 502, "infobip_unreachable"),
    ({"kind": "error503"}, 502, "infobip_unreachable"),
    ({"kind": "throttle429", "retryAfter": 7}, 503, "infobip_throttled"),
    ({"kind": "drop"}, 502, "infobip_unreachable"),
    ({"kind": "dropAfter"}, 502, "infobip_unreachable"),
    ({"kind": "html"}, 502, "infobip_unreachable"),
    ({"kind": "empty"}, 502, "infobip_unreachable"),
    ({"kind": "text"}, 502, "infobip_unreachable"),
    ({"kind": "noToken"}, 502, "infobip_unreachable"),
    ({"kind": "refuse"}, 400, "code_refused"),
]


@pytest.mark.parametrize(("fault", "status", "code"), TROUBLE)
async def test_trouble_at_the_token_endpoint_gets_a_page_and_leaves_nothing_half_done(
    hearth: Hearth, vendor: Vendor, fault: dict[str, object], status: int, code: str
) -> None:
    await vendor.fail({"target": "exchange", **fault})
    browser = hearth.browser()

    answer = await browser.sign_in(f"/context-card?conversationId=7&state={await vendor.state()}")

    assert answer.status_code == status
    assert code in answer.text
    assert 'href="/context-card?conversationId=7">Try again</a>' in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers.get("retry-after") == ("7" if "retryAfter" in fault else None)
    assert (await browser.api("GET", "/session")).status_code == 401
    assert await vendor.count("tokenRequests") == 1
    await vendor.heal()
    assert (await browser.sign_in(f"/context-card?state={await vendor.state()}")).status_code == 303


async def test_a_wrong_client_secret_is_told_to_be_the_operators_matter(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth(infobip={"client_secret": "wrong"}) as hearth:
        answer = await hearth.browser().sign_in(f"/settings?state={await vendor.state()}")

    assert answer.status_code == 502
    assert "client_refused" in answer.text


async def test_a_token_in_the_spelling_of_the_rfc_is_taken_as_well(
    hearth: Hearth, vendor: Vendor
) -> None:
    await vendor.configure(responseStyle="rfc6749", expiresIn=True)
    browser = hearth.browser()

    await browser.sign_in(f"/context-card?state={await vendor.state()}")

    assert (await browser.api("GET", "/infobip/account/1/balance")).status_code == 200


async def test_a_redirect_uri_is_never_derived_from_the_request(
    hearth: Hearth, vendor: Vendor
) -> None:
    answer = await hearth.browser().get(
        f"/context-card?state={await vendor.state()}",
        host="evil.example",
        x_forwarded_host="evil.example",
        x_forwarded_proto="https",
    )

    assert query_of(answer.headers["location"])["redirect_uri"] == f"{hearth.url}/oauth/callback"


async def test_someone_else_signing_in_at_the_same_browser_ends_the_former_session(
    hearth: Hearth, vendor: Vendor
) -> None:
    browser = hearth.browser()
    await browser.sign_in(f"/context-card?state={await vendor.state(user=0)}")
    former = dict(browser.cookies)
    await browser.sign_in(f"/context-card?state={await vendor.state(user=1)}")

    session = (await browser.api("GET", "/session")).json()
    browser.cookies = former

    assert session["userKey"] == (await vendor.user(1))["userKey"]
    assert (await browser.api("GET", "/session")).status_code == 401


async def let_flows_expire(hearth: Hearth) -> None:
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql("UPDATE flows SET expires_at = now()")
