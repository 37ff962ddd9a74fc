"""The pool of connections: pyreqwest (Rust), and its face as an httpx transport.

pyreqwest's own httpx transport fills a buffer before it hands anything on, so that an answer
that trickles would arrive as a whole at its end; ours passes on what has arrived.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.response import Response

_CONNECT_SECONDS = 5.0
_IDLE_CONNECTIONS_PER_HOST = 1_000
_USER_AGENT = "hearth"


def build_client(*, extra_ca_pem: bytes | None) -> Client:
    """Nothing is followed, remembered or decoded on the way. TLS 1.2 or newer."""
    builder = (
        ClientBuilder()
        .http1_only()
        .follow_redirects(False)
        .referer(False)
        .default_cookie_store(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .user_agent(_USER_AGENT)
        .connect_timeout(timedelta(seconds=_CONNECT_SECONDS))
        .pool_max_idle_per_host(_IDLE_CONNECTIONS_PER_HOST)
        .min_tls_version("TLSv1.2")
    )
    if extra_ca_pem is not None:
        builder = builder.add_root_certificate_pem(extra_ca_pem)
    return builder.build()


class PoolTransport(httpx.AsyncBaseTransport):
    """An httpx transport on the pool.

    Of httpx's timeouts it knows `read`, and takes it for the whole exchange, from connecting
    to the body's last byte.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def aclose(self) -> None:
        await self._client.close()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        builder = self._client.request(request.method, str(request.url))
        builder = builder.headers(request.headers.multi_items()).streamed_read_buffer_limit(0)
        try:
            builder = builder.body_bytes(request.content)
        except httpx.RequestNotRead:
            builder = builder.body_stream(_pieces(request))
        limit = request.extensions.get("timeout", {}).get("read")
        if limit is not None:
            builder = builder.timeout(timedelta(seconds=limit))
        exits = AsyncExitStack()
        try:
            response = await exits.enter_async_context(builder.build_streamed())
        except PyreqwestError as error:
            raise _as_httpx(error, request) from error
        return httpx.Response(
            response.status,
            headers=readable_headers(response),
            stream=_Body(response, exits, request),
            request=request,
        )


def readable_headers(response: Response) -> list[tuple[str, str]]:
    """All headers whose values are ASCII, as nearly all are; pyreqwest cannot read the others."""
    try:
        return list(response.headers.items())
    except ValueError:
        names = dict.fromkeys(response.headers)
        return [(name, value) for name in names for value in _values(response, name)]


def _values(response: Response, name: str) -> list[str]:
    try:
        return response.headers.getall(name)
    except ValueError:
        return []


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: Response, exits: AsyncExitStack, request: httpx.Request) -> None:
        self._reader = response.body_reader
        self._exits = exits
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while (chunk := await self._reader.read_chunk()) is not None:
                yield bytes(chunk)
        except PyreqwestError as error:
            raise _as_httpx(error, self._request) from error

    async def aclose(self) -> None:
        await self._exits.aclose()


async def _pieces(request: httpx.Request) -> AsyncIterator[bytes]:
    assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101 - httpx made it for us
    async for piece in request.stream:
        yield piece


def _as_httpx(error: PyreqwestError, request: httpx.Request) -> httpx.TransportError:
    """Only the class name goes along: the texts hold whole URLs."""
    kind = httpx.ReadTimeout if isinstance(error, RequestTimeoutError) else httpx.NetworkError
    return kind(type(error).__name__, request=request)
