"""Work that nobody waits for any more is not done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Scope

from app.web.guarded_protocol import GONE


class CallerGone(Exception):
    """The client went away before it had its answer."""


@asynccontextmanager
async def while_caller_is_there(scope: Scope) -> AsyncIterator[None]:
    """Cancels what is inside when the client goes away. Raises CallerGone then."""
    is_over = is_gone = False
    loop = asyncio.get_running_loop()

    def gone() -> None:
        nonlocal is_gone
        if not is_over:
            is_gone = True
            limit.reschedule(loop.time())

    try:
        async with asyncio.timeout(None) as limit:
            scope[GONE](gone)
            try:
                yield
            finally:
                is_over = True
    except TimeoutError as error:
        if is_gone:
            raise CallerGone from error
        raise
