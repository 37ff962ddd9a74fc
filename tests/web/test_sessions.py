"""Sessions of embedded pages, and who may use them."""

from datetime import datetime

import pytest

from tests.conftest import Hearth
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio


@pytest.fixture
async def browser(hearth: Hearth, vendor: Vendor) -> UserAgent:
    """A browser that is signed in."""
    browser = hearth.browser()
    landing = await browser.sign_in(f"/context-card?conversationId=7&state={await vendor.state()}")
    assert landing.status_code == 303
    return browser


async def test_the_session_cookie_is_for_this_host_and_the_framing_site_alone(
    hearth: Hearth, vendor: Vendor
) -> None:
    landing = await hearth.browser().sign_in(f"/settings?state={await vendor.state()}")

    (cookie,) = [
        header
        for header in landing.headers.get_list("set-cookie")
        if header.startswith("__Host-hearth-session=hearth_s_")
    ]
    assert cookie.split("; ")[1:] == [
        "Max-Age=43200",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=None",
        "Partitioned",
    ]


async def test_each_sign_in_makes_a_new_session_token(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    tokens = set()
    for _ in range(2):
        await browser.sign_in(f"/context-card?state={await vendor.state()}")
        tokens.add(browser.cookies["__Host-hearth-session"])

    assert len(tokens) == 2


async def test_a_call_without_a_session_is_not_signed_in(hearth: Hearth) -> None:
    answer = await hearth.browser().api("GET", "/session")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_signed_in"


@pytest.mark.parametrize(
    "cookie",
    ["x", "hearth_s_", "hearth_s_" + "A" * 43, "hearth_s_" + "A" * 5000, '"', "hearth_s_\xff"],
)
async def test_a_made_up_session_token_is_not_signed_in(hearth: Hearth, cookie: str) -> None:
    browser = hearth.browser()

    answer = await browser.http.get(
        f"{hearth.url}/api/session",
        headers=[
            (b"x-hearth", b"1"),
            (b"cookie", f"__Host-hearth-session={cookie}".encode("latin-1")),
        ],
    )

    assert answer.status_code == 401


FORGERIES = [
    {"x_hearth": "0"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "none"},
]


@pytest.mark.parametrize("headers", FORGERIES)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_call_that_our_page_did_not_make_is_refused(
    browser: UserAgent, headers: dict[str, str], method: str
) -> None:
    answer = await browser.api(method, "/session", content=None, **headers)

    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden_origin"
    assert (await browser.api("GET", "/session")).status_code == 200


async def test_a_simple_request_with_the_cookie_alone_is_refused(browser: UserAgent) -> None:
    answer = await browser.get("/api/session")

    assert answer.status_code == 403


async def test_our_own_origin_is_welcome(hearth: Hearth, browser: UserAgent) -> None:
    answer = await browser.api("GET", "/session", origin=hearth.url)

    assert answer.status_code == 200


async def test_times_are_in_utc_and_the_token_is_fresh(browser: UserAgent) -> None:
    session = (await browser.api("GET", "/session")).json()

    renewed, expires = (
        datetime.fromisoformat(session["connection"][name]) for name in ("renewedAt", "expiresAt")
    )
    assert session["connection"]["renewedAt"].endswith("Z")
    assert (expires - renewed).total_seconds() == pytest.approx(60, abs=0.01)


async def test_signing_out_ends_the_session_on_the_server(browser: UserAgent) -> None:
    cookies = dict(browser.cookies)

    answer = await browser.api("DELETE", "/session")
    browser.cookies = cookies

    assert answer.status_code == 204
    assert (await browser.api("GET", "/session")).status_code == 401


async def test_signing_out_clears_the_cookie(browser: UserAgent) -> None:
    await browser.api("DELETE", "/session")

    assert "__Host-hearth-session" not in browser.cookies


@pytest.mark.parametrize(
    "change",
    ["expires_at = now()", "seen_at = now() - interval '1 hour'"],
    ids=["absolute", "idle"],
)
async def test_a_session_ends_at_its_limits(
    hearth: Hearth, browser: UserAgent, change: str
) -> None:
    await execute(hearth, f"UPDATE sessions SET {change}")

    assert (await browser.api("GET", "/session")).status_code == 401


async def test_using_a_session_keeps_it_from_going_idle(hearth: Hearth, browser: UserAgent) -> None:
    await execute(hearth, "UPDATE sessions SET seen_at = now() - interval '59 minutes'")

    assert (await browser.api("GET", "/session")).status_code == 200
    assert await scalar(hearth, "SELECT seen_at > now() - interval '1 minute' FROM sessions")


async def test_neither_tokens_nor_states_nor_cookies_are_readable_in_the_database(
    hearth: Hearth, browser: UserAgent, vendor: Vendor
) -> None:
    state = await vendor.state()
    await browser.get(f"/settings?state={state}")
    live = (await browser.http.get(f"{vendor.url}/_sandbox/tokens")).json()
    secrets = [state, *browser.cookies.values()]

    dump = ""
    for table in ("connections", "tokens", "flows", "sessions", "leases"):
        dump += str(await scalar(hearth, f"SELECT json_agg(t)::text FROM {table} t"))
        dump += str(await scalar(hearth, f"SELECT string_agg(t::text, ' ') FROM {table} t"))

    assert live
    assert not [secret for secret in secrets if secret in dump or secret.encode().hex() in dump]
    authorization = await hearth.process.tokens.authorization(
        (await hearth.process.sessions.find(browser.cookies["__Host-hearth-session"])).connection
    )
    token = authorization.removeprefix("IBSSO ")
    assert token not in dump
    assert token.encode().hex() not in dump


async def execute(hearth: Hearth, statement: str) -> None:
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql(statement)


async def scalar(hearth: Hearth, statement: str) -> object:
    async with hearth.process.database.transaction() as tx:
        return (await tx.exec_driver_sql(statement)).scalar_one()
