"""The gateway's own HTTP/1.1 client: which bytes make an answer, and which connection goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from app.gateway.bodies import Body
from app.infobip.errors import Unreachable
from app.infobip.http1_answer import Headers
from app.infobip.http1_client import Http1Client, Request, Response, tls_context
from app.infobip.http1_connection import Limits
from tests.infobip.certificates import Certificate
from tests.infobip.loopback import Conduct, Received, answered, loopback
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

AMPLE = Limits(silence_seconds=20, longest_seconds=20)
OK = b"HTTP/1.1 200 OK\r\n"
FINE = OK + b"content-length: 4\r\n\r\nfine"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def client() -> AsyncIterator[Http1Client]:
    client = Http1Client(tls=tls_context(extra_ca_pem=None))
    yield client
    client.close()


@dataclass(slots=True)
class Script:
    """Writes one thing after the other, FINE when there is nothing more; tells who asked."""

    lines: list[bytes]
    hangs_up: bool = False
    peers: list[int] = field(default_factory=list)

    async def __call__(self, _: Received, writer: asyncio.StreamWriter) -> None:
        self.peers.append(writer.get_extra_info("peername")[1])
        writer.write(self.lines.pop(0) if self.lines else FINE)
        await writer.drain()
        if self.hangs_up:
            writer.close()

    @property
    def connections(self) -> int:
        return len(set(self.peers))


def without_end(first: bytes, again: bytes) -> Conduct:
    """That, and then this for ever."""

    async def conduct(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()

    return conduct


def request(
    url: str,
    method: str = "GET",
    *,
    headers: Headers | None = None,
    body: bytes | Body | None = None,
) -> Request:
    return Request.make(method, url, "/x", headers or [], body)


async def all_of(answer: Response) -> bytes:
    body = b""
    while piece := await answer.read():
        body += piece
    await answer.close()
    return body


async def ask(client: Http1Client, url: str, method: str = "GET") -> tuple[int, bytes]:
    answer = await client.execute(request(url, method), AMPLE)
    return answer.status, await all_of(answer)


# --- which connection goes on ---------------------------------------------------------------------


async def test_a_connection_carries_one_call_after_the_other(client: Http1Client) -> None:
    script = Script([])
    async with loopback(script) as server:
        for _ in range(3):
            assert await ask(client, server.url) == (200, b"fine")
    assert script.connections == 1


async def test_two_calls_at_once_have_a_connection_each(client: Http1Client) -> None:
    script = Script([])
    async with loopback(script) as server:
        await asyncio.gather(*(ask(client, server.url) for _ in range(2)))
        await asyncio.gather(*(ask(client, server.url) for _ in range(2)))
    assert script.connections == 2


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx" + FINE.replace(b"fine", b"evil"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx\x00\x00",
    ],
    ids=["close", "1.0", "two answers", "bytes too many"],
)
async def test_a_connection_that_cannot_be_trusted_further_carries_no_other_call(
    client: Http1Client, first: bytes
) -> None:
    script = Script([first])
    async with loopback(script) as server:
        assert await ask(client, server.url) == (200, b"x")
        assert await ask(client, server.url) == (200, b"fine")
    assert script.connections == 2


async def test_an_answer_that_nobody_asked_for_answers_nobody(client: Http1Client) -> None:
    sent = asyncio.Event()

    async def twice(received: Received, writer: asyncio.StreamWriter) -> None:
        await script(received, writer)
        if script.connections == 1:
            await asyncio.sleep(0.05)  # by then the connection waits for the next call
            writer.write(FINE.replace(b"fine", b"evil"))
            sent.set()

    script = Script([])
    async with loopback(twice) as server:
        assert await ask(client, server.url) == (200, b"fine")
        await sent.wait()
        await asyncio.sleep(0.05)
        assert await ask(client, server.url) == (200, b"fine")
    assert script.connections == 2


async def test_what_is_not_read_to_its_end_is_not_used_again(client: Http1Client) -> None:
    script = Script([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
    async with loopback(script) as server:
        answer = await client.execute(request(server.url), AMPLE)
        assert await answer.read() == b"half"
        await answer.close()
        assert await ask(client, server.url) == (200, b"fine")
    assert script.connections == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again() -> None:
    client = Http1Client(tls=tls_context(extra_ca_pem=None), idle_seconds=0)
    script = Script([])
    async with loopback(script) as server:
        for _ in range(2):
            assert await ask(client, server.url) == (200, b"fine")
        client.close()
    assert script.connections == 2


async def test_a_connection_that_the_server_closes_is_not_used_again(client: Http1Client) -> None:
    script = Script([], hangs_up=True)
    async with loopback(script) as server:
        for _ in range(3):
            assert await ask(client, server.url) == (200, b"fine")
            await eventually(lambda: nothing_kept(client))


async def nothing_kept(client: Http1Client) -> bool:
    return not client.kept


# --- which bytes make an answer -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: a\r\n\r\n" + FINE, 200, b"fine"),
        (b"HTTP/1.1 204 x\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 x\r\ncontent-length: 7\r\n\r\n", 304, b""),
        (CHUNKED + b"2;a=b\r\nfi\r\n2\r\nne\r\n0\r\nx-trailer: a\r\n\r\n", 200, b"fine"),
    ],
    ids=["informational", "no content", "not modified", "chunks and trailers"],
)
async def test_an_answer_ends_where_it_says(
    client: Http1Client, raw: bytes, status: int, body: bytes
) -> None:
    script = Script([raw])
    async with loopback(script) as server:
        answer = await client.execute(request(server.url), AMPLE)
        assert (answer.status, await all_of(answer)) == (status, body)
        assert not {name for name, _ in answer.headers} & {b"link", b"x-trailer"}
        assert await ask(client, server.url) == (200, b"fine")
    assert script.connections == 1


async def test_an_answer_without_a_length_ends_with_its_connection(client: Http1Client) -> None:
    script = Script([b"HTTP/1.1 200 OK\r\n\r\nuntil the end"], hangs_up=True)
    async with loopback(script) as server:
        assert await ask(client, server.url) == (200, b"until the end")


async def test_an_answer_to_head_has_no_body_whatever_it_says(client: Http1Client) -> None:
    script = Script([b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", FINE])
    async with loopback(script) as server:
        for _ in range(2):
            assert await ask(client, server.url, "HEAD") == (200, b"")
        assert await ask(client, server.url) == (200, b"fine")


async def test_headers_arrive_as_they_were_sent(client: Http1Client) -> None:
    raw = OK + b"x-empty:\r\nX-Mixed: a b\r\nx-mixed: \xff\r\ncontent-length: 0\r\n\r\n"
    async with loopback(Script([raw])) as server:
        answer = await client.execute(request(server.url), AMPLE)
        await answer.close()
    assert answer.headers == [
        *[(b"x-empty", b""), (b"X-Mixed", b"a b"), (b"x-mixed", b"\xff")],
        (b"content-length", b"0"),
    ]


@pytest.mark.parametrize(
    "endless", [b"HTTP/1.1 200 OK\r\nx: ", FINE[:-8].replace(b"content-length: 4", b"te: x")]
)
async def test_a_head_without_end_ends(client: Http1Client, endless: bytes) -> None:
    async with loopback(without_end(endless, b"a" * 10_000)) as server:
        with pytest.raises(Unreachable):
            await client.execute(request(server.url), AMPLE)


async def test_trailers_without_end_end(client: Http1Client) -> None:
    last_chunk = CHUNKED + b"1\r\nx\r\n0\r\n"
    async with loopback(without_end(last_chunk, b"x-trailer: a\r\n" * 100)) as server:
        answer = await client.execute(request(server.url), AMPLE)
        with pytest.raises(Unreachable):
            await all_of(answer)


# --- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "length"), [("GET", None), ("POST", "0"), ("DELETE", None)])
async def test_who_might_have_a_body_says_that_it_has_none(
    client: Http1Client, method: str, length: str | None
) -> None:
    async with loopback(answered(b"fine")) as server:
        await ask(client, server.url, method)
    (received,) = server.received
    assert received.header("content-length") == length


@pytest.mark.parametrize("name", ["evil\r\nx-a: b", "evil\nb", "evil\x00"])
async def test_nothing_is_sent_that_would_be_two_lines(name: str) -> None:
    for method, target, headers in (
        ("GET", "/", [(b"x-a", name.encode())]),
        ("GET", f"/{name}", []),
        (f"GET /{name}", "/", []),
        ("GET", "/", [(name.encode(), b"x")]),
    ):
        with pytest.raises(ValueError, match="line"):
            Request.make(method, "http://x.example", target, headers, None)
    with pytest.raises(ValueError, match="HTTP"):
        Request.make("GET", "ftp://x.example", "/", [], None)


@pytest.mark.parametrize("length", [3, 5])
async def test_a_body_of_another_length_than_was_said_is_none(
    client: Http1Client, length: int
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"four"

    async with loopback(answered(b"fine")) as server:
        with pytest.raises(Unreachable):
            await client.execute(
                request(server.url, "POST", body=Body(body(), length=length)), AMPLE
            )
        assert await ask(client, server.url) == (200, b"fine")
    assert [received.method for received in server.received] == ["GET"]


async def test_an_answer_may_come_before_all_of_the_body_went(client: Http1Client) -> None:
    asked = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        await asked.wait()
        await asyncio.Event().wait()

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"half")
        writer.write(b"HTTP/1.1 413 x\r\ncontent-length: 4\r\n\r\nfull")
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hasty, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        answer = await client.execute(
            request(url, "POST", body=Body(body(), length=1_000_000)), AMPLE
        )
        assert (answer.status, await all_of(answer)) == (413, b"full")
        assert not client.kept


async def test_a_call_that_is_called_off_leaves_no_connection(client: Http1Client) -> None:
    left = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        left.set()
        writer.close()

    asked = asyncio.Event()
    server = await asyncio.start_server(waits, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        call = asyncio.create_task(client.execute(request(url), AMPLE))
        await asked.wait()
        call.cancel()
        await left.wait()
        assert not client.kept
    assert call.cancelled()


async def test_a_call_that_is_called_off_at_any_moment_leaves_none(client: Http1Client) -> None:
    """Also not when its answer has come already."""
    there: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 204 x\r\n\r\n")
        there.remove(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for turns in range(30):
            call = asyncio.create_task(client.execute(request(url), AMPLE))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await (await call).close()
            await eventually(lambda: happened(len(there) == client.kept))
        client.close()
        await eventually(lambda: happened(not there))


# --- what servers that mean ill, or are broken, may do --------------------------------------------


@pytest.mark.parametrize(
    "early",
    [
        b"HTTP/1.1 150 x\r\ncontent-length: 4\r\n\r\nevil",
        b"HTTP/1.1 150 x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    ],
    ids=["length", "chunks"],
)
async def test_what_an_informational_answer_brings_is_not_the_answers(
    client: Http1Client, early: bytes
) -> None:
    async with loopback(Script([early + FINE])) as server:
        with pytest.raises(Unreachable):
            await ask(client, server.url)


async def test_trailers_of_an_informational_answer_are_not_the_answers(client: Http1Client) -> None:
    early = b"HTTP/1.1 150 x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-evil: a\r\n\r\n"
    async with loopback(Script([early + FINE])) as server:
        answer = await client.execute(request(server.url), AMPLE)
        await answer.close()
    assert answer.headers == [(b"content-length", b"4")]


async def test_informational_answers_without_end_end(client: Http1Client) -> None:
    hint = b"HTTP/1.1 103 x\r\nlink: </a>\r\n\r\n"
    async with loopback(without_end(b"", hint * 100)) as server:
        with pytest.raises(Unreachable):
            await client.execute(request(server.url), AMPLE)


@pytest.mark.parametrize(
    "lines",
    [
        b"transfer-encoding: gzip, chunked\r\n",
        b"transfer-encoding: chunked, chunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: gzip\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 4\r\ncontent-length: 4\r\n",
        b"content-length: 4, 4\r\n",
        b"content-length: +4\r\n",
        b"content-length:\r\n 4\r\n",
        b"content-length : 4\r\n",
        b"content-length: 4\n",
    ],
)
async def test_an_answer_whose_end_is_in_doubt_is_none(client: Http1Client, lines: bytes) -> None:
    raw = OK + lines + b"\r\n4\r\nfine\r\n0\r\n\r\n"
    async with loopback(Script([raw])) as server:
        with pytest.raises(Unreachable):
            await ask(client, server.url)
        assert await ask(client, server.url) == (200, b"fine")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"HTTP/1.1 204 x\r\ncontent-length: 4\r\n\r\n", 204),
        (b"HTTP/1.1 204 x\r\ntransfer-encoding: chunked\r\n\r\n", 204),
        (
            CHUNKED.replace(b"1.1", b"1.0").replace(b"\r\n", b"\r\nconnection: keep-alive\r\n", 1)
            + b"0\r\n\r\n",
            200,
        ),
        (b"HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nevil", 101),
    ],
    ids=["204 with a length", "204 with chunks", "1.0 in chunks", "upgraded"],
)
async def test_where_the_next_answer_begins_is_never_in_doubt(
    client: Http1Client, raw: bytes, status: int
) -> None:
    script = Script([raw])
    async with loopback(script) as server:
        assert await ask(client, server.url) == (status, b"")
        assert await ask(client, server.url) == (200, b"fine")
    assert script.connections == 2


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
async def test_an_answer_before_all_of_the_request_went_is_the_connections_last(
    certificate: Certificate, secured: bool
) -> None:
    client = Http1Client(tls=tls_context(extra_ca_pem=certificate.authority_pem))
    tls = certificate.served() if secured else None
    script, over = Script([]), asyncio.Event()

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await script(Received("POST", "/x", [], b""), writer)
        await over.wait()  # and reads no more
        writer.close()
        left.append(writer)

    left: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(hasty, "127.0.0.1", 0, limit=1_000, ssl=tls)
    async with server:
        scheme = "https" if secured else "http"
        url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for _ in range(2):
            answer = await client.execute(request(url, "POST", body=b"x" * 20_000_000), AMPLE)
            assert await all_of(answer) == b"fine"
        over.set()
        await eventually(lambda: happened(len(left) == 2))
        client.close()
    assert script.connections == 2


async def happened(what: bool) -> bool:
    return what


async def test_a_piece_of_nothing_does_not_end_a_body(client: Http1Client) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"", b"two"):
            yield piece

    async with loopback(answered(b"fine")) as server:
        sent = request(server.url, "POST", body=Body(body(), length=None))
        await all_of(await client.execute(sent, AMPLE))
    assert [received.body for received in server.received] == [b"one two"]


# --- what is kept ---------------------------------------------------------------------------------


async def test_what_no_call_takes_is_closed() -> None:
    client = Http1Client(tls=tls_context(extra_ca_pem=None), idle_seconds=0.1)
    async with loopback(Script([])) as one, loopback(Script([])) as other:
        for url in (one.url, other.url):
            await ask(client, url)
        assert client.kept == 2
        await eventually(lambda: nothing_kept(client))


async def test_no_more_are_kept_than_may_be_whoever_they_lead_to() -> None:
    client = Http1Client(tls=tls_context(extra_ca_pem=None), most_idle=1)
    async with loopback(Script([])) as one, loopback(Script([])) as other:
        for url in (one.url, other.url, one.url):
            assert await ask(client, url) == (200, b"fine")
            assert client.kept == 1
        client.close()
        await eventually(lambda: nothing_kept(client))


async def test_a_client_that_is_closed_sends_nothing_more(client: Http1Client) -> None:
    """Also what was about to connect: nobody would write down what it brings."""
    script = Script([])
    async with loopback(script) as server:
        calls = [asyncio.create_task(ask(client, server.url)) for _ in range(3)]
        await asyncio.sleep(0)
        client.close()
        for call in calls:
            with pytest.raises(Unreachable):
                await call
        with pytest.raises(Unreachable):
            await ask(client, server.url)
    assert server.received == []


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("more", [b"", FINE.replace(b"fine", b"evil")], ids=["end", "answer"])
async def test_what_comes_while_a_whole_answer_is_read_slowly_is_seen(
    certificate: Certificate, more: bytes, secured: bool
) -> None:
    """Reading pauses where the reader is slow; but not where nothing more is due."""
    long = OK + b"content-length: 100000\r\n\r\n" + b"a" * 100_000
    done = asyncio.Event()

    async def conduct(_: Received, writer: asyncio.StreamWriter) -> None:
        if len(server.received) > 1:
            writer.write(FINE)
            return
        writer.write(long)
        await writer.drain()
        await asyncio.sleep(0.05)
        if more:
            writer.write(more)
            await writer.drain()
        else:
            writer.close()
        done.set()

    client = Http1Client(tls=tls_context(extra_ca_pem=certificate.authority_pem))
    async with loopback(conduct, tls=certificate.served() if secured else None) as server:
        first = await client.execute(request(server.url), AMPLE)
        await done.wait()
        await asyncio.sleep(0.05)
        assert len(await all_of(first)) == 100_000
        assert client.kept == 0
        assert await ask(client, server.url) == (200, b"fine")
        client.close()


async def test_an_answer_that_is_closed_reads_nobody_elses(client: Http1Client) -> None:
    async with loopback(Script([])) as server:
        first = await client.execute(request(server.url), AMPLE)
        await all_of(first)
        second = await client.execute(request(server.url), AMPLE)
        with pytest.raises(RuntimeError):
            await first.read()
        assert await all_of(second) == b"fine"


async def test_who_closes_twice_closes_nobody_elses(client: Http1Client) -> None:
    async with loopback(Script([])) as server:
        first = await client.execute(request(server.url), AMPLE)
        await all_of(first)
        second = await client.execute(request(server.url), AMPLE)
        await first.close()
        assert await all_of(second) == b"fine"
        assert client.kept == 1
