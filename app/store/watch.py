"""Whether Postgres is to be had, for those who would rather be told than wait."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

from app.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.5


class Watch:
    """Refuses at once while the server is away, and notices within a second when it is back.

    Nobody's failure decides that. Whoever fails, or has waited for a second, has somebody look:
    one look at a time, over a connection of its own. `answers` is that look. `cut` breaks what
    is open, once nobody was found: who waits there would wait for nothing.
    """

    def __init__(self, *, answers: Callable[[], Awaitable[bool]], cut: Callable[[], None]) -> None:
        self._answers = answers
        self._cut = cut
        self._looking: asyncio.Task[None] | None = None
        self.away = False

    @contextmanager
    def using(self) -> Iterator[None]:
        """Around each use of the server. Raises DatabaseUnavailable at once while it is away."""
        if self.away:
            raise DatabaseUnavailable
        impatience = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._look)
        try:
            yield
        except DatabaseUnavailable:
            self._look()
            raise
        finally:
            impatience.cancel()

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_it_is_back())

    async def _look_until_it_is_back(self) -> None:
        try:
            while not await self._answers():
                if not self.away:
                    log.warning("database_gone")
                self.away = True
                self._cut()
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            if self.away:
                log.info("database_back")
        finally:
            self.away = False
