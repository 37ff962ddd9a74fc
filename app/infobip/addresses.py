"""Where hosts are, and which of their addresses answers.

Renewals must outlive a resolver that is away or slow: each host is asked for once at a time,
whoever waits, and its last addresses stand in while nobody answers.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

_GOOD_FOR_SECONDS = 10.0
_WAIT_WITH_OLD_ONES_SECONDS = 0.5
_MOST_HOSTS = 1_000
_HEAD_START_SECONDS = 0.25
"""RFC 8305: of several addresses the next one is tried, too, when one says nothing for so long."""

Connection = TypeVar("Connection")


@dataclass(frozen=True, slots=True)
class _Known:
    addresses: list[str]
    since: float


class Addresses:
    """What the operating system says of hosts, in its order."""

    def __init__(self, look_up: Callable[[str], list[str]] | None = None) -> None:
        """`look_up` is the system's own, if none is given; it blocks, and raises OSError."""
        self._look_up = look_up or _look_up
        self._known: dict[str, _Known] = {}
        self._questions: dict[str, asyncio.Future[list[str]]] = {}

    async def of(self, host: str) -> list[str]:
        """At least one. Raises OSError."""
        loop = asyncio.get_running_loop()
        known = self._known.get(host)
        if known is not None and loop.time() - known.since < _GOOD_FOR_SECONDS:
            return known.addresses
        question = self._questions.get(host) or self._ask(host)
        await asyncio.wait([question], timeout=_WAIT_WITH_OLD_ONES_SECONDS if known else None)
        if known and (not question.done() or question.exception()):
            return known.addresses
        return question.result()

    def _ask(self, host: str) -> asyncio.Future[list[str]]:
        """In a thread that nobody waits for at the end: a resolver may take half a minute."""
        loop = asyncio.get_running_loop()
        question: asyncio.Future[list[str]] = loop.create_future()
        self._questions[host] = question

        def answered(addresses: list[str], error: OSError | None) -> None:
            del self._questions[host]
            if error is not None:
                question.set_exception(error)
                question.exception()  # whoever asked may be gone
                return
            if len(self._known) >= _MOST_HOSTS:
                self._known.clear()
            self._known[host] = _Known(addresses, loop.time())
            question.set_result(addresses)

        def look_up() -> None:
            addresses: list[str] = []
            error: OSError | None = None
            try:
                addresses = self._look_up(host)
            except OSError as raised:
                error = raised
            except Exception as raised:  # noqa: BLE001 - else the question stays open for ever
                error = OSError(f"{type(raised).__name__}: no name of a host?")
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(answered, addresses, error)

        try:
            threading.Thread(target=look_up, name="addresses", daemon=True).start()
        except RuntimeError as error:
            answered([], OSError(f"no thread to look it up: {error}"))
        return question


async def first_to_connect(
    addresses: list[str],
    connect: Callable[[str], Awaitable[Connection]],
    *,
    give_up: Callable[[Connection], None],
) -> Connection:
    """Connect to one after the other, each with a head start before the next.

    `give_up` is for what connected a moment too late. Raises the last one's OSError.
    """
    if len(addresses) == 1:
        return await connect(addresses[0])
    running: set[asyncio.Future[Connection]] = set()
    waiting = list(addresses)
    error: BaseException | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(connect(waiting.pop(0))))
            done, running = await asyncio.wait(
                running,
                timeout=_HEAD_START_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for one in done:
                error = one.exception()
                if error is None or not isinstance(error, OSError):
                    running |= done - {one}
                    return one.result()
        raise error or OSError("no address")
    finally:
        for one in running:
            one.cancel()
            one.add_done_callback(lambda late: _let_go(late, give_up))


def _let_go(late: asyncio.Future[Connection], give_up: Callable[[Connection], None]) -> None:
    if not late.cancelled() and late.exception() is None:
        give_up(late.result())


def _look_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
