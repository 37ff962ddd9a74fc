"""Whatever happens on the wire, what comes out is an answer or one of our own errors."""

import asyncio
import gzip
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import httpx
import pytest

from app.gateway.bodies import Body
from app.infobip.calls import Calls
from app.infobip.errors import (
    InfobipError,
    PassingTrouble,
    Refused,
    TimedOut,
    Unintelligible,
    Unreachable,
)
from app.infobip.http1_connection import Limits
from app.infobip.transport import Transport, translated_errors
from tests.infobip.certificates import Certificate
from tests.infobip.loopback import Conduct, Received, answered, loopback, written

pytestmark = pytest.mark.anyio

CANARY = "canary-4f1d"
SHORT_SECONDS = 0.15
AMPLE_SECONDS = 20.0
AMPLE = Limits(silence_seconds=AMPLE_SECONDS, longest_seconds=AMPLE_SECONDS)
MORE_THAN_IS_READ_AHEAD = b"x" * 1_000_000


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    async with Transport() as transport:
        yield transport


# --- the three ways over the wire -------------------------------------------------------------

Way = Callable[[Transport, str, float], Awaitable[tuple[int, bytes]]]


async def as_a_renewal(transport: Transport, url: str, seconds: float) -> tuple[int, bytes]:
    answer = await transport.post_form(url, b"code=" + CANARY.encode(), timeout_seconds=seconds)
    return answer.status, answer.body


async def as_an_exchange(transport: Transport, url: str, seconds: float) -> tuple[int, bytes]:
    answer = await transport.send(
        "POST", url, headers={}, body=b"code=" + CANARY.encode(), timeout_seconds=seconds
    )
    return answer.status, answer.body


async def as_a_gateway_call(transport: Transport, url: str, seconds: float) -> tuple[int, bytes]:
    answer = await Calls(transport=transport).open(
        "GET",
        url,
        authorization=f"IBSSO {CANARY}",
        headers=[],
        body=None,
        limits=Limits(silence_seconds=seconds, longest_seconds=seconds),
    )
    try:
        body = b""
        while piece := await answer.read():
            body += piece
        return answer.status, body
    finally:
        await answer.close()


every_way = pytest.mark.parametrize("way", [as_a_renewal, as_an_exchange, as_a_gateway_call])


# --- what a server can do wrong ---------------------------------------------------------------


async def hangs(_: Received, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hangs_mid_head(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-")
    await asyncio.Event().wait()


async def hangs_mid_body(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{")
    await asyncio.Event().wait()


async def hangs_late_in_a_long_body(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + MORE_THAN_IS_READ_AHEAD)
    await asyncio.Event().wait()


async def trickles(_: Received, writer: asyncio.StreamWriter) -> None:
    """Never silent for long, never done: only a limit on the whole ends it."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(SHORT_SECONDS / 10)


async def never_ends(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b"x" * 0x400 + b"\r\n")
        await writer.drain()
        await asyncio.sleep(SHORT_SECONDS / 100)


async def resets(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def closes_without_a_word(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets_mid_body(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()


async def resets_late_in_a_long_body(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + MORE_THAN_IS_READ_AHEAD)
    await writer.drain()
    writer.transport.abort()


async def closes_mid_chunk(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nabc")
    writer.close()


@every_way
@pytest.mark.parametrize(
    "conduct",
    [hangs, hangs_mid_head, hangs_mid_body, hangs_late_in_a_long_body, trickles, never_ends],
)
async def test_a_server_that_takes_too_long_is_timed_out(
    transport: Transport, way: Way, conduct: Conduct
) -> None:
    async with loopback(conduct) as server:
        with pytest.raises(TimedOut):
            await way(transport, server.url, SHORT_SECONDS)


@every_way
@pytest.mark.parametrize(
    "conduct",
    [
        resets,
        closes_without_a_word,
        resets_mid_body,
        resets_late_in_a_long_body,
        closes_mid_chunk,
    ],
)
async def test_a_connection_that_breaks_is_unreachable(
    transport: Transport, way: Way, conduct: Conduct
) -> None:
    async with loopback(conduct) as server:
        with pytest.raises(Unreachable):
            await way(transport, server.url, AMPLE_SECONDS)


@every_way
async def test_a_refused_port_is_unreachable(transport: Transport, way: Way) -> None:
    async with loopback(hangs) as server:
        url = server.url
    with pytest.raises(Unreachable):
        await way(transport, url, AMPLE_SECONDS)


@every_way
@pytest.mark.parametrize(
    "conduct",
    [
        written(b"SSH-2.0-OpenSSH_9.7\r\n\r\n"),
        written(b"\x00\xff\x16\x03\x01" * 50 + b"\r\n\r\n"),
        written(b"HTTP/1.1 two hundred\r\n\r\n"),
        written(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
        written(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
        written(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n"),
        written(b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 2_000_000 + b"\r\n\r\n"),
        written(b"HTTP/1.1 200 OK\r\n" + b"x-many: a\r\n" * 2_000 + b"\r\n"),
        written(b"HTTP/1.1 200 OK\r\nbad header: a\r\ncontent-length: 0\r\n\r\n"),
    ],
)
async def test_a_broken_answer_decides_nothing(
    transport: Transport, way: Way, conduct: Conduct
) -> None:
    """Neither a refusal nor a foreign error: the token may still be good."""
    async with loopback(conduct) as server:
        with pytest.raises((Unreachable, Unintelligible)):
            await way(transport, server.url, AMPLE_SECONDS)


@every_way
@pytest.mark.parametrize(
    "header", [b"x-name: Andr\xe9", "retry-after: später".encode(), b"content-type: \xff\xfe"]
)
async def test_an_answer_with_a_header_outside_ascii_raises_nothing_foreign(
    transport: Transport, way: Way, header: bytes
) -> None:
    raw = b"HTTP/1.1 200 OK\r\n" + header + b"\r\ncontent-length: 2\r\n\r\nok"
    async with loopback(written(raw)) as server:
        with suppress(InfobipError):
            assert await way(transport, server.url, AMPLE_SECONDS) == (200, b"ok")


@every_way
@pytest.mark.parametrize("tls_bytes", [True, False], ids=["tls to plain", "plain to tls"])
async def test_the_wrong_protocol_is_no_answer(
    transport: Transport, way: Way, tls_bytes: bool, certificate: Certificate
) -> None:
    async with loopback(answered(b"ok"), tls=None if tls_bytes else certificate.served()) as server:
        wrong = {"http": "https", "https": "http"}
        scheme, _, rest = server.url.partition(":")
        with pytest.raises((PassingTrouble, Unintelligible)):
            await way(transport, f"{wrong[scheme]}:{rest}", SHORT_SECONDS)
        assert not server.received


@pytest.mark.parametrize("way", [as_a_renewal, as_an_exchange])
async def test_what_is_under_way_when_the_pool_closes_is_unreachable(way: Way) -> None:
    """Of the gateway's calls, which can be called off, none is left by then."""
    asked = asyncio.Event()

    async def hangs_once_asked(_: Received, __: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with loopback(hangs_once_asked) as server:
        async with Transport() as transport:
            call = asyncio.ensure_future(way(transport, server.url, AMPLE_SECONDS))
            await asked.wait()
        with pytest.raises(Unreachable):
            await call


@every_way
async def test_an_error_repeats_neither_address_nor_body(transport: Transport, way: Way) -> None:
    async with loopback(resets) as server:
        with pytest.raises(InfobipError) as caught:
            await way(transport, f"{server.url}/?code={CANARY}", AMPLE_SECONDS)
    only_ours = traceback.format_exception_only(caught.value)
    assert CANARY not in "".join(only_ours)
    assert server.url not in "".join(only_ours)


@every_way
async def test_a_request_whose_outcome_is_unknown_is_not_repeated(
    transport: Transport, way: Way
) -> None:
    """Even on a connection that had worked before, where clients like to try again."""

    async def once_then_reset(request: Received, writer: asyncio.StreamWriter) -> None:
        if len(server.received) == 1:
            await answered(b"first")(request, writer)
        else:
            writer.transport.abort()

    async with loopback(once_then_reset) as server:
        assert await way(transport, server.url, AMPLE_SECONDS) == (200, b"first")
        with pytest.raises(Unreachable):
            await way(transport, server.url, AMPLE_SECONDS)
        assert len(server.received) == 2


# --- what is no trouble -----------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
async def test_a_redirect_is_an_answer_and_not_followed(
    transport: Transport, way: Way, status: str
) -> None:
    async with loopback(answered(b"moved", "location: /elsewhere", status=status)) as server:
        assert await way(transport, server.url, AMPLE_SECONDS) == (int(status[:3]), b"moved")
        assert [request.target for request in server.received] == ["/"]


@every_way
@pytest.mark.parametrize("status", ["400", "401", "404", "429", "500", "503", "599"])
async def test_a_status_is_an_answer_and_not_an_error(
    transport: Transport, way: Way, status: str
) -> None:
    async with loopback(answered(b"{}", status=f"{status} x")) as server:
        assert await way(transport, server.url, AMPLE_SECONDS) == (int(status), b"{}")


@every_way
async def test_cookies_are_never_sent_back(transport: Transport, way: Way) -> None:
    async with loopback(answered(b"", "set-cookie: node=a7; Path=/")) as server:
        for _ in range(2):
            await way(transport, server.url, AMPLE_SECONDS)
        assert [request.header("cookie") for request in server.received] == [None, None]


@every_way
async def test_a_huge_answer_arrives_whole(transport: Transport, way: Way) -> None:
    body = bytes(range(256)) * 3_900
    async with loopback(answered(body)) as server:
        assert await way(transport, server.url, AMPLE_SECONDS) == (200, body)


@every_way
async def test_a_chunked_answer_arrives_whole(transport: Transport, way: Way) -> None:
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with loopback(written(raw)) as server:
        assert await way(transport, server.url, AMPLE_SECONDS) == (200, b"abcde")


@every_way
async def test_many_calls_at_once_get_their_own_answers(transport: Transport, way: Way) -> None:
    async def echo(request: Received, writer: asyncio.StreamWriter) -> None:
        await answered(request.target.encode())(request, writer)

    async with loopback(echo) as server:
        calls = [way(transport, f"{server.url}/{n}", AMPLE_SECONDS) for n in range(100)]
        answers = await asyncio.gather(*calls)
    assert answers == [(200, f"/{n}".encode()) for n in range(100)]


@pytest.mark.parametrize("way", [as_a_renewal, as_an_exchange])
async def test_a_form_is_posted_as_it_is(transport: Transport, way: Way) -> None:
    async with loopback(answered()) as server:
        await way(transport, f"{server.url}/token", AMPLE_SECONDS)
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/token")
    assert request.body == b"code=" + CANARY.encode()
    assert request.header("content-length") == str(len(request.body))


async def test_a_renewal_says_what_it_sends_and_wants(transport: Transport) -> None:
    async with loopback(answered()) as server:
        await as_a_renewal(transport, server.url, AMPLE_SECONDS)
    (request,) = server.received
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert request.header("accept") == "application/json"
    assert request.header("accept-encoding") is None


@pytest.mark.parametrize(("given", "read"), [("7", "7"), ("Wed, 21 Oct", "Wed, 21 Oct")])
async def test_retry_after_comes_along(transport: Transport, given: str, read: str) -> None:
    async with loopback(answered(b"", f"Retry-After: {given}", status="429 x")) as server:
        renewal = await transport.post_form(server.url, b"", timeout_seconds=AMPLE_SECONDS)
        exchange = await transport.send(
            "POST", server.url, headers={}, body=b"", timeout_seconds=AMPLE_SECONDS
        )
    assert (renewal.retry_after, exchange.retry_after) == (read, read)


# --- gateway calls ----------------------------------------------------------------------------


async def test_a_compressed_body_is_left_alone(transport: Transport) -> None:
    body = gzip.compress(b"hello " * 1_000)
    async with loopback(answered(body, "content-encoding: gzip")) as server:
        assert await as_a_gateway_call(transport, server.url, AMPLE_SECONDS) == (200, body)


@pytest.mark.parametrize("status", ["101 x", "600 x", "999 x"])
async def test_a_status_that_is_not_final_or_not_known_is_no_answer_for_a_page(
    transport: Transport, status: str
) -> None:
    async with loopback(answered(b"x", status=status)) as server:
        with pytest.raises(Unintelligible):
            await as_a_gateway_call(transport, server.url, AMPLE_SECONDS)


async def test_an_answers_repeated_headers_all_arrive(transport: Transport) -> None:
    async with loopback(answered(b"", "x-a: 1", "x-a: 2", "content-encoding: gzip")) as server:
        answer = await Calls(transport=transport).open(
            "GET",
            server.url,
            authorization="IBSSO t",
            headers=[],
            body=None,
            limits=AMPLE,
        )
        await answer.close()
    assert [value for name, value in answer.headers if name == b"x-a"] == [b"1", b"2"]
    assert (b"content-encoding", b"gzip") in list(answer.headers)


async def test_an_answer_arrives_before_it_is_complete(transport: Transport) -> None:
    go_on = asyncio.Event()

    async def in_two_parts(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhead")
        await go_on.wait()
        writer.write(b"tail")

    async with loopback(in_two_parts) as server:
        answer = await Calls(transport=transport).open(
            "GET",
            server.url,
            authorization="IBSSO t",
            headers=[],
            body=None,
            limits=AMPLE,
        )
        seen = b""
        while piece := await answer.read():
            seen += piece
            go_on.set()
        await answer.close()
    assert seen == b"headtail"


async def test_a_call_brings_its_headers_and_no_client_of_ours(transport: Transport) -> None:
    async with loopback(answered()) as server:
        answer = await Calls(transport=transport).open(
            "POST",
            f"{server.url}/sms/3/messages?a=1&a=%20",
            authorization="IBSSO t-1",
            headers=[(b"content-type", b"application/json"), (b"x-agent-id", b"7")],
            body=None,
            limits=AMPLE,
        )
        await answer.close()
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/sms/3/messages?a=1&a=%20")
    assert request.header("authorization") == "IBSSO t-1"
    assert request.header("content-type") == "application/json"
    assert request.header("x-agent-id") == "7"
    assert {name for name, _ in request.headers} <= {
        "accept",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-agent-id",
    }


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
async def test_a_body_is_streamed(transport: Transport, declared: bool) -> None:
    async def body() -> AsyncIterator[bytes]:
        for part in (b"one ", b"two ", b"three"):
            yield part

    async with loopback(answered(b"ok")) as server:
        answer = await Calls(transport=transport).open(
            "PUT",
            server.url,
            authorization="IBSSO t",
            headers=[],
            body=Body(body(), length=13 if declared else None),
            limits=AMPLE,
        )
        await answer.close()
    (request,) = server.received
    assert request.body == b"one two three"
    assert request.header("content-length") == ("13" if declared else None)


async def test_a_body_that_fails_on_its_way_ends_the_call_with_its_own_error(
    transport: Transport,
) -> None:
    class Gone(Exception):
        pass

    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        raise Gone

    async with loopback(answered(b"ok")) as server:
        with pytest.raises(Gone):
            await Calls(transport=transport).open(
                "POST",
                server.url,
                authorization="IBSSO t",
                headers=[],
                body=Body(body(), length=None),
                limits=AMPLE,
            )
        assert not server.received


# --- TLS --------------------------------------------------------------------------------------


@every_way
async def test_a_certificate_that_nobody_vouches_for_is_unreachable(
    transport: Transport, way: Way, certificate: Certificate
) -> None:
    async with loopback(answered(b"ok"), tls=certificate.served()) as server:
        with pytest.raises(Unreachable):
            await way(transport, server.url, AMPLE_SECONDS)
        assert not server.received


@every_way
async def test_an_extra_authority_vouches_for_its_own(way: Way, certificate: Certificate) -> None:
    async with (
        loopback(answered(b"ok"), tls=certificate.served()) as server,
        Transport(extra_ca_pem=certificate.authority_pem) as transport,
    ):
        assert await way(transport, server.url, AMPLE_SECONDS) == (200, b"ok")
        with pytest.raises(Unreachable):  # the certificate is for 127.0.0.1 alone
            await way(transport, server.url.replace("127.0.0.1", "localhost"), AMPLE_SECONDS)


# --- the whole family -------------------------------------------------------------------------

HTTPX_ERRORS = [
    value
    for value in vars(httpx).values()
    if isinstance(value, type) and issubclass(value, Exception)
]


def test_the_family_is_complete() -> None:
    assert {httpx.ReadTimeout, httpx.ConnectError, httpx.InvalidURL, httpx.StreamClosed} <= {
        *HTTPX_ERRORS
    }


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
def test_no_error_of_httpx_leaves(kind: type[Exception]) -> None:
    foreign = kind.__new__(kind, CANARY)
    with pytest.raises(InfobipError) as caught, translated_errors():
        raise foreign
    assert not isinstance(caught.value, Refused), "only an answer can refuse a token"
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is foreign


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
def test_errors_of_httpx_keep_their_meaning(kind: type[Exception]) -> None:
    meaning: type[InfobipError] = Unintelligible
    if issubclass(kind, httpx.TransportError):
        meaning = TimedOut if issubclass(kind, httpx.TimeoutException) else Unreachable
    with pytest.raises(meaning), translated_errors():
        raise kind.__new__(kind, CANARY)


@pytest.mark.parametrize("kind", [KeyError, asyncio.CancelledError, TypeError])
def test_mistakes_of_our_own_are_not_dressed_up(kind: type[BaseException]) -> None:
    with pytest.raises(kind), translated_errors():
        raise kind
