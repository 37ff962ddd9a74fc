"""Waiting for something to become true, and no longer than that."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(
    what: Callable[[], Awaitable[bool]],
    *,
    within_seconds: float = 20,
    because: str | Callable[[], str] = "it never came true",
) -> None:
    """Ask again and again until it is so. Raises AssertionError when it does not come true; a
    callable `because` is asked at that moment."""
    deadline = asyncio.get_running_loop().time() + within_seconds
    while not await what():
        in_time = asyncio.get_running_loop().time() < deadline
        assert in_time, because if isinstance(because, str) else because()
        await asyncio.sleep(0.05)
