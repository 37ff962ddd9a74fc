"""Connections to Infobip: opened where needed, kept for the next call."""

import asyncio
import re
import ssl
from typing import Protocol, Self
from urllib.parse import urlsplit

import msgspec

from app.infobip.addresses import Addresses
from app.infobip.dialing import Dialer
from app.infobip.errors import TimedOut, Unreachable
from app.infobip.http1_answer import Headers
from app.infobip.http1_connection import Http1Connection, Limits, StreamedBody
from app.infobip.proxies import Proxies

_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 15.0
"""Servers close what is idle, and a call that is sent meanwhile is lost. Most wait for longer."""
_MOST_IDLE = 2_000
"""To all origins together, of which each account may have its own."""
_WITH_BODY = ("POST", "PUT", "PATCH")
_REQUEST_LINE = re.compile(r"[A-Z]+ /[\x21-\x7e]* HTTP/1\.1")
_LINE_BREAKS = re.compile(rb"[\x00\r\n]")
_NO_BODY = b"content-length: 0\r\n\r\n"
_CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


class Request(msgspec.Struct, frozen=True, gc=False):
    """`origin` is a scheme, a host and a port where it is not the usual one; `lines` are those
    that the body's framing does not change. See `make`."""

    method: str
    origin: str
    lines: bytes
    body: bytes | StreamedBody | None

    @classmethod
    def make(
        cls,
        method: str,
        origin: str,
        target: str,
        headers: Headers,
        body: bytes | StreamedBody | None,
    ) -> Self:
        """`target` is a path and a query, percent-encoded.

        Raises ValueError for what would be two lines, or no request at all.
        """
        line = f"{method} {target} HTTP/1.1"
        if not _REQUEST_LINE.fullmatch(line):
            raise ValueError("not a request line")
        scheme, _, authority = origin.partition("://")
        if scheme not in ("http", "https"):
            raise ValueError("not a line to HTTP")
        parts = [line.encode("ascii"), b"\r\nhost: ", authority.encode("ascii"), b"\r\n"]
        for name, value in headers:
            if _LINE_BREAKS.search(value) or _LINE_BREAKS.search(name):
                raise ValueError("a header of more than one line")
            parts += (name, b": ", value, b"\r\n")
        return cls(method, origin, b"".join(parts), body)

    @property
    def head(self) -> bytes:
        """All that is sent before the body."""
        body = self.body
        if body is None:
            return self.lines + (_NO_BODY if self.method in _WITH_BODY else b"\r\n")
        length = len(body) if isinstance(body, bytes) else body.length
        if length is None:
            return self.lines + _CHUNKED
        return b"%bcontent-length: %d\r\n\r\n" % (self.lines, length)

    def __repr__(self) -> str:
        return f"Request({self.method} {self.origin})"


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
        return self._mine.is_read

    def header(self, name: bytes) -> str | None:
        """The first of this name, which is in lower case."""
        for known, value in self.headers:
            if known.lower() == name:
                return value.decode("latin-1")
        return None

    async def read(self) -> bytes:
        """What has come of the body, still in its content encoding; empty at its end.

        Raises TimedOut or Unreachable.
        """
        return await self._mine.read()

    async def close(self) -> None:
        """Whatever has not been read yet is not wanted any more."""
        if self._is_closed:
            return  # the connection may be another call's by now
        self._is_closed = True
        if await self._connection.finish():
            self._client.keep(self._origin, self._connection)

    @property
    def _mine(self) -> Http1Connection:
        if self._is_closed:
            raise RuntimeError("the answer is closed; its connection may be another call's")
        return self._connection


class Client(Protocol):
    """What sends requests."""

    async def execute(self, request: Request, limits: Limits) -> Response:
        """See `Http1Client.execute`."""


class Http1Client:
    """No redirects, no cookies, no decoding, and nothing is sent twice."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        addresses: Addresses | None = None,
        idle_seconds: float = _IDLE_SECONDS,
        most_idle: int = _MOST_IDLE,
    ) -> None:
        """In a running event loop. Proxies are those of the environment. Raises ValueError for
        one that cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        self._dialer = Dialer(tls=tls, proxies=Proxies(), addresses=addresses or Addresses())
        self._idle_seconds = idle_seconds
        self._most_idle = most_idle
        self._connections: set[Http1Connection] = set()
        self._is_closed = False
        self._idle: dict[str, dict[Http1Connection, float]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self.kept = 0
        """How many connections wait for another call."""

    async def execute(self, request: Request, limits: Limits) -> Response:
        """Send it and wait for the answer's head. Whoever cancels this calls it off.

        Raises TimedOut, Unreachable, or what the body raises.
        """
        deadline = self._loop.time() + limits.longest_seconds
        connection = self._take(request.origin)
        if connection is None:
            within = min(_CONNECT_SECONDS, limits.longest_seconds)
            connection = await self._connect(request.origin, within_seconds=within)
        try:
            await connection.send(
                request.head,
                request.body,
                is_head=request.method == "HEAD",
                silence_seconds=limits.silence_seconds,
                deadline=deadline,
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
        self._idle.setdefault(origin, {})[connection] = self._loop.time()
        self.kept += 1
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._idle_seconds, self._close_old)

    def close(self) -> None:
        """Give up all that is kept or under way, and keep nothing more."""
        self._most_idle = 0
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in self._connections:
            connection.abort()

    def _take(self, origin: str) -> Http1Connection | None:
        """The one that was used last: the others may come of age."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        connection, since = idle.popitem()
        self.kept -= 1
        if self._loop.time() - since < self._idle_seconds and connection.is_open:
            return connection
        connection.abort()
        return None

    def _close_old(self) -> None:
        """Those that no call took."""
        oldest = self._loop.time() - self._idle_seconds
        for idle in list(self._idle.values()):
            for connection in [kept for kept, since in idle.items() if since <= oldest]:
                connection.abort()
        self._sweep = None
        if self.kept:
            self._sweep = self._loop.call_later(self._idle_seconds, self._close_old)

    async def _connect(self, origin: str, *, within_seconds: float) -> Http1Connection:
        parts = urlsplit(origin)
        host = parts.hostname or ""

        def make() -> Http1Connection:
            return Http1Connection(lambda lost: self._lost(origin, lost))

        try:
            async with asyncio.timeout(within_seconds):
                if parts.scheme == "https":
                    connection, beneath = await self._dialer.secure(make, host, parts.port or 443)
                    connection.runs_over(beneath)
                else:
                    connection = await self._dialer.plain(make, host, parts.port or 80)
        except TimeoutError as error:
            raise TimedOut("no connection in time") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a host that TLS cannot name
            raise Unreachable(type(error).__name__) from error
        if self._is_closed or not connection.is_open:
            connection.abort()
            raise Unreachable("closed meanwhile")
        self._connections.add(connection)
        return connection

    def _lost(self, origin: str, connection: Http1Connection) -> None:
        self._connections.discard(connection)
        idle = self._idle.get(origin)
        if idle is not None:
            if idle.pop(connection, None) is not None:
                self.kept -= 1
            if not idle:
                del self._idle[origin]


def origin_and_target(url: str) -> tuple[str, str]:
    """Of an absolute URL without a user or a fragment. A path is there, if only `/`."""
    path = url.find("/", url.index("://") + 3)
    return (url, "/") if path < 0 else (url[:path], url[path:])


def tls_context(*, extra_ca_pem: bytes | None) -> ssl.SSLContext:
    """What the operating system trusts, and that. TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if extra_ca_pem is not None:
        context.load_verify_locations(cadata=extra_ca_pem.decode("ascii"))
    return context
