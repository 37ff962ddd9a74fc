"""Servers on loopback, in the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from sandbox.server import SandboxServer
from tests.support.prompt_server import PromptServer


class PromptSandbox(SandboxServer, PromptServer):
    """Ends as `python -m sandbox` does, and sooner."""


@asynccontextmanager
async def serving(app: ASGIApp, *, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve ``app`` on a free port of 127.0.0.1; its base URL, under the name ``host``."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = PromptSandbox(app)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
