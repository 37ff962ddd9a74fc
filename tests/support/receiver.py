"""A receiver of events, as an operator would write one: it believes only what is signed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.security.webhooks import generate_signing_secret
from tests.support.servers import serving
from tests.support.waiting import eventually


@dataclass
class EventReceiver:
    """`answers` are the statuses of the next answers, 204 after that; None never answers.

    `events` are the bodies as they came, repeated ones too; `raw` the requests.
    """

    secret: str = field(default_factory=generate_signing_secret)
    answers: list[int | None] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    raw: list[tuple[Request, bytes]] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        self.raw.append((request, body))
        self.events.append(Webhook(self.secret).verify(body, dict(request.headers)))
        status = self.answers.pop(0) if self.answers else 204
        if status is None:
            await asyncio.Event().wait()
        headers = {"location": "/elsewhere"} if status == 307 else {}
        await Response(b"", status_code=status or 204, headers=headers)(scope, receive, send)

    @property
    def settings(self) -> dict[str, Any]:
        """For `start_hearth(events=…)`."""
        return {"url": self.url, "secret": (SecretStr(self.secret),)}

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def gets(self, *types: str, within_seconds: float = 20) -> list[dict[str, Any]]:
        """Wait until it got as many events as these, and compare; the events."""

        async def enough() -> bool:
            return len(self.events) >= len(types)

        await eventually(
            enough, within_seconds=within_seconds, because=lambda: f"got {self.types()}"
        )
        assert sorted(self.types()) == sorted(types)
        return self.events


@asynccontextmanager
async def receiving(
    listener: socket.socket, answers: Iterable[int | None] = (), *, secret: str | None = None
) -> AsyncIterator[EventReceiver]:
    """A receiver that listens."""
    receiver = EventReceiver(answers=list(answers))
    if secret is not None:
        receiver.secret = secret
    async with serving(receiver, listener) as url:
        receiver.url = f"{url}/hooks?from=hearth"
        yield receiver
