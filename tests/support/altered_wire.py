"""A Hearth whose answers are changed on their way to the browser."""

from collections.abc import Callable
from typing import Any

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.guarded_protocol import GuardedProtocol

Change = Callable[[ASGIApp], ASGIApp]


def protocol_with(*changes: Change) -> type[GuardedProtocol]:
    """The protocol of a server that makes these changes."""

    class Altered(GuardedProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for change in changes:
                self.app = change(self.app)

    return Altered


def without_partitioned_cookies(app: ASGIApp) -> ASGIApp:
    """What a browser sees that drops them, such as Safari 18.5."""

    async def drop(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, value)
                    for name, value in message["headers"]
                    if name != b"set-cookie" or b"Partitioned" not in value
                ]
            await send(message)

        await app(scope, receive, send_on)

    return drop


def with_page(path: str, html: str) -> Change:
    """Another page in the place of one of ours."""

    def change(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            here = scope["type"] == "http" and scope["path"] == path
            await (HTMLResponse(html) if here else app)(scope, receive, send)

        return serve

    return change
