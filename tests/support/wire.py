"""A connection on which a test says exactly what it wants, however wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An answer as it came; header names are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class Wire:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""
        self.port: int = connection.getsockname()[1]

    async def send(self, *pieces: bytes) -> int:
        """Send one piece after the other; how many bytes went before the other side hung up."""
        loop, sent = asyncio.get_running_loop(), 0
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for piece in pieces:
                try:
                    await loop.sock_sendall(self._socket, piece)
                except ConnectionError:
                    break
                sent += len(piece)
                await asyncio.sleep(0)  # so that the pieces arrive one by one
        return sent

    async def answer(self) -> WireAnswer:
        """The next answer. Raises ConnectionError when the other side hangs up before its end."""
        head = await self.head()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = [
            (name.lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines)
        ]
        found = WireAnswer(int(first.split(" ")[1]), headers, b"")
        if found.status in (204, 304):
            return found
        if found.all("transfer-encoding") == ["chunked"]:
            return WireAnswer(found.status, headers, await self._chunks())
        return WireAnswer(
            found.status, headers, await self._exactly(int(*found.all("content-length")))
        )

    async def head(self) -> str:
        """The head of the next answer. Raises as `answer`."""
        return (await self._until(b"\r\n\r\n")).decode("latin-1")

    async def rest(self) -> bytes:
        """All that comes until the other side hangs up."""
        while await self._more():
            pass
        rest, self._received = self._received, b""
        return rest

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._until(b"\r\n"), 16):
            body += await self._exactly(size)
            await self._exactly(2)
        await self._exactly(2)
        return body

    async def _until(self, end: bytes) -> bytes:
        while end not in self._received:
            if not await self._more():
                raise ConnectionError("no more came")
        return await self._exactly(self._received.index(end) + len(end))

    async def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            if not await self._more():
                raise ConnectionError("no more came")
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    async def _more(self) -> bool:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            try:
                data = await asyncio.get_running_loop().sock_recv(self._socket, 65_536)
            except ConnectionError:
                return False
        self._received += data
        return bool(data)


@asynccontextmanager
async def wire(url: str, *, receive_buffer: int | None = None) -> AsyncIterator[Wire]:
    """Connect to the server at this base URL."""
    parts = urlsplit(url)
    with socket.socket() as connection:
        connection.setblocking(False)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        address = ("127.0.0.1", parts.port)
        await asyncio.get_running_loop().sock_connect(connection, address)
        yield Wire(connection)
