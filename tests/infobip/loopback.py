"""A server on the loopback that answers exactly what a test tells it to, however wrong."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came over the wire; header names are in lower case."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


Conduct = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]
"""What to do after a request was read. The connection is kept open afterwards."""


@dataclass(slots=True)
class Loopback:
    """A running server and what it has received so far."""

    url: str
    received: list[Received] = field(default_factory=list)


def written(raw: bytes) -> Conduct:
    """Write these bytes and go on with the next request."""

    async def conduct(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return conduct


def answered(body: bytes = b"", *headers: str, status: str = "200 OK") -> Conduct:
    """A proper HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return written("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port where each connection is served so. What one of them raises is raised at the end."""
    connections: set[asyncio.Future[None]] = set()

    def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(on_connect, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        ended = await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
    for end in ended:
        if isinstance(end, Exception):
            raise end


@asynccontextmanager
async def loopback(
    conduct: Conduct, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Loopback]:
    async with listening(
        lambda reader, writer: _serve(reader, writer, conduct, running), tls=tls
    ) as port:
        running = Loopback(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
        yield running


async def _serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    conduct: Conduct,
    running: Loopback,
) -> None:
    try:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                request = await _read(reader)
                running.received.append(request)
                await conduct(request, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name.lower(), value.strip()))
    request = Received(method, target, headers, b"")
    if request.header("transfer-encoding") == "chunked":
        return Received(method, target, headers, await _read_chunks(reader))
    length = int(request.header("content-length") or 0)
    return Received(method, target, headers, await reader.readexactly(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body
