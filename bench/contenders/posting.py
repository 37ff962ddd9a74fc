"""A client that posts the same form as often as it can, and does nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import uvloop

from bench.contenders.protocol import Outcome, Stopwatch, Task

TIMEOUT_SECONDS = 6.0

Post = Callable[[], Awaitable[int]]
"""Post it once and read the answer; its status."""

Opened = Callable[[Task, bytes], AbstractAsyncContextManager[Post]]
"""Given the PEM of who vouches for the stub."""


class _Poster:
    def __init__(self, post: Post) -> None:
        self._post = post
        self.answers = 0
        self.is_over = False

    async def run(self) -> None:
        """One after the other until it is over. (Under load a cancellation does not always
        arrive: what pyreqwest awaits on uvloop may bring its answer instead.)"""
        while not self.is_over:
            status = await self._post()
            if status != 200:
                raise RuntimeError(f"the stub answered {status}")
            self.answers += 1


def measure_posting(task: Task, opened: Opened) -> Outcome:
    """On uvloop, as Hearth runs."""
    ca_pem = Path(task.ca_path).read_bytes()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(task, opened(task, ca_pem)))


async def _measure(task: Task, opened: AbstractAsyncContextManager[Post]) -> Outcome:
    async with opened as post:
        poster = _Poster(post)
        running = {asyncio.create_task(poster.run()) for _ in range(task.in_flight)}
        await _pass(running, task.warm_up_seconds)
        before, stopwatch = poster.answers, Stopwatch()
        await _pass(running, task.seconds)
        seconds, cpu_seconds = stopwatch.read()
        renewals = poster.answers - before
        poster.is_over = True
        await asyncio.gather(*running)
    return Outcome(renewals=renewals, seconds=seconds, cpu_seconds=cpu_seconds)


async def _pass(running: "set[asyncio.Task[None]]", seconds: float) -> None:
    done, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        one.result()
