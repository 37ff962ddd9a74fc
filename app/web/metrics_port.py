"""GET /metrics: on the main port for admin keys, and on a port of its own for who reaches it."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.metrics import exposition
from app.web.guarded_protocol import GuardedProtocol

_FINISH_REQUESTS_WITHIN_SECONDS = 1


def metrics_answer(registry: CollectorRegistry, request: Request) -> Response:
    """All metrics, in the format that the request asks for."""
    text, content_type = exposition(registry, accept=request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})


async def serve_metrics(
    registry: CollectorRegistry, listener: socket.socket, stop: asyncio.Event
) -> None:
    """Answer on a port of its own until told to stop; also whether this process is alive.

    In the event loop, not in a thread: what is shown belongs to it.
    """

    async def answer(request: Request) -> Response:
        return metrics_answer(registry, request)

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    server = _Beside(
        uvicorn.Config(
            Starlette(routes=[Route("/metrics", answer), Route("/healthz", alive)]),
            http=GuardedProtocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_FINISH_REQUESTS_WITHIN_SECONDS,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        await stop.wait()
        server.should_exit = True


class _Beside(uvicorn.Server):
    """A server whose process has other things to do: signals are not for it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
