"""One HTTP/1.1 connection to Infobip, which carries one call after the other.

What we need, and HTTP clients do not offer together: both bodies streamed at the pace of their
readers, an end at once when nobody wants the answer any more, and little CPU.
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import Protocol, cast

from app.infobip.errors import TimedOut, Unreachable
from app.infobip.http1_answer import Headers, Http1Answer

_READ_AHEAD_BYTES = 65_536
_READ_AT_ONCE_BYTES = 262_144


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


class Http1Connection(asyncio.BufferedProtocol):
    """Made by `loop.create_connection`. `send`, then `read` until it is empty, then `finish`.

    `on_lost` is called when it is closed, by whomever.
    """

    _buffer = memoryview(bytearray(_READ_AT_ONCE_BYTES))
    """All connections read into the same: uvloop, and asyncio's own loop, ask for it, fill it and
    say so in one go; one loop in a process. (For each read of a `Protocol` over TLS, uvloop maps
    256 kB and unmaps them again.)"""

    def __init__(self, on_lost: Callable[["Http1Connection"], None]) -> None:
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._beneath: asyncio.Transport | None = None
        self._answer = Http1Answer()
        self._is_asked = False
        self._error: Exception | None = None
        self._silence_seconds = 0.0
        self._deadline = 0.0
        self._quiet_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = 0.0
        self._upload: asyncio.Task[None] | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_reading_paused = False
        self._is_writing_paused = False

    def runs_over(self, beneath: asyncio.Transport) -> None:
        """Under TLS, which does not tell what has not been sent there."""
        self._beneath = beneath

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def _has_sent_all(self) -> bool:
        """An answer may come before its request went; the next one would wait behind that."""
        if not self.is_open or self._open_transport().get_write_buffer_size():
            return False
        return self._beneath is None or not self._beneath.get_write_buffer_size()

    @property
    def status(self) -> int:
        """Of the last call's answer."""
        return self._answer.status

    @property
    def headers(self) -> Headers:
        """Of the last call's answer, names as they came."""
        return self._answer.headers

    @property
    def is_read(self) -> bool:
        """Whether there is no more of the answer's body."""
        return self._answer.is_taken

    async def send(
        self,
        head: bytes,
        body: bytes | StreamedBody | None,
        *,
        is_head: bool,
        silence_seconds: float,
        deadline: float,
    ) -> None:
        """Send one request and wait for the answer's head. The deadline is the event loop's time.

        Raises TimedOut, Unreachable, or what `body` raises.
        """
        transport, answer = self._open_transport(), self._answer
        answer.begin(is_to_head=is_head)
        self._is_asked = True
        self._silence_seconds = silence_seconds
        self._deadline = deadline
        self._quiet_since = self._loop.time()
        self._look_by(min(self._quiet_since + silence_seconds, deadline))
        if body is None or isinstance(body, bytes):
            transport.write(head + body if body else head)
        else:
            transport.write(head)
            self._upload = asyncio.create_task(self._send_pieces(body))
            self._upload.add_done_callback(self._uploaded)
        while not answer.has_head:
            await self._wait_for_server()

    async def read(self) -> bytes:
        """What has come of the body, at least a byte; empty at its end. Raises as `send`."""
        answer = self._answer
        while not (answer.untaken_bytes or answer.is_whole):
            self._quiet_since = self._loop.time()
            await self._wait_for_server()
        if self._is_reading_paused:
            self._is_reading_paused = False
            if self.is_open:
                self._open_transport().resume_reading()
        return answer.take()

    async def finish(self) -> bool:
        """The call is over; whether the connection can carry another one. Else it is closed."""
        self._is_asked, answer = False, self._answer
        if self._upload is not None:
            self.abort()
            self._upload.cancel()
            await asyncio.wait([self._upload])
        elif answer.is_taken and not answer.is_last and self._has_sent_all:
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    # What is waited for

    async def _wait_for_server(self) -> None:
        """Until more has come. Raises what ended the call, if it is not whole."""
        if self._error is None:
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if self._error is not None and not self._answer.is_whole:
            raise self._error

    async def _send_pieces(self, body: StreamedBody) -> None:
        sent, length = 0, body.length
        async for piece in body:
            if not piece:
                continue  # a chunk of no length would be the last one
            sent += len(piece)
            if length is not None and sent > length:
                break
            if length is None:
                await self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
            else:
                await self._write(piece)
        if length is None:
            await self._write(b"0\r\n\r\n")
        elif sent != length:  # too many would be taken for another request
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

    def _look_by(self, when: float) -> None:
        """One timer for all calls: where it comes too early for one, it looks again."""
        if self._timer is not None:
            if self._looks_at <= when:
                return
            self._timer.cancel()
        self._timer, self._looks_at = self._loop.call_at(when, self._check_time), when

    def _check_time(self) -> None:
        self._timer = None
        if not self._is_asked:
            return
        now = self._loop.time()
        since = self._quiet_since if self._is_their_turn else now
        until = min(since + self._silence_seconds, self._deadline)
        if now >= until:
            self._fail(TimedOut("no answer in time"))
        else:
            self._look_by(until)

    @property
    def _is_their_turn(self) -> bool:
        """Not where our own side has not sent its body, or does not read."""
        has_asked = self._upload is None or self._answer.has_head
        return (has_asked and self._reader is not None) or self._writer is not None

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

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's own
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        answer = self._answer
        if not self._is_asked:
            self._fail(Unreachable("bytes that nobody asked for"))
            return
        self._quiet_since = self._loop.time()
        try:
            answer.feed(self._buffer[:nbytes])
        except Unreachable as error:
            self._fail(error)
            return
        is_much = answer.untaken_bytes > _READ_AHEAD_BYTES and not answer.is_whole
        if is_much and not self._is_reading_paused:  # what comes after a whole one has to be seen
            self._is_reading_paused = True
            self._open_transport().pause_reading()
        if answer.has_head:
            self._wake(self._reader)

    def eof_received(self) -> None:
        if self._is_asked:
            self._answer.end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fail(Unreachable(type(exc).__name__ if exc else "closed by the other side"))
        self._on_lost(self)

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        self._wake(self._writer)

    def _open_transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("not connected")
        return self._transport
