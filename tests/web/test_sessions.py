"""Sessions of embedded pages, and who may use them."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

import pytest

from app.embed.sessions import COOKIE_PREFIX
from app.store.tables import metadata
from app.web.cookies import SESSION_COOKIE
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, admin
from tests.support.gateway import signed_in
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

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


PLANTED = [
    b"\xa0%b=%b",
    b"\x85%b=%b",
    b"\xc2\xa0%b=%b",
    b"x=1; \xa0%b=%b",
    b"x=1, %b=%b",
    b'"%b"=%b',
    b"x%b=%b",
    b"=%b=%b",
]


@pytest.mark.parametrize("form", PLANTED)
async def test_a_live_token_in_a_cookie_that_a_neighbour_could_plant_signs_nobody_in(
    hearth: Hearth, browser: UserAgent, form: bytes
) -> None:
    token = browser.cookies[SESSION_COOKIE].encode()

    assert await session_status(hearth, form % (SESSION_COOKIE.encode(), token)) == 401
    assert await session_status(hearth, b"%b=%b" % (SESSION_COOKIE.encode(), token)) == 200


async def test_of_two_session_cookies_none_is_believed(hearth: Hearth, browser: UserAgent) -> None:
    own = f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}".encode()
    other = f"{SESSION_COOKIE}=hearth_s_x".encode()

    assert await session_status(hearth, own + b"; " + other) == 401
    assert await session_status(hearth, other + b"; " + own) == 401
    assert await session_status(hearth, own + b"; " + own) == 401
    assert await session_status(hearth, own, other) == 401
    assert await session_status(hearth, b"x=1; " + own, b"y=2") == 200


async def test_a_planted_flow_cookie_does_not_finish_a_flow(hearth: Hearth, vendor: Vendor) -> None:
    browser = hearth.browser()
    callback = await browser.authorize(f"/settings?state={await vendor.state()}")
    ((name, secret),) = browser.cookies.items()
    planted = f"\xa0{name}={secret}".encode("latin-1")

    refused = await browser.http.get(callback, headers=[(b"cookie", planted)])

    assert 400 <= refused.status_code < 500
    assert SESSION_COOKIE not in refused.headers.get("set-cookie", "")


async def session_status(hearth: Hearth, *cookies: bytes) -> int:
    headers = [(b"x-hearth", b"1"), *((b"cookie", cookie) for cookie in cookies)]
    return (await hearth.http.get(f"{hearth.url}/api/session", headers=headers)).status_code


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


# --- one session gives way to another ---------------------------------------------------------

IN_ITS_GRACE = "expires_at > now() AND expires_at <= now() + interval '60 seconds'"
ENTRY = "/context-card?conversationId=7&state="


async def test_a_session_that_the_same_person_replaced_has_a_minute_left(
    hearth: Hearth, browser: UserAgent, vendor: Vendor
) -> None:
    former = browser.cookies[SESSION_COOKIE]
    await browser.sign_in(ENTRY + await vendor.state())

    assert await session_status(hearth, f"{SESSION_COOKIE}={former}".encode()) == 200
    assert await scalar(hearth, f"SELECT count(*) FROM sessions WHERE {IN_ITS_GRACE}") == 1
    assert await scalar(hearth, "SELECT count(*) FROM sessions") == 2
    await execute(hearth, f"UPDATE sessions SET expires_at = now() WHERE {IN_ITS_GRACE}")
    assert await session_status(hearth, f"{SESSION_COOKIE}={former}".encode()) == 401
    assert (await browser.api("GET", "/session")).status_code == 200


async def test_being_replaced_never_prolongs_a_session(
    hearth: Hearth, browser: UserAgent, vendor: Vendor
) -> None:
    await execute(hearth, "UPDATE sessions SET expires_at = now() + interval '20 seconds'")
    before = await scalar(hearth, "SELECT expires_at FROM sessions")
    await browser.sign_in(ENTRY + await vendor.state())

    assert await scalar(hearth, f"SELECT expires_at FROM sessions WHERE {IN_ITS_GRACE}") == before


async def test_the_minute_is_not_given_again(
    hearth: Hearth, browser: UserAgent, vendor: Vendor
) -> None:
    """Each sign-in replaces the session that the browser has, not those before it."""
    former = dict(browser.cookies)
    for _ in range(2):
        browser.cookies = dict(former)
        await browser.sign_in(ENTRY + await vendor.state())
        await execute(
            hearth,
            "UPDATE sessions SET expires_at = expires_at - interval '40 seconds' "
            f"WHERE {IN_ITS_GRACE}",
        )

    left = "SELECT count(*) FROM sessions WHERE expires_at > now() + interval '1 minute'"
    assert await scalar(hearth, left) == 2
    assert await session_status(hearth, cookie_of(former)) == 401


async def test_a_session_of_somebody_else_is_over_at_once(
    hearth: Hearth, browser: UserAgent, vendor: Vendor
) -> None:
    former = cookie_of(browser.cookies)
    await browser.sign_in(ENTRY + await vendor.state(user=1))

    assert await session_status(hearth, former) == 401
    assert await scalar(hearth, "SELECT count(*) FROM sessions") == 1


async def test_other_browsers_of_the_same_person_are_left_alone(
    hearth: Hearth, browser: UserAgent, vendor: Vendor
) -> None:
    other = hearth.browser()
    await other.sign_in(ENTRY + await vendor.state())
    await other.sign_in(ENTRY + await vendor.state())

    assert (await browser.api("GET", "/session")).status_code == 200
    left = "SELECT count(*) FROM sessions WHERE expires_at > now() + interval '1 minute'"
    assert await scalar(hearth, left) == 2


async def test_signing_out_ends_the_new_session_and_gives_the_former_no_more_time(
    hearth: Hearth, browser: UserAgent, vendor: Vendor
) -> None:
    await browser.sign_in(ENTRY + await vendor.state())
    signed_in = cookie_of(browser.cookies)
    end = await scalar(hearth, f"SELECT expires_at FROM sessions WHERE {IN_ITS_GRACE}")

    assert (await browser.api("DELETE", "/session")).status_code == 204
    assert await session_status(hearth, signed_in) == 401
    assert await scalar(hearth, "SELECT expires_at FROM sessions") == end


def cookie_of(cookies: Mapping[str, str]) -> bytes:
    return f"{SESSION_COOKIE}={cookies[SESSION_COOKIE]}".encode()


# --- how long it lives ------------------------------------------------------------------------


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
    for table in metadata.tables:
        dump += str(await scalar(hearth, f"SELECT json_agg(t)::text FROM {table} t"))
        dump += str(await scalar(hearth, f"SELECT string_agg(t::text, ' ') FROM {table} t"))

    assert live
    assert not [secret for secret in secrets if secret in dump or secret.encode().hex() in dump]
    usable = await hearth.process.tokens.usable(
        (
            await hearth.process.sessions.find(
                browser.cookies["__Host-hearth-session"], prefix=COOKIE_PREFIX
            )
        ).connection
    )
    token = usable.authorization.removeprefix("IBSSO ")
    assert token not in repr(usable)
    assert token not in dump
    assert token.encode().hex() not in dump


async def execute(hearth: Hearth, statement: str) -> None:
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql(statement)


async def scalar(hearth: Hearth, statement: str) -> object:
    async with hearth.process.database.transaction() as tx:
        return (await tx.exec_driver_sql(statement)).scalar_one()


# --- what is known for a moment without asking --------------------------------------------------


@pytest.mark.parametrize("how", ["signs out", "is disconnected"])
async def test_a_session_that_ends_here_is_not_good_for_a_single_call_more(
    start_hearth: StartHearth, vendor: Vendor, how: str
) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        browser = await signed_in(hearth, vendor)
        for _ in range(20):
            seen = await browser.api("GET", "/session")
            assert seen.status_code == 200
        calls = [asyncio.create_task(browser.api("GET", "/session")) for _ in range(20)]
        cookies = dict(browser.cookies)
        if how == "signs out":
            await browser.api("DELETE", "/session")
        else:
            path = f"/connections/{seen.json()['connection']['id']}"
            assert (await admin(hearth, "DELETE", path)).status_code == 204
        browser.cookies = cookies
        answers = [await browser.api("GET", "/session") for _ in range(5)]
        await asyncio.gather(*calls)

    assert {answer.status_code for answer in answers} == {401}


async def test_a_session_that_ends_elsewhere_ends_here_within_a_second(
    hearth: Hearth, browser: UserAgent
) -> None:
    """Even where nobody says a word: what is not heard is asked for."""
    assert (await browser.api("GET", "/session")).status_code == 200
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql("DELETE FROM sessions")

    async def is_over() -> bool:
        return (await browser.api("GET", "/session")).status_code == 401

    await eventually(is_over)
