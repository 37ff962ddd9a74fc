"""The gateway's limits: time, size, number; and callers that do not wait for their answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
import structlog

from tests.conftest import StartHearth
from tests.infobip.loopback import Received, answered, loopback
from tests.support.gateway import call_of, gateway_to
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

MEGABYTE = b"x" * 1_000_000


@dataclass
class Patient:
    """An API that says something, or nothing, and waits until we hang up."""

    says: bytes = b""
    reads: bool = True
    asked: int = 0
    left: int = 0
    read_bytes: int = 0
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in self.open:
                task.cancel()
            await asyncio.gather(*self.open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.open.add(task)
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        writer.write(self.says)
        try:
            while self.reads and (piece := await reader.read(65_536)):
                self.read_bytes += len(piece)
            if not self.reads:
                await asyncio.Event().wait()
            self.left += 1
        except ConnectionError:
            self.left += 1
        finally:
            writer.close()


Through = Callable[..., AbstractAsyncContextManager[UserAgent]]


@pytest.fixture
def through(start_hearth: StartHearth, vendor: Vendor) -> Through:
    return partial(gateway_to, start_hearth=start_hearth, vendor=vendor)


HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf of it"
REFUSED = HALF.replace(b"200 OK", b"401 x")


@pytest.mark.parametrize(
    ("says", "sent"),
    [(b"", b""), (HALF, b""), (REFUSED, b""), (b"", MEGABYTE[:500_000])],
    ids=["before the answer", "during the answer", "during a renewal", "while it is still sending"],
)
async def test_a_call_ends_when_its_caller_goes_away(
    through: Through, says: bytes, sent: bytes
) -> None:
    api = Patient(says=says)
    async with api.serving() as url, through(url) as browser:
        async with wire(browser.hearth) as connection:
            body = ["content-type: text/plain", f"content-length: {len(MEGABYTE)}"] if sent else []
            await connection.send(call_of(browser, *body, method="POST" if sent else "GET"), sent)
            await eventually(lambda: happened(api.asked == 1 and api.read_bytes >= len(sent)))
            assert api.left == 0
        await eventually(lambda: happened(api.left == 1), because="Infobip goes on for nobody")


async def happened(what: bool) -> bool:
    return what


async def test_so_does_one_whose_caller_has_gone_before_it_began(through: Through) -> None:
    api = Patient()
    with structlog.testing.capture_logs() as events:
        async with api.serving() as url, through(url) as browser:
            before = len(requests(events))
            for _ in range(5):
                async with wire(browser.hearth) as connection:
                    await connection.send(call_of(browser))
            await eventually(lambda: happened(len(requests(events)) == before + 5))
            await eventually(lambda: happened(api.left == api.asked))


def requests(events: list[structlog.typing.EventDict]) -> list[structlog.typing.EventDict]:
    return [event for event in events if event["event"] == "request"]


async def test_an_answer_that_came_early_breaks_off_with_its_callers_body(through: Through) -> None:
    """Infobip answers before it has all of the body, of which there is too much then."""
    api = Patient(says=HALF)
    chunk = b"%x\r\n%b\r\n" % (150_000, MEGABYTE[:150_000])
    with structlog.testing.capture_logs() as events:
        async with (
            api.serving() as url,
            through(url, gateway_max_body_bytes=200_000) as browser,
            wire(browser.hearth) as connection,
        ):
            await connection.send(
                call_of(browser, "transfer-encoding: chunked", method="POST"), chunk
            )
            assert "200" in await connection.head()
            await connection.send(chunk)
            assert len(await connection.rest()) < 1_000
            await eventually(lambda: happened(bool(requests(events)[1:])))
    assert not [event for event in events if event["event"] == "request_crashed"]


async def test_a_large_answer_is_not_taken_in_faster_than_it_is_read(through: Through) -> None:
    """Nor buffered: what was written to us, and not yet to the reader, is a few buffers' worth."""
    written = 0

    async def endless(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"%x\r\n%b\r\n" % (len(MEGABYTE), MEGABYTE))
            await writer.drain()
            written += len(MEGABYTE)

    async with (
        loopback(endless) as server,
        through(server.url) as browser,
        wire(browser.hearth, receive_buffer=65_536) as connection,
    ):
        await connection.send(call_of(browser))
        before = -1
        while before != written:  # until nobody takes any more
            before = written
            await asyncio.sleep(0.3)
    assert written <= 30 * len(MEGABYTE)


async def test_a_large_body_is_not_taken_in_faster_than_infobip_reads(through: Through) -> None:
    api = Patient(reads=False)
    large = len(MEGABYTE) * 100
    async with (
        api.serving() as url,
        through(url, gateway_max_body_bytes=large) as browser,
        wire(browser.hearth) as connection,
    ):
        await connection.send(call_of(browser, f"content-length: {large}", method="PUT"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await connection.send(*[MEGABYTE] * 100)


async def test_an_answer_may_take_its_time_as_long_as_it_goes_on(through: Through) -> None:
    async def trickle(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n")
        for _piece in range(8):
            await asyncio.sleep(0.2)
            writer.write(b"x")

    async with loopback(trickle) as server, through(server.url, gateway_timeout_seconds=1) as page:
        answer = await page.api("GET", "/infobip/x/y")
    assert answer.content == b"x" * 8


async def test_but_not_for_ever(through: Through) -> None:
    async def endless(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            await asyncio.sleep(0.05)
            writer.write(b"1\r\nx\r\n")
            await writer.drain()

    async with (
        loopback(endless) as server,
        through(server.url, gateway_longest_seconds=1) as browser,
        wire(browser.hearth) as connection,
    ):
        await connection.send(call_of(browser))
        assert not (await connection.rest()).endswith(b"0\r\n\r\n")


async def test_a_body_that_stops_coming_is_too_slow(through: Through) -> None:
    async with (
        loopback(answered()) as server,
        through(server.url, gateway_timeout_seconds=0.5) as browser,
        wire(browser.hearth) as connection,
    ):
        await connection.send(call_of(browser, "content-length: 5", method="POST"), b"1")
        answer = await connection.answer()
    assert answer.status == 408
    assert b'"too_slow"' in answer.body
    assert server.received == []


async def test_so_is_one_that_never_stops_coming(through: Through) -> None:
    async with (
        loopback(answered()) as server,
        through(server.url, gateway_longest_seconds=0.5) as browser,
        wire(browser.hearth) as connection,
    ):
        await connection.send(call_of(browser, "content-length: 60000", method="POST"))

        async def drip() -> None:
            for _ in range(400):
                await connection.send(b"x")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        answer = await connection.answer()
        dripping.cancel()
    assert answer.status == 408
    assert server.received == []


@pytest.mark.parametrize("limit", ["gateway_max_calls", "gateway_max_calls_per_connection"])
async def test_the_number_of_calls_is_limited(through: Through, limit: str) -> None:
    api = Patient()
    async with api.serving() as url, through(url, **{limit: 1}) as browser:
        async with wire(browser.hearth) as connection:
            await connection.send(call_of(browser))
            await eventually(lambda: happened(api.asked == 1))
            refused = await browser.api("GET", "/infobip/x/y")
            assert (refused.status_code, refused.json()["code"]) == (503, "gateway_busy")
            assert int(refused.headers["retry-after"]) > 0
        await eventually(lambda: happened(api.left == 1))
        async with wire(browser.hearth) as connection:
            await connection.send(call_of(browser))
            await eventually(lambda: happened(api.asked == 2))


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_a_call_whose_answer_is_lost_is_not_sent_again(through: Through, method: str) -> None:
    """Also not over a fresh connection, when a used one breaks after the request was sent."""
    hang_up = False

    async def once(received: Received, writer: asyncio.StreamWriter) -> None:
        if hang_up:
            writer.close()
        else:
            await answered(b"fine")(received, writer)

    async with loopback(once) as server, through(server.url) as browser:
        assert (await browser.api("GET", "/infobip/x/y")).content == b"fine"
        hang_up = True
        answer = await browser.api(method, "/infobip/x/y")

    assert (answer.status_code, answer.json()["code"]) == (502, "infobip_unreachable")
    assert len(server.received) == 2


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "HEAD", "TRACE", "PROPFIND"])
async def test_any_method_is_denied_or_passed_on_by_the_same_rules(
    through: Through, method: str
) -> None:
    async with (
        loopback(answered()) as server,
        through(server.url, gateway_allow=(f"{method} /x/*",)) as browser,
    ):
        answer = await browser.api(method, "/infobip/x/y")
        denied = await browser.api(method, "/infobip/y")
    assert (answer.status_code, denied.status_code) == (200, 403)
    assert [received.method for received in server.received] == [method]
