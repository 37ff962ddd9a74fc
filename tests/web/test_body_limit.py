"""Bodies that are too large or do not end, before any route has seen them."""

import asyncio
from collections.abc import Coroutine

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from app.web.body_limit import BodyLimit
from tests.conftest import Hearth

pytestmark = pytest.mark.anyio


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body", False):
        pass


@pytest.mark.parametrize("begun", [True, False])
async def test_a_body_that_does_not_end_is_not_waited_for(begun: bool) -> None:
    pieces: list[Message] = [{"type": "http.request", "body": b"x", "more_body": True}]

    async def receive() -> Message:
        if begun and pieces:
            return pieces.pop()
        await asyncio.Event().wait()
        raise AssertionError("nothing ever comes")

    limit = BodyLimit(read_all, within_seconds=0.05)

    with pytest.raises(HTTPException) as refused:
        await limit({"type": "http", "path": "/oauth/begin", "headers": []}, receive, _nowhere)

    assert refused.value.status_code == 408


async def test_what_comes_after_a_body_may_take_its_time() -> None:
    """While a route works, the server waits here for the client to go away."""
    pieces: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"x", "more_body": False},
    ]

    async def receive() -> Message:
        if len(pieces) == 1:
            await asyncio.sleep(0.1)
        return pieces.pop()

    async def wait_for_the_end(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"

    limit = BodyLimit(wait_for_the_end, within_seconds=0.05)
    await limit({"type": "http", "path": "/oauth/begin", "headers": []}, receive, _nowhere)


async def test_all_together_hold_so_much_and_what_has_ended_holds_nothing() -> None:
    """One reads and waits; meanwhile there is room for little, and for all of it afterwards."""
    reading, goes_on = asyncio.Event(), asyncio.Event()

    async def read_and_wait(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        reading.set()
        await goes_on.wait()

    limit = BodyLimit(read_and_wait, most_at_once=10)

    def asked(size: int) -> Coroutine[None, None, None]:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"x" * size, "more_body": False}

        return limit({"type": "http", "path": "/x", "headers": []}, receive, _nowhere)

    first = asyncio.create_task(asked(8))
    await reading.wait()
    with pytest.raises(HTTPException) as refused:
        await asked(3)
    assert refused.value.status_code == 503
    assert refused.value.headers == {"retry-after": "1"}
    goes_on.set()
    await asked(2)
    await first
    await asked(10)


@pytest.mark.parametrize("path", ["/oauth/begin", "/oauth/complete", "/api/session", "/connect"])
async def test_who_is_not_known_may_send_little(hearth: Hearth, path: str) -> None:
    async def endless() -> object:
        for _ in range(100):
            yield b"x" * 1_000

    for content in (b"x" * 70_000, endless()):
        answer = await hearth.http.post(hearth.url + path, content=content)  # type: ignore[arg-type]
        assert answer.status_code == 413


async def _nowhere(_: Message) -> None:
    raise AssertionError("nothing is to be sent")
