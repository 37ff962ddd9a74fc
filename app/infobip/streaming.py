"""The client for calls that are streamed and may have to be called off: pyqwest (Rust).

Renewals and exchanges use pyreqwest, which takes a third of the CPU; but a call that waits for its
answer cannot be called off there: it goes on until its time limit, and Infobip works for nobody.
"""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Protocol

from pyqwest import (
    HTTPTransport,
    HTTPVersion,
    ReadError,
    RemoteProtocolError,
    Request,
    Response,
    WriteError,
)

from app.infobip.errors import TimedOut, Unreachable

STREAMING_ERRORS = (TimeoutError, ConnectionError, RemoteProtocolError, ReadError, WriteError)
"""What a call ends in without an answer."""

_CONNECT_SECONDS = 5.0
_IDLE_CONNECTIONS_PER_HOST = 1_000


class StreamingClient(Protocol):
    """What is needed of pyqwest's transport."""

    def execute(self, request: Request) -> Awaitable[Response]:
        """Send it and wait for the answer's head."""
        ...

    def aclose(self) -> Awaitable[None]:
        """Give up all connections."""
        ...


def build_streaming(*, extra_ca_pem: bytes | None) -> StreamingClient:
    """Nothing is followed, remembered or decoded on the way; who calls sets the time limits."""
    return HTTPTransport(
        tls_ca_cert=extra_ca_pem,
        tls_include_system_certs=True,
        http_version=HTTPVersion.HTTP1,
        connect_timeout=_CONNECT_SECONDS,
        pool_max_idle_per_host=_IDLE_CONNECTIONS_PER_HOST,
        enable_gzip=False,
        enable_brotli=False,
        enable_zstd=False,
        use_system_dns=True,
        follow_redirects=False,
        enable_otel=False,
    )


@contextmanager
def translated_streaming_errors() -> Iterator[None]:
    """pyqwest's errors as ours. Their texts may hold URLs, so only the class name goes along."""
    try:
        yield
    except TimeoutError as error:
        raise TimedOut(type(error).__name__) from error
    except STREAMING_ERRORS as error:
        raise Unreachable(type(error).__name__) from error
