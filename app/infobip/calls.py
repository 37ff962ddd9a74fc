"""Authenticated calls to Infobip's APIs, streamed both ways, that can be called off."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass

from pyqwest import Headers as WireHeaders
from pyqwest import Request, Response

from app.infobip.errors import Unintelligible
from app.infobip.streaming import translated_streaming_errors
from app.infobip.transport import Transport

Headers = Sequence[tuple[bytes, bytes]]

_LOWEST_STATUS = 200
_HIGHEST_STATUS = 599
_USER_AGENT = ("user-agent", "hearth")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long nothing may happen (between pieces of the body, from its last one to the answer,
    between pieces of that), and how long all of it may take."""

    silence_seconds: float
    longest_seconds: float


class StreamedAnswer:
    """Infobip's answer as it arrives. Close it, whatever happens."""

    def __init__(self, response: Response, limits: "Limits", *, deadline: float) -> None:
        self._response = response
        self._limits = limits
        self._deadline = deadline
        self.status = response.status
        self.headers: Headers = [
            (name.encode(), value.encode("latin-1")) for name, value in response.headers.items()
        ]

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it was sent, still in its content encoding. Raises as `Calls.open`."""
        loop = asyncio.get_running_loop()
        content = aiter(self._response.content)
        while True:
            limit = min(loop.time() + self._limits.silence_seconds, self._deadline)
            with translated_streaming_errors():
                async with asyncio.timeout_at(limit):
                    chunk = await anext(content, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def close(self) -> None:
        """Whatever has not been read yet is not wanted any more."""
        await self._response.aclose()


class Calls:
    """One call at a time, by whoever holds a token; no redirects, no retries."""

    def __init__(self, *, transport: Transport) -> None:
        self._transport = transport.streaming

    async def open(
        self,
        method: str,
        url: str,
        *,
        authorization: str,
        headers: Headers,
        body: bytes | AsyncIterable[bytes] | None,
        limits: Limits,
    ) -> StreamedAnswer:
        """Send the request and wait for the answer's head. Whoever cancels this calls it off.

        Raises TimedOut, Unreachable or Unintelligible, or what `body` raises.
        """
        now = asyncio.get_running_loop().time()
        deadline = now + limits.longest_seconds
        sent = WireHeaders([_USER_AGENT, ("authorization", authorization)])
        for name, value in headers:
            sent.add(name.decode(), value.decode("latin-1"))
        with translated_streaming_errors():
            async with asyncio.timeout_at(min(now + limits.silence_seconds, deadline)) as limit:
                if body is None or isinstance(body, bytes):
                    response = await self._transport.execute(Request(method, url, sent, body))
                else:
                    pieces = _Pieces(body, limit, limits, deadline=deadline)
                    response = await self._stream(Request(method, url, sent, pieces.flow()), pieces)
        answer = StreamedAnswer(response, limits, deadline=deadline)
        if not _LOWEST_STATUS <= answer.status <= _HIGHEST_STATUS:
            await answer.close()
            raise Unintelligible("not a final status", status=answer.status)
        return answer

    async def _stream(self, request: Request, pieces: "_Pieces") -> Response:
        try:
            return await self._transport.execute(request)
        except Exception:
            if pieces.error is not None:
                raise pieces.error from None
            raise


class _Pieces:
    """A body on its way. Each piece is a sign of life; what it raises is kept, because the client
    would make an error of its own of it."""

    def __init__(
        self,
        body: AsyncIterable[bytes],
        limit: asyncio.Timeout,
        limits: Limits,
        *,
        deadline: float,
    ) -> None:
        self.error: Exception | None = None
        self._body = body
        self._limit = limit
        self._limits = limits
        self._deadline = deadline

    async def flow(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        try:
            async for piece in self._body:
                silent_until = loop.time() + self._limits.silence_seconds
                self._limit.reschedule(min(silent_until, self._deadline))
                yield piece
        except Exception as error:
            self.error = error
            raise
