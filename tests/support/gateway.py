"""Signed-in browsers whose gateway leads to a server of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.guarded_protocol import GuardedProtocol
from tests.conftest import Hearth, StartHearth
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Upstream:
    """Stands in for Infobip's API and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[Request, bytes]] = []
        self.answer: ASGIApp = JSONResponse({"ok": True})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            self.seen.append((request, await request.body()))
            await self.answer(scope, receive, send)

    @property
    def last(self) -> tuple[Request, bytes]:
        return self.seen[-1]


async def signed_in(hearth: Hearth, vendor: Vendor) -> UserAgent:
    browser = hearth.browser()
    await browser.sign_in(f"/context-card?conversationId=7&state={await vendor.state()}")
    return browser


@asynccontextmanager
async def gateway_to(
    url: str,
    *,
    start_hearth: StartHearth,
    vendor: Vendor,
    protocol: type[GuardedProtocol] = GuardedProtocol,
    **web: Any,
) -> AsyncIterator[UserAgent]:
    """A signed-in browser whose gateway leads to `url`, everything under /x allowed."""
    host = f"127.0.0.1:{urlsplit(url).port}"
    infobip = {"api_url": f"http://{host}", "api_hosts": (host,)}
    allow = tuple(f"{method} /x/**" for method in METHODS)
    async with start_hearth(
        infobip=infobip, web={"gateway_allow": allow, **web}, protocol=protocol
    ) as hearth:
        yield await signed_in(hearth, vendor)


def call_of(browser: UserAgent, *lines: str, method: str = "GET", path: str = "/x/y") -> bytes:
    """The head of a call through the gateway, to the letter, with further header lines."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    head = [
        f"{method} /api/infobip{path} HTTP/1.1",
        *["host: hearth", "x-hearth: 1", f"cookie: {cookie}", *lines],
    ]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
