"""Running the web application and the refresher as processes."""

import asyncio
import errno
import resource
import signal
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvicorn
import uvloop
from opentelemetry.trace import TracerProvider

from app.errors import ConfigurationError
from app.factory import open_process
from app.garbage import collect_rarely
from app.main import create_app
from app.settings import Settings
from app.tracing import open_tracing
from app.web.guarded_protocol import GuardedProtocol
from app.web.metrics_port import serve_metrics

_Outcome = TypeVar("_Outcome")

ENDS_WITHIN_SECONDS = 10
"""From the signal to the end: the requests, then what the refresher has under way, then traces."""

_FINISH_REQUESTS_WITHIN_SECONDS = 2
_DESCRIPTORS = 65_536


def listen(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """A listening socket. Raises ConfigurationError with a sentence when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_why_not(error, host, port, option)) from error
    return listener


def serve(settings: Settings, listener: socket.socket) -> int:
    """Web and refresher until SIGTERM or SIGINT; the exit status."""
    _allow_many_descriptors()
    collect_rarely()
    with open_tracing() as tracing:
        return _serve(settings, listener, tracing)


def _serve(settings: Settings, listener: socket.socket, tracing: TracerProvider | None) -> int:
    failed = False

    def on_failure() -> None:
        nonlocal failed
        failed = server.should_exit = True

    app = create_app(
        settings,
        on_failure=on_failure,
        metrics_listener=_listen_for_metrics(settings),
        tracing=tracing,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=GuardedProtocol,
            loop="uvloop",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # TRUSTED_PROXIES says whom to believe, not uvicorn
            server_header=False,
            timeout_graceful_shutdown=_FINISH_REQUESTS_WITHIN_SECONDS,
        )
    )
    with uvicorn_signals_swallowed():
        server.run(sockets=[listener])
    return 1 if failed or not server.started else 0


def refresh(settings: Settings) -> int:
    """The refresher alone until SIGTERM or SIGINT; the exit status.

    Raises ConfigurationError where there is nothing to refresh.
    """
    collect_rarely()
    with open_tracing() as tracing:
        run_async(_refresh(settings, tracing))
    return 0


def run_async(task: Coroutine[Any, Any, _Outcome]) -> _Outcome:
    """Run a coroutine on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(task)


async def _refresh(settings: Settings, tracing: TracerProvider | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listener = _listen_for_metrics(settings)
    async with open_process(settings, tracing=tracing) as process:
        if process.refresher is None:
            raise ConfigurationError(
                "There is nothing to refresh: INFOBIP_CLIENT_ID is not set, and an API key needs "
                "no renewal. Only `serve` is of use here."
            )
        duties = [process.refresher.run(stop)]
        if process.deliveries is not None:
            duties.append(process.deliveries.run(stop))
        if listener is not None:
            duties.append(serve_metrics(process.metrics, listener, stop))
        await asyncio.gather(*duties)


def _listen_for_metrics(settings: Settings) -> socket.socket | None:
    port = settings.metrics.port
    return listen(settings.metrics.host, port, option="METRICS_PORT") if port is not None else None


def _allow_many_descriptors() -> None:
    """Many systems start processes with 1,024 descriptors and let them ask for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class uvicorn_signals_swallowed:  # noqa: N801 - reads as a sentence in a `with`
    """uvicorn raises the signal that stopped it anew; we have stopped and say so by our status."""

    def __enter__(self) -> None:
        self._before = {
            number: signal.signal(number, lambda *_: None)
            for number in (signal.SIGTERM, signal.SIGINT)
        }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _why_not(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use. Stop what listens there, or choose another with {option}."
    if error.errno == errno.EACCES:
        return f"Port {port} needs privileges. Choose one above 1023 with {option}."
    return f"Cannot listen on {host}:{port}: {error.strerror or error}."
