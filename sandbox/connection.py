"""Closing or holding a connection instead of answering."""

import asyncio
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_ABORT = "sandbox.abort"
_LONGEST_HANG_SECONDS = 600


def remember_connection(scope: Scope, send: Send) -> None:
    """Keep the way to cut this connection in ``scope``, before middleware hides it.

    ASGI cannot close a connection without an answer. Under uvicorn ``send`` is a method of the
    object that holds the transport; elsewhere (in-process tests) there is nothing to cut.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        scope[_ABORT] = transport.abort


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class DroppedConnection(Response):
    """No answer at all: the connection is cut. In-process it is a ``ConnectionResetError``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Cut the connection, then wait for the server to notice, or it would answer 500."""
        abort: Callable[[], None] | None = scope.get(_ABORT)
        if abort is None:
            raise ConnectionResetError("the connection was dropped by a fault")
        abort()
        await _client_left(receive)


class SilentConnection(DroppedConnection):
    """Nothing happens until the client leaves, or ten minutes are over."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the connection."""
        try:
            await asyncio.wait_for(_client_left(receive), _LONGEST_HANG_SECONDS)
        except TimeoutError:
            await super().__call__(scope, receive, send)
