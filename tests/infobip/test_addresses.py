"""Where hosts are, also while nobody says so, and which of their addresses is taken."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.infobip import addresses as module
from app.infobip.addresses import Addresses, first_to_connect
from app.infobip.errors import TimedOut, Unreachable
from app.infobip.http1_client import Http1Client, Request, tls_context
from app.infobip.http1_connection import Limits
from tests.infobip.loopback import answered, loopback
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

HOST = "infobip.test"
HERE = "127.0.0.1"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


class Resolver:
    """Says what it is told to, when it may."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.says: list[str] | OSError = [HERE]
        self.speaks = threading.Event()
        self.speaks.set()

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        assert self.speaks.wait(20)
        if isinstance(self.says, OSError):
            raise self.says
        return self.says


@pytest.fixture
async def resolver() -> AsyncIterator[Resolver]:
    resolver = Resolver()
    yield resolver
    resolver.speaks.set()


# --- where ------------------------------------------------------------------------------------


async def test_many_who_ask_at_once_are_one_question(resolver: Resolver) -> None:
    addresses = Addresses(resolver)
    resolver.speaks.clear()
    all_of_them = asyncio.gather(*(addresses.of(HOST) for _ in range(100)), addresses.of("other"))
    await asyncio.sleep(0.01)
    resolver.speaks.set()

    assert await all_of_them == [[HERE]] * 101
    assert sorted(resolver.asked) == [HOST, "other"]
    assert await addresses.of(HOST) == [HERE]
    assert len(resolver.asked) == 2


async def test_the_last_addresses_stand_in_while_nobody_answers(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GOOD_FOR_SECONDS", 0.0)
    monkeypatch.setattr(module, "_WAIT_WITH_OLD_ONES_SECONDS", 0.05)
    addresses = Addresses(resolver)
    await addresses.of(HOST)

    resolver.says = OSError("no such host")
    assert await addresses.of(HOST) == [HERE]
    resolver.says = ["192.0.2.1"]
    resolver.speaks.clear()
    assert await addresses.of(HOST) == [HERE]
    assert await addresses.of(HOST) == [HERE]
    assert len(resolver.asked) == 3
    resolver.speaks.set()

    async def are_new() -> bool:
        return await addresses.of(HOST) == ["192.0.2.1"]

    await eventually(are_new)


async def test_who_gives_up_waiting_spoils_it_for_nobody(resolver: Resolver) -> None:
    addresses = Addresses(resolver)
    resolver.speaks.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(addresses.of(HOST), 0.02)
    other = asyncio.create_task(addresses.of(HOST))
    await asyncio.sleep(0)
    resolver.speaks.set()
    assert await other == [HERE]
    assert resolver.asked == [HOST]


async def test_a_host_that_nobody_knows_is_asked_for_again(resolver: Resolver) -> None:
    addresses = Addresses(resolver)
    resolver.says = OSError("no such host")
    for _ in range(2):
        with pytest.raises(OSError, match="no such host"):
            await addresses.of(HOST)
    resolver.says = [HERE]
    assert await addresses.of(HOST) == [HERE]


async def test_a_look_up_that_breaks_is_no_question_for_ever(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(host: str) -> list[str]:
        raise ValueError(host)

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    addresses = Addresses(resolver)
    with monkeypatch.context() as patched:
        patched.setattr(addresses, "_look_up", breaks)
        with pytest.raises(OSError, match="ValueError"):
            await addresses.of(HOST)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(OSError, match="no thread"):
            await addresses.of(HOST)
    assert await addresses.of(HOST) == [HERE]


async def test_who_is_called_off_as_the_answer_comes_is_called_off(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GOOD_FOR_SECONDS", 0.0)
    addresses = Addresses(resolver)
    await addresses.of(HOST)
    resolver.speaks.clear()
    asking = asyncio.create_task(addresses.of(HOST))
    await asyncio.sleep(0.01)
    resolver.speaks.set()
    (question,) = addresses._questions.values()
    question.add_done_callback(lambda _: asking.cancel())
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_what_is_kept_is_bounded(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_HOSTS", 3)
    addresses = Addresses(resolver)
    for number in range(10):
        await addresses.of(f"h{number}.test")
    assert len(addresses._known) <= 3


@pytest.mark.parametrize("host", ["x" * 70 + ".test", "a..b", "", "no.such.host.invalid"])
async def test_what_is_no_host_is_an_error_of_the_systems(host: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - whichever
        await Addresses().of(host)


@pytest.mark.parametrize("host", [HERE, "::1", "localhost"])
async def test_an_address_is_its_own(host: str) -> None:
    assert set(await Addresses().of(host)) <= {HERE, "::1"}


# --- which ------------------------------------------------------------------------------------


class Network:
    """Connects after so many seconds, or never (None), or fails (an error)."""

    def __init__(self, **after: float | OSError | None) -> None:
        self._after = after
        self.tried: list[str] = []
        self.given_up: list[str] = []
        self.cancelled: list[str] = []

    async def connect(self, address: str) -> str:
        self.tried.append(address)
        after = self._after[address]
        if isinstance(after, OSError):
            raise after
        try:
            await (asyncio.Event().wait() if after is None else asyncio.sleep(after))
        except asyncio.CancelledError:
            self.cancelled.append(address)
            raise
        return address

    async def first(self) -> str:
        return await first_to_connect(list(self._after), self.connect, give_up=self.given_up.append)


@pytest.fixture
def short_head_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEAD_START_SECONDS", 0.05)


async def test_the_first_that_answers_in_time_is_the_only_one_tried() -> None:
    network = Network(a=0.001, b=0.0)
    assert await network.first() == "a"
    assert network.tried == ["a"]


@pytest.mark.usefixtures("short_head_start")
async def test_one_that_says_nothing_does_not_hold_up_the_next() -> None:
    network = Network(a=None, b=None, c=0.0)
    assert await network.first() == "c"
    await asyncio.sleep(0)
    assert sorted(network.cancelled) == ["a", "b"]


async def test_one_that_refuses_does_not_hold_up_the_next_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_HEAD_START_SECONDS", 60)
    network = Network(a=ConnectionRefusedError(), b=0.0)
    assert await network.first() == "b"


@pytest.mark.usefixtures("short_head_start")
async def test_who_comes_late_may_still_be_first() -> None:
    network = Network(a=0.08, b=ConnectionRefusedError())
    assert await network.first() == "a"
    assert network.tried == ["a", "b"]


async def test_where_all_refuse_the_last_ones_reason_is_told() -> None:
    network = Network(a=ConnectionResetError("a"), b=ConnectionRefusedError("b"))
    with pytest.raises(ConnectionRefusedError, match="b"):
        await network.first()


@pytest.mark.usefixtures("short_head_start")
async def test_two_at_once_are_one_and_the_other_is_given_up() -> None:
    go = asyncio.Event()
    given_up: list[str] = []

    async def connect(address: str) -> str:
        await go.wait()
        return address

    racing = asyncio.create_task(first_to_connect(["a", "b"], connect, give_up=given_up.append))
    await asyncio.sleep(0.1)
    go.set()
    won = await racing
    await asyncio.sleep(0)
    assert sorted([won, *given_up]) == ["a", "b"]


@pytest.mark.usefixtures("short_head_start")
async def test_a_race_that_is_called_off_leaves_nobody_running() -> None:
    network = Network(a=None, b=None)
    racing = asyncio.create_task(network.first())
    await asyncio.sleep(0.1)
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    await asyncio.sleep(0)
    assert sorted(network.cancelled) == ["a", "b"]


# --- as a client meets it -----------------------------------------------------------------------


@asynccontextmanager
async def client_of(resolver: Resolver) -> AsyncIterator[Http1Client]:
    client = Http1Client(tls=tls_context(extra_ca_pem=None), addresses=Addresses(resolver))
    yield client
    client.close()


async def ask(client: Http1Client, url: str, *, seconds: float = 20) -> bytes:
    origin = url.replace(HERE, HOST)
    request = Request.make("GET", origin, "/", [], None)
    answer = await client.execute(request, Limits(seconds, seconds))
    body = await answer.read()
    await answer.close()
    return body


async def test_a_dead_address_does_not_hold_up_a_call(resolver: Resolver) -> None:
    """The first one swallows what is sent there, as a broken IPv6 route does."""
    resolver.says = ["192.0.2.1", HERE]
    async with loopback(answered(b"ok")) as server, client_of(resolver) as client:
        assert await ask(client, server.url) == b"ok"


async def test_a_server_that_hangs_up_at_once_is_unreachable(resolver: Resolver) -> None:
    """With two addresses the connection is gone before its caller goes on."""
    resolver.says = [HERE, HERE]

    async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(hangs_up, HERE, 0)
    url = f"http://{HERE}:{server.sockets[0].getsockname()[1]}"
    async with client_of(resolver) as client:
        for _ in range(20):
            with pytest.raises(Unreachable):
                await ask(client, url)
        await eventually(lambda: none_left(client))
    server.close()
    await server.wait_closed()


async def none_left(client: Http1Client) -> bool:
    return not client._connections


async def test_a_host_without_an_address_is_unreachable(resolver: Resolver) -> None:
    resolver.says = OSError("no such host")
    async with loopback(answered(b"ok")) as server, client_of(resolver) as client:
        with pytest.raises(Unreachable):
            await ask(client, server.url)


async def test_a_resolver_that_hangs_is_waited_for_no_longer_than_the_call_may_take(
    resolver: Resolver,
) -> None:
    resolver.speaks.clear()
    async with loopback(answered(b"ok")) as server, client_of(resolver) as client:
        with pytest.raises(TimedOut):
            await ask(client, server.url, seconds=0.1)
