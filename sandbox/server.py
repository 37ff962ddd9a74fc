"""Serving the sandbox with uvicorn."""

import logging
import socket
import sys
from threading import Thread

import uvicorn
from starlette.types import ASGIApp


class SandboxServer(uvicorn.Server):
    """A uvicorn that stops at once, whoever waits for an answer that a fault keeps back."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )

    def stop_when_input_ends(self) -> None:
        """Stop once standard input is closed, as it is when the process that holds it dies."""

        def wait() -> None:
            sys.stdin.read()
            self.should_exit = True

        Thread(target=wait, daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut all connections, then stop; requests that are cancelled now are no news."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)
