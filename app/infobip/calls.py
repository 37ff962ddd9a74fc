"""Authenticated calls to Infobip's APIs, streamed both ways."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence

import httpx

from app.infobip.errors import Unintelligible
from app.infobip.transport import Transport, translated_errors

Headers = Sequence[tuple[bytes, bytes]]

_LOWEST_STATUS = 200
_HIGHEST_STATUS = 599


class StreamedAnswer:
    """Infobip's answer as it arrives. Close it, whatever happens."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Headers = response.headers.raw

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it was sent, still in its content encoding. Raises as `Calls.open`."""
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an async transport's
        with translated_errors():
            async for chunk in stream:
                yield chunk

    async def close(self) -> None:
        await self._response.aclose()


class Calls:
    """One call at a time, by whoever holds a token; no redirects, no retries."""

    def __init__(self, *, transport: Transport) -> None:
        self._transport = transport.raw

    async def open(
        self,
        method: str,
        url: str,
        *,
        authorization: str,
        headers: Headers,
        body: AsyncIterable[bytes] | None,
        timeout_seconds: float,
    ) -> StreamedAnswer:
        """Send the request and wait for the answer's head.

        `timeout_seconds` is for all of it, the answer's body included.
        Raises TimedOut, Unreachable or Unintelligible.
        """
        request = httpx.Request(
            method,
            url,
            headers=[*headers, (b"authorization", authorization.encode())],
            content=body if body is not None else b"",
            extensions={"timeout": {"read": timeout_seconds}},
        )
        with translated_errors():
            answer = StreamedAnswer(await self._transport.handle_async_request(request))
        if not _LOWEST_STATUS <= answer.status <= _HIGHEST_STATUS:
            await answer.close()
            raise Unintelligible("not a final status", status=answer.status)
        return answer
