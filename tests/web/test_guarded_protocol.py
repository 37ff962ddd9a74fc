"""What a connection may cost us before its client has said what it wants, over real sockets."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.web.guarded_protocol import GuardedProtocol
from tests.conftest import Hearth, StartHearth
from tests.support.gateway import Upstream, call_of, gateway_to, signed_in
from tests.support.servers import free_socket, serving
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually
from tests.support.wire import Wire, wire

pytestmark = pytest.mark.anyio

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: hearth\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
MEGABYTE = 1_000_000


class Impatient(GuardedProtocol):
    head_within_seconds = 0.2


class Crowded(GuardedProtocol):
    @staticmethod
    def most_connections() -> int:
        return 3


@pytest.fixture
async def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def through(
    upstream: Upstream, start_hearth: StartHearth, vendor: Vendor
) -> AsyncIterator[UserAgent]:
    """A signed-in browser whose gateway leads to `upstream`."""
    async with (
        serving(upstream, free_socket()) as url,
        gateway_to(url, start_hearth=start_hearth, vendor=vendor) as browser,
    ):
        yield browser


def head_with(*lines: bytes, target: bytes = b"/healthz") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nhost: hearth\r\n" + b"\r\n".join([*lines, b"", b""])


def trickled(data: bytes, size: int = 1_000) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


# --- too large --------------------------------------------------------------------------------

LARGE_HEADS = {
    "one header": head_with(b"x-a: " + b"a" * 66_000),
    "a header's name": head_with(b"a" * 66_000 + b": 1"),
    "many headers": head_with(*[b"x-a: " + b"a" * 1_000] * 66),
    "the target": head_with(target=b"/healthz?" + b"a" * 66_000),
    "all together": head_with(*[b"x-a: " + b"a" * 1_000] * 33, target=b"/?" + b"a" * 33_000),
}


@pytest.mark.parametrize("head", LARGE_HEADS.values(), ids=LARGE_HEADS)
@pytest.mark.parametrize("in_one_piece", [True, False], ids=["in one piece", "trickled"])
async def test_a_head_of_more_than_64_kb_is_too_large(
    hearth: Hearth, head: bytes, in_one_piece: bool
) -> None:
    async with wire(hearth.url) as connection:
        await connection.send(*([head] if in_one_piece else trickled(head)))
        answer = await connection.answer()

        assert answer.status == 431
        assert answer.all("connection") == ["close"]
        assert answer.all("cache-control") == ["no-store"]
        assert await connection.rest() == b""


async def test_a_large_head_is_too_large_on_a_connection_that_was_fine_before(
    hearth: Hearth,
) -> None:
    async with wire(hearth.url) as connection:
        await connection.send(HEALTH)
        assert (await connection.answer()).status == 200
        await connection.send(LARGE_HEADS["one header"])
        assert (await connection.rest()).startswith(TOO_LARGE)


@pytest.mark.parametrize(
    "head",
    [
        head_with(b"x-a: " + b"a" * 60_000),
        head_with(target=b"/healthz?" + b"a" * 60_000),
        head_with(*[b"x-a: " + b"a" * 500] * 99),
    ],
    ids=["one header", "the target", "100 headers"],
)
@pytest.mark.parametrize("in_one_piece", [True, False], ids=["in one piece", "trickled"])
async def test_a_head_within_the_limits_is_read(
    hearth: Hearth, head: bytes, in_one_piece: bool
) -> None:
    async with wire(hearth.url) as connection:
        for _ in range(3):  # what one head took is not held against the next
            await connection.send(*([head] if in_one_piece else trickled(head)))
            assert (await connection.answer()).status == 200


@pytest.mark.parametrize("count", [100, 1_000, 10_000])
async def test_more_than_100_headers_are_too_many(hearth: Hearth, count: int) -> None:
    async with wire(hearth.url) as connection:
        await connection.send(head_with(*[b"a: 1"] * count))  # `host` is one more
        assert (await connection.rest()).startswith(TOO_LARGE)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /", b"a"),
        (b"GET / HTTP/1.1\r\nx-a: ", b"a"),
        (b"GET / HTTP/1.1\r\n", b"a"),
        (b"GET / HTTP/1.1\r\n", b"a: 1\r\n"),
    ],
    ids=["target", "header's value", "header's name", "headers"],
)
async def test_a_head_of_20_mb_is_not_read_to_its_end(
    hearth: Hearth, start: bytes, piece: bytes
) -> None:
    pieces = [start, *[piece * (100_000 // len(piece))] * 200]
    async with wire(hearth.url) as connection:
        sent = await connection.send(*pieces)

        assert sent < 20 * MEGABYTE - 100_000
        assert (await connection.rest()).startswith(TOO_LARGE)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"0\r\nx-a: ", b"a"),
        (b"0\r\n", b"a"),
        (b"1;", b"a"),
        (b"1;a=", b"a"),
    ],
    ids=["a trailer's value", "a trailer's name", "a chunk's extension", "an extension's value"],
)
@pytest.mark.parametrize("known", [True, False], ids=["signed in", "a stranger"])
async def test_nobody_fills_our_memory_after_the_head(
    through: UserAgent, start: bytes, piece: bytes, known: bool
) -> None:
    browser = through if known else UserAgent(through.http, hearth=through.hearth)
    head = call_of(browser, "transfer-encoding: chunked", method="POST")
    async with wire(through.hearth) as connection:
        sent = await connection.send(head + start, *[piece * 100_000] * 200)

        assert sent < 20 * MEGABYTE - 100_000
        assert TOO_LARGE not in await connection.rest()


async def test_blank_lines_without_end_are_cut_off(hearth: Hearth) -> None:
    async with wire(hearth.url) as connection:
        assert await connection.send(*[b"\r\n" * 50_000] * 200) < 20 * MEGABYTE
        await connection.rest()


async def test_what_is_refused_does_not_run_into_an_answer_that_is_under_way(
    through: UserAgent, upstream: Upstream
) -> None:
    refused = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await refused.wait()

    upstream.answer = StreamingResponse(pieces())
    async with wire(through.hearth) as connection:
        await connection.send(call_of(through))
        await connection.send(LARGE_HEADS["one header"])
        try:
            assert TOO_LARGE not in await connection.rest()
        finally:
            refused.set()


# --- too slow ---------------------------------------------------------------------------------


@pytest.fixture
async def impatient(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    async with start_hearth(protocol=Impatient) as hearth:
        yield hearth


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", b"GET /healthz", HEALTH[:-2], b"GET / HTTP/1.1\r\nx-a: 1", b"\r\n", b"\r\n\r\n"],
)
async def test_whoever_does_not_say_what_it_wants_is_cut_off(
    impatient: Hearth, sent: bytes
) -> None:
    async with wire(impatient.url) as connection:
        await connection.send(sent)
        assert await connection.rest() == b""


@pytest.mark.parametrize("sent", [HEALTH[:-2], b"\r\n"], ids=["half a head", "a blank line"])
async def test_so_is_whoever_was_answered_before(impatient: Hearth, sent: bytes) -> None:
    async with wire(impatient.url) as connection:
        await connection.send(HEALTH)
        assert (await connection.answer()).status == 200
        await connection.send(sent)
        assert await connection.rest() == b""


DRIPS = {
    "a target": (b"GET /", b"a"),
    "a header": (b"GET / HTTP/1.1\r\nx-a: ", b"a"),
    "blank lines": (b"", b"\r\n"),
    "blank lines after an answer": (HEALTH, b"\r\n"),
    "a body that is of no more use": (
        b"POST /nothing HTTP/1.1\r\nhost: hearth\r\ncontent-length: 9999\r\n\r\n",
        b"a",
    ),
}


@pytest.mark.parametrize(("start", "drop"), DRIPS.values(), ids=DRIPS)
async def test_dripping_is_no_sign_of_life(impatient: Hearth, start: bytes, drop: bytes) -> None:
    async with wire(impatient.url) as connection:
        await connection.send(start)
        async with asyncio.timeout(10):
            while await connection.send(drop):  # noqa: ASYNC110 - a drip needs its pauses
                await asyncio.sleep(0.02)


async def test_a_slow_answer_is_nobodys_slow_head(
    upstream: Upstream, start_hearth: StartHearth, vendor: Vendor
) -> None:
    """While requests wait for their turn we read no more, so a head may stay half read."""
    asked = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await asyncio.sleep(4 * Impatient.head_within_seconds)
        await Response(b"slow")(scope, receive, send)

    upstream.answer = slow
    async with (
        serving(upstream, free_socket()) as url,
        gateway_to(url, start_hearth=start_hearth, vendor=vendor, protocol=Impatient) as browser,
        wire(browser.hearth) as connection,
    ):
        call = call_of(browser)
        await connection.send(call + call + call[:-10])
        await asked.wait()
        await connection.send(call[-10:])
        assert [(await connection.answer()).body for _ in range(3)] == [b"slow"] * 3


# --- too many ---------------------------------------------------------------------------------


async def test_connections_beyond_what_we_can_bear_are_refused(start_hearth: StartHearth) -> None:
    async with start_hearth(protocol=Crowded) as hearth, AsyncExitStack() as open_ones:
        crowd = [await open_ones.enter_async_context(wire(hearth.url)) for _ in range(3)]
        for each in crowd:
            assert await is_served(each)

        async with wire(hearth.url) as another:
            assert not await is_served(another)
        for each in crowd:
            assert await is_served(each)

        await open_ones.aclose()

        async def there_is_room() -> bool:
            async with wire(hearth.url) as another:
                return await is_served(another)

        await eventually(there_is_room)


def test_half_of_the_descriptors_stay_for_the_database_and_renewals() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert GuardedProtocol.most_connections() > 0
    assert soft == resource.RLIM_INFINITY or GuardedProtocol.most_connections() <= soft / 2


async def is_served(connection: Wire) -> bool:
    await connection.send(HEALTH)
    try:
        return (await connection.answer()).status == 200
    except ConnectionError:
        return False


# --- trailers ---------------------------------------------------------------------------------


async def test_a_trailer_is_not_taken_for_a_header_of_the_call(
    through: UserAgent, upstream: Upstream
) -> None:
    head = call_of(through, "transfer-encoding: chunked", "content-type: a/b", method="POST")
    body = b"2\r\n{}\r\n0\r\nx-agent-id: 7\r\ncontent-type: evil/x\r\n\r\n"
    async with wire(through.hearth) as connection:
        await connection.send(head + body)
        assert (await connection.answer()).status == 200

    request, content = upstream.last
    assert content == b"{}"
    assert "x-agent-id" not in request.headers
    assert request.headers.getlist("content-type") == ["a/b"]


@pytest.mark.parametrize("trailer", ["x-hearth: 1", "cookie: {cookie}"])
async def test_a_trailer_vouches_for_nobody(hearth: Hearth, vendor: Vendor, trailer: str) -> None:
    browser = await signed_in(hearth, vendor)
    ((name, token),) = browser.cookies.items()
    headers = {"x-hearth: 1", f"cookie: {name}={token}"}
    late = trailer.format(cookie=f"{name}={token}")
    lines = [
        "DELETE /api/session HTTP/1.1",
        *["host: hearth", "transfer-encoding: chunked", *(headers - {late})],
    ]
    request = "\r\n".join([*lines, "", "0", late, "", ""])
    async with wire(hearth.url) as connection:
        await connection.send(request.encode())
        assert (await connection.answer()).status in (401, 403)

    assert (await browser.api("GET", "/session")).status_code == 200


# --- and all the others -----------------------------------------------------------------------


async def test_a_connection_serves_one_request_after_the_other(hearth: Hearth) -> None:
    async with wire(hearth.url) as connection:
        for _ in range(5):
            await connection.send(HEALTH)
            answer = await connection.answer()
            assert answer.status == 200
            assert answer.body


async def test_pipelined_requests_are_answered_in_their_order(
    through: UserAgent, upstream: Upstream
) -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(scope["path"])(scope, receive, send)

    upstream.answer = echo
    calls = [call_of(through, path=f"/x/{number}") for number in range(20)]
    async with wire(through.hearth) as connection:
        await connection.send(b"".join(calls))
        bodies = [(await connection.answer()).body for _ in calls]

    assert bodies == [b"/x/%d" % number for number in range(20)]


@pytest.mark.parametrize("length", ["content-length: %d", "transfer-encoding: chunked"])
@pytest.mark.parametrize("head", ["POST /healthz", "CONNECT hearth:80"])
async def test_a_body_is_no_request_whatever_its_head_asks_for(
    impatient: Hearth, head: str, length: str
) -> None:
    """A proxy that passes on the head would give the second answer to somebody else."""
    lines = [f"{head} HTTP/1.1", "host: hearth", "connection: upgrade", "upgrade: x", length]
    asked = "\r\n".join(lines).replace("%d", str(len(HEALTH))).encode() + b"\r\n\r\n"
    async with wire(impatient.url) as connection:
        await connection.send(asked)
        begun = await connection.head()
        await connection.send(HEALTH)
        rest = await connection.rest()

    assert b"HTTP/1.1 " not in rest
    assert begun.startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize("sent", [b"FOO / HTTP/1.1\r\n\r\n", LARGE_HEADS["one header"]])
async def test_what_is_no_request_may_not_be_framed_either(hearth: Hearth, sent: bytes) -> None:
    async with wire(hearth.url) as connection:
        await connection.send(sent)
        answer = await connection.answer()

    assert answer.status in (400, 431)
    assert answer.all("cache-control") == ["no-store"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert "frame-ancestors 'none'" in answer.all("content-security-policy")[0]


async def test_who_asks_for_another_protocol_is_answered_in_this_one(hearth: Hearth) -> None:
    async with wire(hearth.url) as connection:
        for _ in range(2):
            await connection.send(head_with(b"connection: upgrade", b"upgrade: h2c"))
            assert (await connection.answer()).status == 200


async def test_what_is_no_request_does_not_run_into_an_answer_either(
    through: UserAgent, upstream: Upstream
) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.Event().wait()

    upstream.answer = StreamingResponse(slowly())
    async with wire(through.hearth) as connection:
        await connection.send(call_of(through))
        await connection.head()
        await connection.send(b"no request\r\n\r\n")
        rest = await connection.rest()

    assert b"HTTP/1.1 " not in rest


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_a_megabyte_passes_through_and_leaves_the_connection_in_order(
    through: UserAgent, upstream: Upstream, chunked: bool
) -> None:
    body = json.dumps(["x" * 1_000] * 1_000).encode()
    length = "transfer-encoding: chunked" if chunked else f"content-length: {len(body)}"
    head = call_of(through, length, method="POST")
    async with wire(through.hearth) as connection:
        for _ in range(2):
            if chunked:
                pieces = [b"%x\r\n%b\r\n" % (len(each), each) for each in trickled(body, 9_000)]
                await connection.send(head, *pieces, b"0\r\n\r\n")
            else:
                await connection.send(head, body)
            assert (await connection.answer()).status == 200
            assert upstream.last[1] == body
