"""Many clients in one process: `python -m bench.gateway.clients URL COUNT COOKIE`.

Each sends one request. What comes is read and forgotten; at the end the number of bytes is
printed. With a number of seconds as fourth argument, it ends then: for streams without an end.
"""

import asyncio
import sys
from contextlib import suppress
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import uvloop


class _Reader(asyncio.Protocol):
    def __init__(self, request: bytes, ended: asyncio.Future[int]) -> None:
        self._request = request
        self._ended = ended
        self._bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self._ended.done():
            self._ended.set_result(self._bytes)


async def _run(url: str, count: int, cookie: str, seconds: float | None) -> None:
    parts = urlsplit(url)
    request = (
        f"GET {parts.path} HTTP/1.1\r\nhost: localhost\r\nx-hearth: 1\r\n"
        f"cookie: {cookie}\r\nconnection: close\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[int]] = [loop.create_future() for _ in range(count)]
    for ended in ends:
        await loop.create_connection(
            partial(_Reader, request, ended), parts.hostname or "", parts.port or 80
        )
    print("connected", flush=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            print(sum(await asyncio.gather(*ends)))


if __name__ == "__main__":
    uvloop.run(
        _run(
            sys.argv[1],
            int(sys.argv[2]),
            sys.argv[3],
            float(sys.argv[4]) if len(sys.argv) > 4 else None,
        )
    )
