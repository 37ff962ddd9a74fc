"""The way out through a proxy, as HTTPS_PROXY and NO_PROXY say."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from app.infobip.errors import InfobipError, TimedOut, Unreachable
from app.infobip.proxies import Proxies, Proxy
from app.infobip.transport import Transport
from tests.infobip.certificates import HOST, Certificate
from tests.infobip.loopback import Loopback, answered, listening, loopback

pytestmark = pytest.mark.anyio

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
AMPLE_SECONDS, SHORT_SECONDS = 20.0, 0.15
NAME, PASSWORD = "ops", "p@ss:word/1"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@dataclass(slots=True)
class TestProxy:
    """Leads to one server, whoever was asked for; what it was asked is kept."""

    __test__ = False

    url: str
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def proxy_before(
    server: Loopback, *, says: bytes = OPEN, opens: bool | None = None
) -> AsyncIterator[TestProxy]:
    """Says that to each CONNECT; if that opens the way, it passes on what comes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            running.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(says)
            if not (says == OPEN if opens is None else opens):
                await asyncio.Event().wait()
            there = urlsplit(server.url)
            onward = await asyncio.open_connection(there.hostname, there.port)
            await asyncio.gather(pass_on(reader, onward[1]), pass_on(onward[0], writer))
        finally:
            writer.transport.abort()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except ConnectionError:
            pass  # as clients end that want no more
        finally:
            writer.transport.abort()

    async with listening(serve) as port:
        running = TestProxy(f"127.0.0.1:{port}")
        yield running


@dataclass(frozen=True, slots=True)
class Way:
    """A client whose way leads through a proxy to a server of another name."""

    server: Loopback
    proxy: TestProxy
    transport: Transport


@pytest.fixture
def through(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractAsyncContextManager[Way]]:
    @asynccontextmanager
    async def opened(
        *, says: bytes = OPEN, opens: bool | None = None, user: str = "", trusts: bool = True
    ) -> AsyncIterator[Way]:
        authority = certificate.authority_pem if trusts else None
        async with (
            loopback(answered(b"ok"), tls=certificate.served()) as server,
            proxy_before(server, says=says, opens=opens) as proxy,
        ):
            monkeypatch.setenv("HTTPS_PROXY", f"http://{user}{proxy.url}")
            async with Transport(extra_ca_pem=authority) as transport:
                yield Way(server, proxy, transport)

    return opened


async def post(transport: Transport, seconds: float = AMPLE_SECONDS) -> tuple[int, bytes]:
    url = f"https://{HOST}/oauth/token"
    answer = await transport.post_form(url, b"a=1", timeout_seconds=seconds)
    return answer.status, answer.body


async def send(transport: Transport, seconds: float = AMPLE_SECONDS) -> tuple[int, bytes]:
    url = f"https://{HOST}/oauth/token"
    answer = await transport.send("POST", url, headers={}, body=b"a=1", timeout_seconds=seconds)
    return answer.status, answer.body


Post = Callable[[Transport], Awaitable[tuple[int, bytes]]]
Through = Callable[..., AbstractAsyncContextManager[Way]]


@pytest.mark.parametrize("opens", [OPEN, b"HTTP/1.0 200\r\nvia: x\r\n\r\n"], ids=["usual", "terse"])
@pytest.mark.parametrize("call", [post, send])
async def test_calls_go_through_the_proxy_and_the_connection_is_kept(
    through: Through, call: Post, opens: bytes
) -> None:
    async with through(says=opens, opens=True) as way:
        for _ in range(3):
            assert await call(way.transport) == (200, b"ok")
    assert way.proxy.heads == [f"CONNECT {HOST}:443 HTTP/1.1\r\nhost: {HOST}:443\r\n\r\n"]
    assert [request.target for request in way.server.received] == ["/oauth/token"] * 3


async def test_the_proxys_password_is_for_the_proxy_alone(through: Through) -> None:
    async with through(user=f"{NAME}:p%40ss%3Aword%2F1@") as way:
        await post(way.transport)
    pair = base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    assert f"proxy-authorization: Basic {pair}" in way.proxy.heads[0]
    assert way.server.received[0].header("proxy-authorization") is None


async def test_the_certificate_has_to_be_the_servers(through: Through) -> None:
    """A proxy that answers itself is not Infobip."""
    async with through(trusts=False) as way:
        with pytest.raises(Unreachable):
            await post(way.transport)
    assert not way.server.received


@pytest.mark.parametrize(
    "says",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nand more",
        b"SSH-2.0\r\n\r\n",
        b"\r\n\r\n",
        b"x" * 100_000,
    ],
    ids=["407", "502", "more", "ssh", "nothing", "endless"],
)
async def test_a_proxy_that_does_not_open_the_way_is_unreachable(
    through: Through, says: bytes
) -> None:
    async with through(says=says, user=f"{NAME}:secret@") as way:
        with pytest.raises(Unreachable) as caught:
            await post(way.transport)
    assert "secret" not in str(caught.value)


async def test_a_proxy_that_says_nothing_is_timed_out(through: Through) -> None:
    async with through(says=b"HTTP/1.1 2") as way:
        with pytest.raises(TimedOut):
            await post(way.transport, SHORT_SECONDS)


async def test_a_proxy_that_is_not_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async with loopback(answered(b"")) as server:
        gone = server.url
    monkeypatch.setenv("HTTPS_PROXY", gone)
    async with Transport() as transport:
        with pytest.raises(Unreachable):
            await post(transport)


@pytest.mark.parametrize("exempt", [HOST, ".test", "*", f"other.example,{HOST}"])
async def test_some_are_called_without_it(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exempt)
    assert Proxies().on_the_way_to(HOST) is None


@pytest.mark.parametrize("host", ["localhost", "x.localhost", "127.0.0.1", "127.8.8.8", "::1"])
async def test_this_machine_is_never_called_through_it(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    proxies = Proxies()
    assert proxies.on_the_way_to(host) is None
    assert proxies.on_the_way_to(HOST) == Proxy("proxy.example", 3128, None)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.example", Proxy("proxy.example", 8080, None)),
        ("proxy.example:3128", Proxy("proxy.example", 3128, None)),
        ("http://[2001:db8::1]:3128/", Proxy("2001:db8::1", 3128, None)),
        ("http://a@proxy.example", Proxy("proxy.example", 8080, "Basic YTo=")),
    ],
)
async def test_an_address_may_be_short(url: str, proxy: Proxy) -> None:
    assert Proxy.parse(url) == proxy


@pytest.mark.parametrize(
    "url",
    [
        "socks5://s3cret.example",
        "https://s3cret.example",
        "http://",
        "http://s3cret:port",
        "http://ops:s3cret\u2100@proxy.example",
        "http://ops:[s3cret]@proxy.example",
        "http://ops:s3cret[@proxy.example",
    ],
)
async def test_an_address_that_cannot_be_used_is_said_at_once_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY") as caught:
        Proxy.parse(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_an_authority_names_an_ip_address_in_brackets(through: Through) -> None:
    async with through() as way:
        with pytest.raises(InfobipError):  # the certificate is for another name
            await way.transport.post_form("https://[2001:db8::1]:9/x", b"", timeout_seconds=20)
    assert way.proxy.heads[0].startswith(
        "CONNECT [2001:db8::1]:9 HTTP/1.1\r\nhost: [2001:db8::1]:9\r\n"
    )
