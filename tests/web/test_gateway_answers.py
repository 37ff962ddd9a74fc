"""What becomes of Infobip's odd answers on their way through the gateway, and of slow readers."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import ClassVar

import httpx
import pytest
import structlog

from app.web.guarded_protocol import GuardedProtocol
from tests.conftest import StartHearth
from tests.infobip.loopback import Conduct, Received, answered, loopback, written
from tests.support.gateway import call_of, gateway_to
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually
from tests.support.wire import wire

pytestmark = pytest.mark.anyio


class Infobip:
    """Answers as it is told to."""

    def __init__(self) -> None:
        self.conduct: Conduct = answered(b"fine")

    async def __call__(self, request: Received, writer: asyncio.StreamWriter) -> None:
        await self.conduct(request, writer)

    def answers(self, *lines: str, body: bytes = b"") -> None:
        """With this head, to the letter, and this body."""
        self.conduct = written("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


class Watched(GuardedProtocol):
    """Remembers the connections that are over, by the port of the client."""

    over: ClassVar[set[int]] = set()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        assert self.client is not None
        self.over.add(self.client[1])


@pytest.fixture
async def infobip() -> Infobip:
    return Infobip()


@pytest.fixture
async def browser(
    infobip: Infobip, start_hearth: StartHearth, vendor: Vendor
) -> AsyncIterator[UserAgent]:
    """A signed-in browser whose gateway leads there; answers must be complete within a second."""
    async with (
        loopback(infobip) as server,
        gateway_to(
            server.url,
            start_hearth=start_hearth,
            vendor=vendor,
            protocol=Watched,
            gateway_timeout_seconds=1,
        ) as browser,
    ):
        yield browser


# --- heads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_an_answer_that_has_no_body_promises_none(
    browser: UserAgent, infobip: Infobip, status: str
) -> None:
    async with wire(browser.hearth) as connection:
        infobip.answers(f"HTTP/1.1 {status}", "content-length: 4", 'etag: "7"')
        await connection.send(call_of(browser))
        answer = await connection.answer()
        infobip.conduct = answered(b"fine")
        await connection.send(call_of(browser))

        assert str(answer.status) in status
        assert answer.all("content-length") == answer.all("transfer-encoding") == []
        assert answer.all("etag") == ['"7"']
        assert (await connection.answer()).body == b"fine"


async def test_an_answer_to_head_has_the_length_that_get_would_have(
    browser: UserAgent, infobip: Infobip
) -> None:
    infobip.answers("HTTP/1.1 200 OK", "content-length: 4")
    answer = await browser.api("HEAD", "/infobip/x/y")

    assert answer.headers["content-length"] == "4"
    assert answer.content == b""


@pytest.mark.parametrize("status", ["101 Switching Protocols", "600 x", "999 x"])
async def test_a_status_that_is_not_final_or_not_known_is_no_answer(
    browser: UserAgent, infobip: Infobip, status: str
) -> None:
    infobip.answers(f"HTTP/1.1 {status}", "content-length: 4", body=b"evil")
    answer = await browser.api("GET", "/infobip/x/y")

    assert answer.status_code == 502
    assert answer.json()["code"] == "infobip_unreachable"


@pytest.mark.parametrize("status", [200, 299, 418, 499, 599])
async def test_every_final_status_passes_through(
    browser: UserAgent, infobip: Infobip, status: int
) -> None:
    infobip.answers(f"HTTP/1.1 {status} x", "content-length: 4", body=b"body")
    answer = await browser.api("GET", "/infobip/x/y")

    assert (answer.status_code, answer.content) == (status, b"body")


async def test_an_answer_with_two_lengths_is_none(browser: UserAgent, infobip: Infobip) -> None:
    infobip.answers(
        *["HTTP/1.1 200 OK", "content-length: 3", "transfer-encoding: chunked"],
        body=b"5\r\nhello\r\n0\r\n\r\n",
    )
    async with wire(browser.hearth) as connection:
        await connection.send(call_of(browser))
        assert (await connection.answer()).status == 502
        infobip.conduct = answered(b"fine")
        await connection.send(call_of(browser))
        assert (await connection.answer()).body == b"fine"


@pytest.mark.parametrize(
    "line", ["cache-control: public, max-age=9999", "expires: Thu, 01 Jan 2099 00:00:00 GMT"]
)
async def test_what_infobip_lets_everybody_store_is_still_not_stored(
    browser: UserAgent, infobip: Infobip, line: str
) -> None:
    infobip.answers("HTTP/1.1 200 OK", "content-length: 0", line)
    answer = await browser.api("GET", "/infobip/x/y")

    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert "expires" not in answer.headers


async def test_our_server_alone_dates_and_signs_the_answer(
    browser: UserAgent, infobip: Infobip
) -> None:
    date = "Thu, 01 Jan 1970 00:00:00 GMT"
    infobip.answers("HTTP/1.1 200 OK", "content-length: 0", f"date: {date}", "server: secret/1.0")
    answer = await browser.api("GET", "/infobip/x/y")

    assert len(answer.headers.get_list("date")) <= 1
    assert date not in answer.headers.values()
    assert "secret/1.0" not in answer.headers.values()


@pytest.mark.parametrize(
    "path",
    ["/%61pi/infobip/x/y", "/api/%69nfobip/x/y", "/api%2Finfobip/x/y", "/api/infobip%2Fx/y"],
)
async def test_our_own_part_of_the_address_is_not_percent_encoded(
    browser: UserAgent, infobip: Infobip, path: str
) -> None:
    request = call_of(browser).replace(b"/api/infobip/x/y", path.encode())
    async with wire(browser.hearth) as connection:
        await connection.send(request)
        answer = await connection.answer()

    assert answer.status == 404
    assert b"not_found" in answer.body


# --- bodies that break off --------------------------------------------------------------------


def said(half: bytes, *, then_hung_up: bool) -> Conduct:
    """Answer with this after the status line, and no more."""

    async def conduct(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + half)
        await writer.drain()
        if then_hung_up:
            writer.close()

    return conduct


@pytest.mark.parametrize(
    "half",
    [
        b"content-length: 10\r\n\r\nhalf",
        b"content-length: 10\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"transfer-encoding: chunked\r\n\r\n9\r\nhalf",
    ],
)
@pytest.mark.parametrize("hung_up", [True, False], ids=["hung up", "fell silent"])
async def test_half_an_answer_does_not_look_like_a_whole_one(
    browser: UserAgent,
    infobip: Infobip,
    caplog: pytest.LogCaptureFixture,
    *,
    half: bytes,
    hung_up: bool,
) -> None:
    infobip.conduct = said(half, then_hung_up=hung_up)
    with (
        structlog.testing.capture_logs() as events,
        caplog.at_level(logging.WARNING),
        pytest.raises(httpx.TransportError),
    ):
        await browser.api("GET", "/infobip/x/y")
    await eventually_noted(events)

    warnings = [event for event in events if event["log_level"] != "info"]
    assert [event["event"] for event in warnings] == ["gateway_broke_off"]
    assert not any("exc_info" in event for event in events)
    assert not caplog.records
    (noted,) = [event for event in events if event["event"] == "request"]
    assert (noted["route"], noted["status"]) == ("/api/infobip/{path:path}", 200)


async def eventually_noted(events: list[structlog.typing.EventDict]) -> None:
    async def noted() -> bool:
        return any(event["event"] == "request" for event in events)

    await eventually(noted)


async def test_bytes_that_are_no_answer_make_infobip_unreachable(
    browser: UserAgent, infobip: Infobip
) -> None:
    infobip.answers("SSH-2.0-OpenSSH_9.9")
    answer = await browser.api("GET", "/infobip/x/y")

    assert answer.status_code == 502


# --- slow readers -----------------------------------------------------------------------------


async def test_a_reader_that_does_not_read_is_cut_off(browser: UserAgent, infobip: Infobip) -> None:
    async def without_end(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"%x\r\n%b\r\n" % (60_000, b"a" * 60_000))
            await writer.drain()

    infobip.conduct = without_end
    async with wire(browser.hearth, receive_buffer=4_096) as connection:
        Watched.over.discard(connection.port)
        await connection.send(call_of(browser))

        async def cut_off() -> bool:
            return connection.port in Watched.over

        await eventually(cut_off)  # before anything was read
        rest = await connection.rest()

    assert rest.startswith(b"HTTP/1.1 200 ")
    assert not rest.endswith(b"0\r\n\r\n")


async def test_a_reader_that_reads_has_all_of_a_large_answer(
    browser: UserAgent, infobip: Infobip
) -> None:
    body = bytes(range(256)) * 20_000
    infobip.conduct = answered(body)
    answer = await browser.api("GET", "/infobip/x/y")

    assert answer.content == body
