"""uvicorn's HTTP protocol with limits on what a client may send before it has said what it wants.

uvicorn's httptools protocol accepts heads of any size, waits for them for ever, and takes
trailers for headers. This process may hold the only copy of live tokens: nobody may fill its
memory or use up its descriptors.
"""

import asyncio
import resource
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors.calls import AnswerBrokenOff

_SHARE_OF_DESCRIPTORS = 0.5
"""What browsers may use; the rest is for the database and for renewals."""

_AND_NO_MORE = (
    b"content-length: 0\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
    b"content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
    b"connection: close\r\n\r\n"
)
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _AND_NO_MORE
_NO_REQUEST = b"HTTP/1.1 400 Bad Request\r\n" + _AND_NO_MORE


STOPPING = "hearth.stopping"
"""In a request's scope: takes what is to be called when the server stops while it is answered."""


GONE = "hearth.gone"
"""In a request's scope: takes what is to be called when the client goes away before it has its
answer. A task that waits for `receive` would tell the same, for each call."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. Whoever is too large is told 431, whoever is too slow is cut off."""

    largest_head_bytes = 65_536
    most_headers = 100
    head_within_seconds = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = self._cut_where_broken_off(self.app)
        self._in_head = True
        self._head_bytes = 0
        self._unreported_bytes = 0  # what the parser took in without a word about it
        self._too_large = False
        self._deadline: asyncio.TimerHandle | None = None
        self._when_stopping: list[Callable[[], None]] = []
        self._when_gone: list[Callable[[], None]] = []

    @staticmethod
    def most_connections() -> int:
        """How many may be open at once."""
        return _share_of_descriptors()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        if len(self.connections) > self.most_connections():
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        if self._is_answering:
            for call in self._when_gone:
                call()

    def shutdown(self) -> None:
        """The server stops. What is being answered may take its time, unless it has no end."""
        super().shutdown()
        for call in self._when_stopping:
            call()

    def data_received(self, data: bytes) -> None:
        self._unreported_bytes += len(data)
        super().data_received(data)
        if self._unreported_bytes > self.largest_head_bytes and not self.transport.is_closing():
            self._refuse()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - as uvicorn calls it
        if self._too_large:
            self._refuse()
        elif self._is_answering:  # which a second answer would run into
            self.transport.abort()
        else:
            self.transport.write(_NO_REQUEST)
            self.transport.close()

    # Parser callbacks. What they raise ends the parsing and leads to `send_400_response`.
    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._expect_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._add_to_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._unreported_bytes = 0
        if self._in_head:  # else it is a trailer
            self._add_to_head(len(name) + len(value))
            super().on_header(name, value)
            self._limit(len(self.headers), self.most_headers)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        if self.parser.should_upgrade() and _has_body(self.headers):
            raise _BodyAfterUpgrade
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unreported_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._expect_head()

    def _add_to_head(self, size: int) -> None:
        self._unreported_bytes = 0
        self._head_bytes += size
        self._limit(self._head_bytes, self.largest_head_bytes)

    def _limit(self, size: int, most: int) -> None:
        if size > most:
            self._too_large = True
            raise _HeadTooLarge

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self) -> None:
        if self._in_head and not self._is_answering:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        else:  # what asked has its answer, or one is under way that a second would run into
            self.transport.abort()

    def _expect_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.head_within_seconds, self._is_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_late(self) -> None:
        if self.flow.read_paused or self.transport.get_write_buffer_size():
            self._expect_head()  # it still waits for us, or reads
        else:
            self.transport.abort()

    def _call_when_gone(self, call: Callable[[], None]) -> None:
        if self.transport.is_closing():
            self.loop.call_soon(call)  # never while its task runs, as otherwise
        else:
            self._when_gone.append(call)

    def _cut_where_broken_off(self, app: ASGIApp) -> ASGIApp:
        """Not closed: that would wait until a reader who may never read has read the rest."""

        async def cut(scope: Scope, receive: Receive, send: Send) -> None:
            self._when_stopping.clear()
            self._when_gone.clear()
            scope[STOPPING] = self._when_stopping.append
            scope[GONE] = self._call_when_gone
            try:
                await app(scope, receive, send)
            except AnswerBrokenOff:
                self.cycle.disconnected = True  # uvicorn need not complain that this is no end
                self.transport.abort()

        return cut


class _HeadTooLarge(Exception):
    pass


class _BodyAfterUpgrade(Exception):
    """The parser skips such a body, and would take it for the next request."""


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in headers
    )


@cache
def _share_of_descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else int(soft * _SHARE_OF_DESCRIPTORS)
