"""Connections to Infobip for the gateway's calls: opened where needed, kept for the next call."""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.infobip.errors import TimedOut, Unreachable
from app.infobip.http1_answer import Headers
from app.infobip.http1_connection import Http1Connection, Limits, StreamedBody

_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 15.0
"""Servers close what is idle, and a call that is sent meanwhile is lost. Most wait for longer."""
_MOST_IDLE = 1_000
"""To all origins together, of which each account may have its own."""
_WITH_BODY = ("POST", "PUT", "PATCH")
_REQUEST_LINE = re.compile(r"[A-Z]+ /[\x21-\x7e]* HTTP/1\.1")
_LINE_BREAKS = re.compile(rb"[\x00\r\n]")


@dataclass(frozen=True, slots=True)
class Request:
    """`origin` is a scheme, a host and a port where it is not the usual one; `target` is a path
    and a query, percent-encoded."""

    method: str
    origin: str
    target: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes | StreamedBody | None = field(repr=False)


class Response:
    """An answer as it arrives. Close it, whatever happens."""

    def __init__(self, client: "Http1Client", origin: str, connection: Http1Connection) -> None:
        self._client = client
        self._origin = origin
        self._connection = connection
        self._is_closed = False
        self.status = connection.status
        self.headers = connection.headers

    @property
    def is_read(self) -> bool:
        """Whether all of the body has been read."""
        return self._connection.is_read

    async def read(self) -> bytes:
        """What has come of the body, still in its content encoding; empty at its end.

        Raises TimedOut or Unreachable.
        """
        return await self._connection.read()

    async def close(self) -> None:
        """Whatever has not been read yet is not wanted any more."""
        if self._is_closed:
            return  # the connection may be another call's by now
        self._is_closed = True
        if await self._connection.finish():
            self._client.keep(self._origin, self._connection)


class Http1Client:
    """No redirects, no cookies, no decoding, no proxies, and nothing is sent twice."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        idle_seconds: float = _IDLE_SECONDS,
        most_idle: int = _MOST_IDLE,
    ) -> None:
        self._tls = tls
        self._idle_seconds = idle_seconds
        self._most_idle = most_idle
        self._idle: dict[str, dict[Http1Connection, float]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self.kept = 0
        """How many connections wait for another call."""

    async def execute(self, request: Request, limits: Limits) -> Response:
        """Send it and wait for the answer's head. Whoever cancels this calls it off.

        Raises TimedOut, Unreachable, or what the body raises.
        """
        head = _head(request)
        connection = self._take(request.origin) or await self._connect(request.origin)
        try:
            await connection.send(
                head, request.body, is_head=request.method == "HEAD", limits=limits
            )
        except BaseException:
            connection.abort()  # a whole answer may have come that nobody takes any more
            await connection.finish()
            raise
        return Response(self, request.origin, connection)

    def keep(self, origin: str, connection: Http1Connection) -> None:
        """For the next call."""
        if self.kept >= self._most_idle:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        self._idle.setdefault(origin, {})[connection] = loop.time()
        self.kept += 1
        if self._sweep is None:
            self._sweep = loop.call_later(self._idle_seconds, self._close_old)

    def close(self) -> None:
        """Give up what is kept, and keep nothing more."""
        self._most_idle = 0
        if self._sweep is not None:
            self._sweep.cancel()
        for idle in list(self._idle.values()):
            for connection in list(idle):
                connection.abort()

    def _take(self, origin: str) -> Http1Connection | None:
        """The one that was used last: the others may come of age."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        connection, since = idle.popitem()
        self.kept -= 1
        if asyncio.get_running_loop().time() - since < self._idle_seconds and connection.is_open:
            return connection
        connection.abort()
        return None

    def _close_old(self) -> None:
        """Those that no call took."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._idle_seconds
        for idle in list(self._idle.values()):
            for connection in [kept for kept, since in idle.items() if since <= oldest]:
                connection.abort()
        self._sweep = loop.call_later(self._idle_seconds, self._close_old) if self.kept else None

    async def _connect(self, origin: str) -> Http1Connection:
        parts = urlsplit(origin)
        is_https = parts.scheme == "https"
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Http1Connection(lambda lost: self._lost(origin, lost)),
                    parts.hostname or "",
                    parts.port or (443 if is_https else 80),
                    ssl=self._tls if is_https else None,
                )
        except TimeoutError as error:
            raise TimedOut("no connection in time") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a label is too long for a name
            raise Unreachable(type(error).__name__) from error
        return connection

    def _lost(self, origin: str, connection: Http1Connection) -> None:
        idle = self._idle.get(origin)
        if idle is not None:
            if idle.pop(connection, None) is not None:
                self.kept -= 1
            if not idle:
                del self._idle[origin]


def tls_context(*, extra_ca_pem: bytes | None) -> ssl.SSLContext:
    """What the operating system trusts, and that. TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if extra_ca_pem is not None:
        context.load_verify_locations(cadata=extra_ca_pem.decode("ascii"))
    return context


def _head(request: Request) -> bytes:
    """Raises ValueError for what would be two lines, or no request at all."""
    line = f"{request.method} {request.target} HTTP/1.1"
    if not _REQUEST_LINE.fullmatch(line):
        raise ValueError("not a request line")
    authority = request.origin.partition("://")[2]
    parts = [line.encode("ascii"), b"\r\nhost: ", authority.encode("ascii"), b"\r\n"]
    for name, value in request.headers:
        if _LINE_BREAKS.search(value):
            raise ValueError("a header of more than one line")
        parts += (name, b": ", value, b"\r\n")
    parts.append(_framing(request))
    return b"".join(parts)


def _framing(request: Request) -> bytes:
    body = request.body
    if body is None:
        return b"content-length: 0\r\n\r\n" if request.method in _WITH_BODY else b"\r\n"
    length = len(body) if isinstance(body, bytes) else body.length
    if length is None:
        return b"transfer-encoding: chunked\r\n\r\n"
    return b"content-length: %d\r\n\r\n" % length
