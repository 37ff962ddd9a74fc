"""One HTTP/1.1 connection to Infobip, which carries one call after the other.

What the gateway needs, and HTTP clients do not offer together: both bodies streamed at the pace of
their readers, an end at once when nobody wants the answer any more, and little CPU. Parsing is
llhttp's (httptools), which is strict unless told otherwise.
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

import httptools

from app.infobip.errors import TimedOut, Unreachable

Headers = list[tuple[bytes, bytes]]

_READ_AHEAD_BYTES = 65_536
_LONGEST_HEAD_BYTES = 65_536
"""Also of what comes between pieces of a body: sizes of chunks, trailers."""
_MOST_HEADERS = 100
_SWITCHING = 101
"""The one informational status that nothing follows, or nothing of HTTP."""


class StreamedBody(AsyncIterable[bytes], Protocol):
    """A body that comes in pieces. Its source has a time limit of its own."""

    length: int | None
    """All bytes that will come; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long nothing may happen (between pieces of the body, from its last one to the answer,
    between pieces of that), and how long all of it may take."""

    silence_seconds: float
    longest_seconds: float


@dataclass(slots=True)
class _Answer:
    """What has come of one answer."""

    is_to_head: bool
    status: int = 0
    headers: Headers = field(default_factory=list)
    has_head: bool = False
    is_whole: bool = False
    ends_with_connection: bool = False
    is_last: bool = True
    """Whether the connection cannot carry another call."""
    pieces: list[bytes] = field(default_factory=list)
    waiting_bytes: int = 0


class Http1Connection(asyncio.Protocol):
    """Made by `loop.create_connection`. `send`, then `read` until it is empty, then `finish`.

    `on_lost` is called when it is closed, by whomever.
    """

    def __init__(self, on_lost: Callable[["Http1Connection"], None]) -> None:
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: _Answer | None = None
        self._error: Exception | None = None
        self._limits = Limits(0.0, 0.0)
        self._deadline = 0.0
        self._quiet_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._upload: asyncio.Task[None] | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_writing_paused = False
        self._bytes_without_sense = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def status(self) -> int:
        return self._current.status

    @property
    def headers(self) -> Headers:
        """Of the answer, names as they came."""
        return self._current.headers

    @property
    def is_read(self) -> bool:
        """Whether there is no more of the answer's body."""
        return self._current.is_whole and not self._current.pieces

    async def send(
        self, head: bytes, body: bytes | StreamedBody | None, *, is_head: bool, limits: Limits
    ) -> None:
        """Send one request and wait for the answer's head.

        Raises TimedOut, Unreachable, or what `body` raises.
        """
        self._answer = _Answer(is_to_head=is_head)
        self._limits = limits
        self._bytes_without_sense = 0
        now = self._quiet_since = self._loop.time()
        self._deadline = now + limits.longest_seconds
        self._look_again(min(now + limits.silence_seconds, self._deadline))
        if body is None or isinstance(body, bytes):
            self._open_transport().write(head + body if body else head)
        else:
            self._open_transport().write(head)
            self._upload = asyncio.create_task(self._send_pieces(body))
            self._upload.add_done_callback(self._uploaded)
        while not self._current.has_head:
            await self._wait_for_server()

    async def read(self) -> bytes:
        """What has come of the body, at least a byte; empty at its end. Raises as `send`."""
        answer = self._current
        while not answer.pieces:
            if answer.is_whole:
                return b""
            self._quiet_since = self._loop.time()
            await self._wait_for_server()
        pieces, answer.pieces = answer.pieces, []
        if answer.waiting_bytes > _READ_AHEAD_BYTES:
            self._open_transport().resume_reading()
        answer.waiting_bytes = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def finish(self) -> bool:
        """The call is over; whether the connection can carry another one. Else it is closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._upload is not None:
            self._upload.cancel()
            await asyncio.wait([self._upload])
        can_go_on = (
            self._answer is not None
            and self.is_read
            and not self._answer.is_last
            and self._upload is None
            and self.is_open
        )
        if not can_go_on:
            self.abort()
        self._answer = None
        return can_go_on

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    # What is waited for

    async def _wait_for_server(self) -> None:
        if self._error is None:
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if self._error is not None:
            raise self._error

    async def _send_pieces(self, body: StreamedBody) -> None:
        sent, length = 0, body.length
        async for piece in body:
            sent += len(piece)
            if length is None:
                await self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
            else:
                await self._write(piece)
        if length is None:
            await self._write(b"0\r\n\r\n")
        elif sent != length:
            raise Unreachable("the body was not as long as it was said to be")

    async def _write(self, data: bytes) -> None:
        if not self.is_open:
            raise Unreachable("closed by the other side")
        self._open_transport().write(data)
        self._quiet_since = self._loop.time()
        if self._is_writing_paused:
            self._writer = self._loop.create_future()
            try:
                await self._writer
            finally:
                self._writer = None
            self._quiet_since = self._loop.time()

    def _uploaded(self, upload: asyncio.Task[None]) -> None:
        if upload.cancelled():
            return
        if isinstance(error := upload.exception(), Exception):
            self._fail(error)
        else:
            self._upload = None
            self._quiet_since = self._loop.time()

    def _look_again(self, when: float) -> None:
        self._timer = self._loop.call_at(when, self._check_time)

    def _check_time(self) -> None:
        """One timer for a call: it looks again where something has happened meanwhile."""
        now = self._loop.time()
        since = self._quiet_since if self._is_their_turn else now
        until = min(since + self._limits.silence_seconds, self._deadline)
        if now >= until:
            self._fail(TimedOut("no answer in time"))
        else:
            self._look_again(until)

    @property
    def _is_their_turn(self) -> bool:
        """Not where our own side has not sent its body, or does not read."""
        waiting = self._reader is not None and (self._upload is None or self._current.has_head)
        return waiting or self._writer is not None

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self.abort()
        self._wake(self._reader)
        self._wake(self._writer)

    @staticmethod
    def _wake(waiting: asyncio.Future[None] | None) -> None:
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody asked
            return
        self._quiet_since = self._loop.time()
        self._bytes_without_sense += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self._answer.is_whole:
                self.abort()  # what followed is not for us
            else:
                self._fail(Unreachable(type(error).__name__))
        if self._bytes_without_sense > _LONGEST_HEAD_BYTES:
            self._fail(Unreachable("a head without end"))

    def eof_received(self) -> None:
        answer = self._answer
        if answer is not None and answer.has_head and answer.ends_with_connection:
            answer.is_whole = True
            self._wake(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is None or not self._answer.is_whole:
            self._fail(Unreachable(type(exc).__name__ if exc else "closed by the other side"))
        self._wake(self._writer)
        self._on_lost(self)

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        self._wake(self._writer)

    # What the parser tells

    def on_message_begin(self) -> None:
        if self._current.is_whole:
            self._current.is_last = True  # nobody asked for another one

    def on_header(self, name: bytes, value: bytes) -> None:
        answer = self._current
        if not answer.has_head:  # else it is a trailer
            answer.headers.append((name, value))
        if len(answer.headers) > _MOST_HEADERS:
            raise ValueError("too many headers")  # ends the parsing

    def on_headers_complete(self) -> None:
        answer = self._current
        if answer.is_whole:
            return
        self._bytes_without_sense = 0
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING:
            answer.headers = []
            return
        answer.status, answer.has_head = status, True
        names = {name.lower() for name, _ in answer.headers}
        answer.ends_with_connection = not names & {b"content-length", b"transfer-encoding"}
        answer.is_whole = answer.is_last = answer.is_to_head or status == _SWITCHING
        if not self._parser.should_keep_alive():
            answer.is_last = True
        self._wake(self._reader)

    def on_body(self, body: bytes) -> None:
        answer = self._current
        if answer.is_whole:  # of an answer to HEAD
            return
        self._bytes_without_sense = 0
        answer.pieces.append(body)
        before, answer.waiting_bytes = answer.waiting_bytes, answer.waiting_bytes + len(body)
        if before <= _READ_AHEAD_BYTES < answer.waiting_bytes:
            self._open_transport().pause_reading()
        self._wake(self._reader)

    def on_message_complete(self) -> None:
        answer = self._current
        if answer.has_head:  # else it was an informational one
            answer.is_whole = True
            self._wake(self._reader)

    @property
    def _current(self) -> _Answer:
        if self._answer is None:
            raise RuntimeError("no call is under way")
        return self._answer

    def _open_transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("not connected")
        return self._transport
