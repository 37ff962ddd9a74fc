"""A number of workers; whoever has nothing to do rests until there is something."""

import asyncio
from collections.abc import Awaitable, Callable

from app.connections.live import LiveToken


class Crew:
    """`take` gives a worker its next token, `work` is what it does with it.

    Cheaper than a task for each renewal, of which there are thousands a second. `size`, how many
    may work, can be changed at any time: who is too many goes when their work is done. `broken` is
    set to what a worker died of.
    """

    def __init__(
        self,
        *,
        size: int,
        take: Callable[[], LiveToken | None],
        work: Callable[[LiveToken], Awaitable[None]],
    ) -> None:
        self.size = size
        self._take = take
        self._work = work
        self._workers: set[asyncio.Task[None]] = set()
        self._resting: list[asyncio.Future[None]] = []
        self._is_ending = False
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self, wanted: int) -> None:
        """So many workers, if there are; those at work come for more by themselves."""
        for _ in range(wanted):
            if self._resting:
                self._rouse(self._resting.pop())
            elif len(self._workers) < self.size:
                worker = asyncio.create_task(self._take_and_work())
                self._workers.add(worker)
                worker.add_done_callback(self._ended)
            else:
                return

    async def end(self, *, within_seconds: float) -> None:
        """Take nothing any more, and wait for what is under way."""
        self._is_ending = True
        while self._resting:
            self._rouse(self._resting.pop())
        if self._workers:
            await asyncio.wait(self._workers, timeout=within_seconds)

    async def _take_and_work(self) -> None:
        while not self._is_ending:
            token = self._take()
            if token is not None:
                await self._work(token)
                if len(self._workers) > self.size:
                    return
            else:
                told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._resting.append(told)
                await told

    def _rouse(self, told: asyncio.Future[None]) -> None:
        if not told.done():
            told.set_result(None)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) and not self.broken.done():
            self.broken.set_exception(error)
