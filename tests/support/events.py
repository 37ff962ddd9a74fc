"""Reading server-sent events as a page does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.user_agent import UserAgent

_PATIENCE_SECONDS = 20


class Events:
    """An open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.comments: list[str] = []
        self.retry: int | None = None

    async def next(self) -> tuple[str, Any] | None:
        """The next event's name and data; None when the server has ended the stream."""
        name = ""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    return name, json.loads(value)
                elif field == "retry":
                    self.retry = int(value)
                elif not field:
                    self.comments += [value] if value else []
        return None

    async def until(self, name: str, **data: Any) -> dict[str, Any]:
        """Go on to the event of this name whose data have these members."""
        while (event := await self.next()) is not None:
            if event[0] == name and data.items() <= event[1].items():
                found: dict[str, Any] = event[1]
                return found
        raise AssertionError(f"the stream ended without {name} {data}")

    async def end(self) -> None:
        """Read until the server ends the stream."""
        while await self.next() is not None:
            pass


@asynccontextmanager
async def listening(browser: UserAgent, **headers: str) -> AsyncIterator[Events]:
    """A page that listens."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    sent = {"x-hearth": "1", "cookie": cookie} | headers
    async with browser.http.stream("GET", f"{browser.hearth}/api/events", headers=sent) as response:
        yield Events(response)
