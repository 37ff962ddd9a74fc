"""The one place that knows which HTTP client stands underneath.

httpx is the interface, over a client of our own (`http1_client.py`): its own connection pool
collapses above some fifty connections. Renewals, thousands a second, and the gateway's calls,
which are streamed and may be called off, skip httpx and use that client directly.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Self

import httpx

from app.infobip.answers import Answer
from app.infobip.errors import TimedOut, Unintelligible, Unreachable
from app.infobip.http1_client import Client, Http1Client, Request, origin_and_target, tls_context
from app.infobip.http1_connection import Limits
from app.infobip.httpx_transport import HttpxTransport

_USER_AGENT = "hearth"
_LONGEST_ANSWER_BYTES = 1_000_000
_FORM = [
    (b"user-agent", _USER_AGENT.encode()),
    (b"content-type", b"application/x-www-form-urlencoded"),
    (b"accept", b"application/json"),
]


@lru_cache(maxsize=16)
def _form_to(url: str) -> Request:
    """Nearly all go to the same address, and in the same time."""
    return Request.make("POST", *origin_and_target(url), _FORM, None)


@lru_cache(maxsize=16)
def _all_within(seconds: float) -> Limits:
    return Limits(seconds, seconds)


class Transport:
    """Connections to Infobip. Make one per process: it holds the TLS context.

    `client` is for the gateway's calls. `raw` is the same as an httpx transport: it adds no
    headers, keeps no cookies, follows no redirects and leaves bodies as they are.
    """

    def __init__(self, *, extra_ca_pem: bytes | None = None) -> None:
        self._http1 = Http1Client(tls=tls_context(extra_ca_pem=extra_ca_pem))
        self.client: Client = self._http1
        self.raw: httpx.AsyncBaseTransport = HttpxTransport(self.client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http1.close()

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        body: bytes,
        timeout_seconds: float,
    ) -> Answer:
        """One call through httpx. Raises TimedOut, Unreachable or Unintelligible.

        Through the transport rather than a client: a client would keep cookies.
        """
        with translated_errors():
            request = httpx.Request(
                method,
                url,
                headers={"user-agent": _USER_AGENT, **headers},
                content=body,
                extensions={"timeout": {"read": timeout_seconds}},
            )
            response = await self.raw.handle_async_request(request)
            try:
                content = bytearray()
                async for piece in response.aiter_raw():
                    _add(piece, content, status=response.status_code)
            finally:
                await response.aclose()
        return Answer(response.status_code, response.headers.get("retry-after"), bytes(content))

    async def post_form(self, url: str, form: bytes, *, timeout_seconds: float) -> Answer:
        """POST an encoded form without httpx in between. Raises as `send`."""
        known = _form_to(url)
        request = Request(known.method, known.origin, known.lines, form)
        response = await self._http1.execute(request, _all_within(timeout_seconds))
        try:
            body = await response.read()
            if not response.is_read:
                longer = bytearray(body)
                while piece := await response.read():
                    _add(piece, longer, status=response.status)
                body = bytes(longer)
        finally:
            await response.close()
        status = response.status
        return Answer(status, response.header(b"retry-after") if status == 429 else None, body)


def _add(piece: bytes, body: bytearray, *, status: int) -> None:
    """Raises Unintelligible for an answer without end."""
    body += piece
    if len(body) > _LONGEST_ANSWER_BYTES:
        raise Unintelligible("too long", status=status)


@contextmanager
def translated_errors() -> Iterator[None]:
    """httpx's errors as ours. Their texts may hold URLs, so only the class name goes along."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise TimedOut(type(error).__name__) from error
    except httpx.TransportError as error:
        raise Unreachable(type(error).__name__) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict) as error:
        raise Unintelligible(type(error).__name__, status=0) from error
