"""The one place that knows which HTTP client stands underneath.

httpx is the interface. Its own connection pool collapses above some fifty connections, so the
pool underneath is pyreqwest's (Rust). Renewals, thousands a second, skip httpx and use that
client directly. To move to another client, change this file and `pool.py`. The gateway's calls,
which are streamed and may be called off, have a client of our own: `http1_client.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from types import TracebackType
from typing import Self

import httpx
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.http import HeaderMap
from pyreqwest.response import Response

from app.infobip.answers import Answer
from app.infobip.errors import TimedOut, Unintelligible, Unreachable
from app.infobip.http1_client import Http1Client, tls_context
from app.infobip.pool import PoolTransport, build_client

_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}

_span = lru_cache(maxsize=16)(lambda seconds: timedelta(seconds=seconds))
"""Nearly all renewals have the same time limit; to make it takes as long as to read the answer."""


class Transport:
    """A pool of connections to Infobip. Make one per process: it holds the TLS context.

    `raw` is the pool as an httpx transport: it adds no headers, keeps no cookies, follows no
    redirects and leaves bodies as they are. `streaming` is for the gateway's calls.
    """

    def __init__(self, *, extra_ca_pem: bytes | None = None) -> None:
        self._client = build_client(extra_ca_pem=extra_ca_pem)
        self._form_headers = HeaderMap(_FORM)
        self.raw: httpx.AsyncBaseTransport = PoolTransport(self._client)
        self.streaming = Http1Client(tls=tls_context(extra_ca_pem=extra_ca_pem))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.raw.aclose()
        self.streaming.close()

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
                headers=headers,
                content=body,
                extensions={"timeout": {"read": timeout_seconds}},
            )
            response = await self.raw.handle_async_request(request)
            try:
                content = await response.aread()
            finally:
                await response.aclose()
            return Answer(response.status_code, response.headers.get("retry-after"), content)

    async def post_form(self, url: str, form: bytes, *, timeout_seconds: float) -> Answer:
        """POST an encoded form without httpx in between. Raises TimedOut or Unreachable."""
        try:
            response = await (
                self._client.post(url)
                .headers(self._form_headers)
                .body_bytes(form)
                .timeout(_span(timeout_seconds))
                .build()
                .send()
            )
            body = bytes(await response.bytes())
        except RequestTimeoutError as error:
            raise TimedOut(type(error).__name__) from error
        except PyreqwestError as error:
            raise Unreachable(type(error).__name__) from error
        status = response.status
        return Answer(status, _retry_after(response) if status == 429 else None, body)


def _retry_after(response: Response) -> str | None:
    try:
        return response.headers.get("retry-after")
    except ValueError:  # not ASCII
        return None


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
