"""Workers: as many as there may be, also when that changes while they work."""

import asyncio

import pytest

from app.connections.live import LiveToken
from app.refresher.crew import Crew

pytestmark = pytest.mark.anyio


class Yard:
    """Work that ends when it is told to."""

    def __init__(self, *, size: int, tokens: int) -> None:
        self.waiting = [LiveToken(bytes([n]) * 16, 1, "IBSSO x", 0.0, 60.0) for n in range(tokens)]
        self.under_way: list[asyncio.Event] = []
        self.crew = Crew(size=size, take=self.take, work=self.work)

    def take(self) -> LiveToken | None:
        return self.waiting.pop() if self.waiting else None

    async def work(self, token: LiveToken) -> None:
        done = asyncio.Event()
        self.under_way.append(done)
        await done.wait()
        self.under_way.remove(done)

    async def settle(self) -> int:
        """Let all who can begin do so; how many are at work then."""
        self.crew.wake(len(self.waiting))
        for _ in range(5):
            await asyncio.sleep(0)
        return len(self.under_way)

    async def end_one(self) -> None:
        self.under_way[0].set()


async def test_no_more_work_than_may() -> None:
    yard = Yard(size=2, tokens=5)
    assert await yard.settle() == 2
    await yard.end_one()
    assert await yard.settle() == 2
    assert len(yard.waiting) == 2


async def test_who_is_one_too_many_goes_when_their_work_is_done() -> None:
    yard = Yard(size=2, tokens=9)
    await yard.settle()
    yard.crew.size += 1
    assert await yard.settle() == 3

    yard.crew.size -= 1
    assert await yard.settle() == 3
    await yard.end_one()
    assert await yard.settle() == 2
    await yard.end_one()
    assert await yard.settle() == 2


async def test_at_the_end_nothing_is_begun_any_more() -> None:
    yard = Yard(size=2, tokens=5)
    await yard.settle()
    ending = asyncio.create_task(yard.crew.end(within_seconds=20))
    await asyncio.sleep(0)
    while yard.under_way:
        await yard.end_one()
        await asyncio.sleep(0)
    await ending
    assert len(yard.waiting) == 3
