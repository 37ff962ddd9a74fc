"""The gateway: what passes, what does not, and what each side gets to see of the other."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.conftest import Hearth, StartHearth
from tests.support.gateway import Upstream, gateway_to, signed_in
from tests.support.servers import free_socket, serving
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

SMS = json.dumps(
    {"messages": [{"destinations": [{"to": "41793026727"}], "from": "InfoSMS", "text": "Hello"}]}
).encode()


@pytest.fixture
async def browser(hearth: Hearth, vendor: Vendor) -> UserAgent:
    return await signed_in(hearth, vendor)


@pytest.fixture
async def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def through(
    upstream: Upstream, start_hearth: StartHearth, vendor: Vendor
) -> AsyncIterator[UserAgent]:
    """A signed-in browser whose gateway leads to `upstream`, everything under /x allowed."""
    async with (
        serving(upstream, free_socket()) as url,
        gateway_to(
            url,
            start_hearth=start_hearth,
            vendor=vendor,
            gateway_max_body_bytes=1000,
            gateway_timeout_seconds=2,
        ) as browser,
    ):
        yield browser


async def test_an_sms_goes_out_with_the_live_token(browser: UserAgent, vendor: Vendor) -> None:
    answer = await browser.api(
        "POST", "/infobip/sms/2/text/advanced", content=SMS, content_type="application/json"
    )

    assert answer.status_code == 200
    assert answer.json()["messages"][0]["status"]["groupName"] == "PENDING"
    assert [message["to"] for message in await vendor.messages()] == ["41793026727"]


async def test_infobips_own_errors_pass_through_untouched(browser: UserAgent) -> None:
    answer = await browser.api("GET", "/infobip/ccaas/1/conversations/unknown")

    assert answer.status_code == 400
    assert answer.json()["requestError"]["serviceException"]["messageId"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sms/2/text/advanced"),
        ("POST", "/account/1/balance"),
        ("GET", "/account/1/balance/extra"),
        ("GET", "/people/2"),
        ("GET", "/people/2/oauth"),
        ("GET", "/api/amg/exchange/1/apps/x/oauth"),
        ("POST", "/exchange/1/oauth/token"),
        ("DELETE", "/people/2/persons"),
    ],
)
async def test_what_is_not_listed_is_not_allowed(
    browser: UserAgent, vendor: Vendor, method: str, path: str
) -> None:
    before = await vendor.count("apiCalls")

    answer = await browser.api(method, f"/infobip{path}")

    assert answer.status_code == 403
    assert answer.json()["code"] == "not_allowed"
    assert await vendor.count("apiCalls") == before


DISGUISES = [
    "/people/2/../../account/1/balance",
    "/people/2/%2e%2e/x",
    "/people/2/%2E%2e%2fx",
    "/people/2/a%2fb",
    "/people/2/a%5cb",
    "/people/2/a%252e",
    "/people/2/..;/x",
    "/people/2//persons",
    "/people/2/persons/",
    "/people/2/%00",
    "/people/2/%0d%0ax",
    "/people/2/%ff",
    "/people/2/%zz",
    "//evil.example/people/2/x",
    "/people/2/" + "a" * 5000,
]


@pytest.mark.parametrize("path", DISGUISES)
async def test_a_path_in_disguise_gets_no_further_than_us(
    browser: UserAgent, vendor: Vendor, hearth: Hearth, path: str
) -> None:
    before = await vendor.count("apiCalls")

    status, code = await raw_get(hearth, browser, f"/api/infobip{path}")

    assert (status, code) in [(400, "malformed_request"), (404, "not_found")]
    assert await vendor.count("apiCalls") == before


async def test_the_gateway_needs_a_session(hearth: Hearth) -> None:
    answer = await hearth.browser().api("GET", "/infobip/account/1/balance")

    assert answer.status_code == 401


async def test_the_gateway_refuses_calls_that_our_page_did_not_make(browser: UserAgent) -> None:
    answer = await browser.request("GET", "/api/infobip/account/1/balance")

    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden_origin"


async def test_nothing_of_ours_or_of_the_browser_reaches_infobip(
    through: UserAgent, upstream: Upstream
) -> None:
    await through.api(
        "POST",
        "/infobip/x/echo",
        content=b"{}",
        content_type="application/json",
        authorization="Bearer stolen",
        x_forwarded_for="1.2.3.4",
        forwarded="for=1.2.3.4",
        x_hearth_internal="1",
        x_http_method_override="DELETE",
        connection="keep-alive, Content-Language",
        content_language="hr",
        x_never_heard_of="1",
        referer="https://portal.example/secret",
        origin=through.hearth,
        x_agent_id="agent-7",
        accept_language="hr",
    )

    headers = upstream.last[0].headers
    assert headers["authorization"].startswith("IBSSO ")
    assert headers["x-agent-id"] == "agent-7"
    assert headers["accept-language"] == "hr"
    assert headers["content-type"] == "application/json"
    assert headers["host"] == upstream.last[0].url.netloc
    assert set(headers) == {
        *["accept", "accept-encoding", "accept-language", "content-type", "x-agent-id"],
        *["host", "content-length", "authorization", "user-agent"],
    }
    assert "python" not in headers["user-agent"]
    assert headers.getlist("authorization") == [headers["authorization"]]


async def test_nothing_of_infobips_answer_acts_on_our_origin(
    through: UserAgent, upstream: Upstream
) -> None:
    upstream.answer = JSONResponse(
        {},
        headers={
            "set-cookie": "__Host-hearth-session=x; Path=/; Secure",
            "access-control-allow-origin": "*",
            "content-security-policy": "default-src *",
            "location": "https://evil.example",
            "clear-site-data": '"cookies"',
            "x-hearth-session": "x",
            "retry-after": "7",
            "x-ratelimit-remaining": "9",
            "x-never-heard-of": "1",
            "cache-control": "public, max-age=3600",
            "expires": "Thu, 01 Jan 2099 00:00:00 GMT",
            "service-worker-allowed": "/",
            "refresh": "0; url=https://evil.example",
        },
        status_code=302,
    )

    answer = await through.api("GET", "/infobip/x/y")

    assert answer.status_code == 302
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-ratelimit-remaining"] == "9"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not {
        "set-cookie",
        "access-control-allow-origin",
        "location",
        "clear-site-data",
        "x-hearth-session",
        "x-never-heard-of",
        "expires",
        "service-worker-allowed",
        "refresh",
    } & set(answer.headers)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_method_query_body_and_status_pass_through(
    through: UserAgent, upstream: Upstream, method: str
) -> None:
    upstream.answer = Response(b"\x00\xff", status_code=418, media_type="application/x-thing")
    body = b"\x00\xfe" if method != "GET" else None

    answer = await through.api(method, "/infobip/x/a%20b/%C5%BE?q=a%2Fb&q=c", content=body)

    request, seen = upstream.last
    assert (answer.status_code, answer.content) == (418, b"\x00\xff")
    assert answer.headers["content-type"] == "application/x-thing"
    assert request.method == method
    assert request.scope["raw_path"] == b"/x/a%20b/%C5%BE"
    assert request.scope["query_string"] == b"q=a%2Fb&q=c"
    assert seen == (body or b"")


async def test_a_compressed_answer_stays_as_it_is(through: UserAgent, upstream: Upstream) -> None:
    squeezed = bytes.fromhex("1f8b0800000000000003cb48cdc9c9070086a6103605000000")
    upstream.answer = Response(squeezed, headers={"content-encoding": "gzip"})

    answer = await through.api("GET", "/infobip/x/y", accept_encoding="gzip")

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == "hello"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_too_large(
    through: UserAgent, upstream: Upstream, chunked: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    cookie = "; ".join(f"{name}={value}" for name, value in through.cookies.items())
    answer = await through.http.post(
        f"{through.hearth}/api/infobip/x/y",
        headers={"x-hearth": "1", "cookie": cookie},
        content=pieces() if chunked else b"x" * 1100,
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


async def test_an_answer_is_passed_on_as_it_arrives(through: UserAgent, upstream: Upstream) -> None:
    may_go_on = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await may_go_on.wait()
        yield b"second"

    upstream.answer = StreamingResponse(pieces())
    cookie = "; ".join(f"{name}={value}" for name, value in through.cookies.items())
    async with through.http.stream(
        "GET",
        f"{through.hearth}/api/infobip/x/y",
        headers={"x-hearth": "1", "cookie": cookie},
    ) as answer:
        chunks = answer.aiter_raw()
        first = await anext(chunks)
        may_go_on.set()
        rest = b"".join([chunk async for chunk in chunks])

    assert (first, rest) == (b"first", b"second")


async def test_an_infobip_that_does_not_answer_in_time_is_a_timeout(
    through: UserAgent, upstream: Upstream
) -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(5)

    upstream.answer = never
    answer = await through.api("GET", "/infobip/x/y")

    assert answer.status_code == 504
    assert answer.json()["code"] == "infobip_timeout"


async def test_an_infobip_that_cannot_be_reached_is_unreachable(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    infobip = {"api_url": "http://127.0.0.1:1", "api_hosts": ("127.0.0.1:1",)}
    async with start_hearth(infobip=infobip) as hearth:
        browser = await signed_in(hearth, vendor)
        answer = await browser.api("GET", "/infobip/account/1/balance")

    assert answer.status_code == 502
    assert answer.json()["code"] == "infobip_unreachable"


async def test_without_a_live_token_the_way_back_is_told(hearth: Hearth, vendor: Vendor) -> None:
    browser = await signed_in(hearth, vendor)
    async with hearth.process.database.transaction() as tx:
        await tx.exec_driver_sql("UPDATE tokens SET expires_at = now()")

    answer = await browser.api("GET", "/infobip/account/1/balance")

    assert answer.status_code == 409
    assert answer.json()["code"] == "connection_lost"
    assert answer.json()["reconnectUrl"] == f"{hearth.url}/context-card?conversationId=7"


async def raw_get(hearth: Hearth, browser: UserAgent, path: str) -> tuple[int, str]:
    """A GET whose path is sent to the letter, as no client library would."""
    host, _, port = hearth.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Hearth: 1\r\nCookie: {cookie}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["code"]
