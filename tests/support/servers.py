"""Servers that run for real, on loopback, inside the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from app.web.guarded_protocol import GuardedProtocol
from tests.support.prompt_server import PromptServer


def free_socket(port: int = 0) -> socket.socket:
    """A listening socket on this port, or on one that was free."""
    # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


def free_port() -> int:
    """A port that was free a moment ago, for a process that binds it itself."""
    with free_socket() as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, *, protocol: type[GuardedProtocol] = GuardedProtocol
) -> AsyncIterator[str]:
    """Serve an application; its base URL, by the host name `localhost`."""
    config = uvicorn.Config(
        app,
        http=protocol,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = PromptServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(10):
            while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event
                await asyncio.sleep(0.005)
        yield f"http://localhost:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
