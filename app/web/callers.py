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
    task = asyncio.current_task()

    def gone() -> None:
        nonlocal is_gone
        if task is not None and not is_over:
            is_gone = True
            task.cancel()

    scope[GONE](gone)
    try:
        yield
    except asyncio.CancelledError as error:
        if task is not None and is_gone and task.uncancel() == 0:
            raise CallerGone from error
        raise
    finally:
        is_over = True
