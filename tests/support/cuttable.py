"""A way to Postgres, over TCP, that can be cut for one process alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE = 65_536


class CuttableWay:
    """While it is cut nothing passes and nobody is told: the worst that a network can do.

    Afterwards, what was open before is broken, and what comes anew passes.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._open = asyncio.Event()
        self._open.set()
        self._clients: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self.break_what_is_open()
        self._open.set()

    def break_what_is_open(self) -> None:
        for client in list(self._clients):
            client.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            await self._open.wait()
            there, back = await asyncio.open_unix_connection(self._socket)
            try:
                ways = [self._pass_on(reader, back), self._pass_on(there, writer)]
                tasks = [asyncio.create_task(way) for way in ways]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
            finally:
                back.transport.abort()
        except OSError:
            pass  # Postgres is away; so are we
        finally:
            self._clients.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(_PIECE):
                await self._open.wait()
                target.write(piece)
                await target.drain()


@asynccontextmanager
async def cuttable_way(socket: str) -> AsyncIterator[tuple[CuttableWay, str]]:
    """The way to this Unix socket, and the DATABASE_URL of who goes it."""
    way = CuttableWay(socket)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield way, f"postgresql://app@127.0.0.1:{port}/postgres"
    finally:
        server.close()
        way.mend()
        way.break_what_is_open()
