"""httpx's face of our HTTP/1.1 client: its requests, its answers, its errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx

from app.infobip.errors import InfobipError, TimedOut
from app.infobip.http1_client import Client, Request, Response
from app.infobip.http1_connection import Limits

_USUAL_SECONDS = 10.0
_OURS = {b"host", b"content-length", b"transfer-encoding"}
"""What the client writes itself."""


class HttpxTransport(httpx.AsyncBaseTransport):
    """An httpx transport for requests whose bodies are there.

    Of httpx's timeouts it knows `read`, and takes it for the whole exchange, from connecting
    to the body's last byte.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read") or _USUAL_SECONDS
        url = request.url
        with _as_httpx(request):
            sent = Request.make(
                request.method,
                f"{url.scheme}://{url.netloc.decode('ascii')}",
                url.raw_path.decode("ascii"),
                [(name, value) for name, value in request.headers.raw if name.lower() not in _OURS],
                request.content or None,
            )
            response = await self._client.execute(sent, Limits(seconds, seconds))
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, request),
            request=request,
        )


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            while piece := await self._response.read():
                yield piece

    async def aclose(self) -> None:
        await self._response.close()


@contextmanager
def _as_httpx(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except InfobipError as error:
        kind = httpx.ReadTimeout if isinstance(error, TimedOut) else httpx.NetworkError
        raise kind(str(error), request=request) from error
    except ValueError as error:
        raise httpx.LocalProtocolError("no request", request=request) from error
