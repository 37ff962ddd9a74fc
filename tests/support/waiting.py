"""Waiting for something to become true, and no longer than that."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(
    what: Callable[[], Awaitable[bool]], *, within_seconds: float = 20, because: str = ""
) -> None:
    """Ask again and again until it is so. Raises AssertionError when it does not come true."""
    deadline = asyncio.get_running_loop().time() + within_seconds
    while not await what():
        assert asyncio.get_running_loop().time() < deadline, because or "it never came true"
        await asyncio.sleep(0.05)
