"""embed.js as a front end uses it: by cookie, by a token in the page, and from elsewhere."""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Frame, Page
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse
from starlette.routing import Route as Served

from tests.browser.conftest import LIFE
from tests.browser.test_without_cookies import KEEPS_STORAGE
from tests.conftest import Hearth, StartHearth
from tests.support.altered_wire import protocol_with, with_page
from tests.support.servers import free_socket, serving
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

FRONT_END = """<!doctype html><title>A front end</title>
<script type="module">
  import { connect } from "HEARTH/embed.js";
  window.told = [];
  window.hearth = await connect(OPTIONS);
  window.hearth.onStatus(({ status }) => window.told.push(status));
</script>
"""
SHORT = {"token_lifetime_seconds": LIFE}
CONNECTED = "() => window.hearth?.session.username"

Open = Callable[[], AbstractAsyncContextManager[Frame]]


@pytest.fixture(params=["cookie", "token", "elsewhere"])
def cookie_preferences(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Which way the session goes, and a browser that lets it."""
    return {"way": request.param, **KEEPS_STORAGE}


@pytest.fixture
def open_front_end(
    cookie_preferences: dict[str, Any], start_hearth: StartHearth, page: Page, vendor: Vendor
) -> Open:
    """A front end that has connected, in a frame of the vendor's site."""
    way = cookie_preferences["way"]

    @asynccontextmanager
    async def opened() -> AsyncIterator[Frame]:
        async with elsewhere() if way == "elsewhere" else at_home() as address:
            await vendor.configure(tokenLifetimeSeconds=LIFE)
            await page.goto(f"{vendor.url}/")  # which logs in
            src = f"{address}?conversationId=c-1&state={await vendor.state()}"
            await page.evaluate(
                """src => document.body.replaceChildren(
                    Object.assign(document.createElement('iframe'), { src }))""",
                src,
            )
            await eventually(lambda: is_connected(page))
            yield page.frames[-1]

    @asynccontextmanager
    async def at_home() -> AsyncIterator[str]:
        html = front_end("", "{ flow: 'page' }" if way == "token" else "")
        altered = protocol_with(with_page("/ui/context-card", html))
        async with start_hearth(refresher=True, infobip=SHORT, protocol=altered) as hearth:
            yield f"{hearth.url}/context-card"

    @asynccontextmanager
    async def elsewhere() -> AsyncIterator[str]:
        listener = free_socket()
        origin = f"http://portal.localhost:{listener.getsockname()[1]}"

        async with start_hearth(
            refresher=True, infobip=SHORT, web={"cors_origins": (origin,)}
        ) as hearth:

            async def card(_: Asked) -> HTMLResponse:
                return HTMLResponse(front_end(hearth.url, ""))

            async with serving(Starlette(routes=[Served("/card", card)]), listener):
                yield f"{origin}/card"

    return opened


async def test_a_connection_that_is_lost_and_one_that_comes_back_are_told(
    open_front_end: Open, page: Page, vendor: Vendor
) -> None:
    async with open_front_end() as frame:
        await eventually(lambda: told(frame, ["active"]))

        await vendor.revoke()
        await eventually(lambda: told(frame, ["active", "lost"]))
        answer = await frame.evaluate(
            "() => window.hearth.infobip('/account/1/balance').then((it) => it.json())"
        )
        assert answer["code"] == "connection_lost"

        await frame.evaluate(
            "() => { const { hearth } = window; delete window.hearth; hearth.reconnect(); }"
        )
        await eventually(lambda: is_connected(page))
        await eventually(lambda: told(page.frames[-1], ["active"]))
        again = page.frames[-1]
        assert await again.evaluate("() => window.hearth.params") == {"conversationId": "c-1"}


async def test_a_way_to_hearth_that_is_gone_and_back_is_told(
    open_front_end: Open, page: Page, vendor: Vendor
) -> None:
    async with open_front_end() as frame:
        await eventually(lambda: told(frame, ["active"]))

        await page.route("**/api/events", lambda route: route.abort())
        await frame.evaluate("() => dispatchEvent(new Event('online'))")  # the network is another
        await eventually(lambda: told(frame, ["active", "unknown"]))
        await page.unroute("**/api/events")
        await eventually(lambda: told(frame, ["active", "unknown", "active"]))

        await frame.evaluate("() => window.hearth.fetch('/api/session', { method: 'DELETE' })")
        await eventually(lambda: told(frame, ["active", "unknown", "active", "signed_out"]))


async def test_settings_are_loaded_saved_and_never_overwritten_unseen(
    open_front_end: Open, vendor: Vendor
) -> None:
    async with open_front_end() as frame:
        found = await frame.evaluate(
            """async () => {
                const { settings, fetch } = window.hearth;
                const found = { changes: 0 };
                settings.onChange(() => { found.changes += 1; });
                found.first = await settings.load();
                found.saved = await settings.save({ mine: 1 });
                const { etag } = Object.fromEntries((await fetch("/api/settings")).headers);
                await fetch("/api/settings", {
                    method: "PUT",
                    headers: { "Content-Type": "application/json", "If-Match": etag },
                    body: JSON.stringify({ theirs: 2 }),
                });
                const refused = await settings.save({ mine: 3 }).catch((error) => error);
                found.refused = { code: refused.code, current: refused.current.settings };
                found.over = await settings.save({ mine: 3 }, refused.current);
                found.loaded = await settings.load();
                window.found = found;
                return found;
            }"""
        )
        assert found["first"] == {}
        assert found["saved"] == {"mine": 1}
        assert found["refused"] == {"code": "settings_conflict", "current": {"theirs": 2}}
        assert found["over"] == found["loaded"] == {"mine": 3}


@pytest.mark.parametrize("cookie_preferences", [{"way": "cookie", **KEEPS_STORAGE}], ids=[""])
async def test_nothing_that_infobip_refuses_is_repeated(
    open_front_end: Open, page: Page, vendor: Vendor
) -> None:
    async with open_front_end() as frame:
        await vendor.fail({"target": "api", "kind": "error503"})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))

        status = await frame.evaluate(
            "() => window.hearth.infobip('/account/1/balance').then(({ status }) => status)"
        )

        assert status == 503
        assert len([url for url in asked if url.endswith("/account/1/balance")]) == 1


async def test_the_module_is_small(hearth: Hearth, http: httpx.AsyncClient) -> None:
    module = await http.get(f"{hearth.url}/embed.js")

    assert len(gzip.compress(module.content, 9)) <= 6_000


def front_end(hearth: str, options: str) -> str:
    return FRONT_END.replace("HEARTH", hearth).replace("OPTIONS", options)


async def is_connected(page: Page) -> bool:
    """Documents come and go until then."""
    try:
        return bool(await page.frames[-1].evaluate(CONNECTED))
    except PlaywrightError:
        return False


async def told(frame: Frame, expected: list[str]) -> bool:
    found: list[str] = await frame.evaluate("() => window.told")
    return found == expected
