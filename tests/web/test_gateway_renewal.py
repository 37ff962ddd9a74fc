"""What a 401 of Infobip's leads to: one renewal, one repeat, and never a second message."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from app.main import create_app
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, BACKEND, add_api_key, admin
from tests.support.gateway import METHODS, signed_in
from tests.support.servers import free_socket, serving
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

UNAUTHORIZED = {
    "requestError": {
        "serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid login details"}
    }
}
MORE_THAN_IS_KEPT = b"x" * 100_000


@dataclass
class Choosy:
    """An API that does not accept the first token that it sees, or none at all."""

    accepts_none: bool = False
    first: str | None = None
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        token = request.headers["authorization"]
        self.seen.append((request.method, token, await request.body()))
        self.first = self.first or token
        if token == self.first or self.accepts_none:
            answer = JSONResponse(UNAUTHORIZED, status_code=401, headers={"retry-after": "9"})
        else:
            answer = JSONResponse({"ok": True})
        await answer(scope, receive, send)

    @property
    def tokens(self) -> list[str]:
        return [token for _, token, _ in self.seen]


@dataclass(frozen=True)
class Set:
    api: Choosy
    hearth: Hearth
    browser: UserAgent


Start = Callable[..., AbstractAsyncContextManager[Set]]


@pytest.fixture
def start(start_hearth: StartHearth, vendor: Vendor) -> Start:
    @asynccontextmanager
    async def start(*, refresher: bool = True) -> AsyncIterator[Set]:
        api = Choosy()
        async with serving(api, free_socket()) as url:
            host = f"127.0.0.1:{urlsplit(url).port}"
            infobip = {
                "api_url": f"http://{host}",
                "api_hosts": (host, vendor.url.removeprefix("http://")),
            }
            web = {
                "gateway_allow": tuple(f"{method} /x/**" for method in METHODS),
                "gateway_timeout_seconds": 3,
                "admin_keys": ADMIN_KEYS,
            }
            async with start_hearth(refresher=refresher, infobip=infobip, web=web) as hearth:
                browser = await signed_in(hearth, vendor)
                if refresher:
                    await eventually(lambda: taken_in(hearth))
                yield Set(api, hearth, browser)

    return start


async def taken_in(hearth: Hearth) -> bool:
    return len(hearth.process.live) == 1


@pytest.fixture
async def ready(start: Start) -> AsyncIterator[Set]:
    async with start() as ready:
        yield ready


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_401_is_renewed_and_repeated_once_whatever_the_method(
    ready: Set, vendor: Vendor, method: str
) -> None:
    body = b'{"text":"Hello"}' if method == "POST" else b""
    answer = await ready.browser.api(method, "/infobip/x/y?a=1", content=body or None)

    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert [(how, sent) for how, _, sent in ready.api.seen] == [(method, body)] * 2
    assert ready.api.tokens[0] != ready.api.tokens[1]
    assert await vendor.count("refreshes") == 1
    assert await vendor.count("refusals") == 0


async def test_many_401s_at_once_lead_to_one_renewal(ready: Set, vendor: Vendor) -> None:
    await vendor.configure(latencySeconds=0.2)
    answers = await asyncio.gather(*(ready.browser.api("GET", "/infobip/x/y") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert await vendor.count("refreshes") == 1
    assert await vendor.count("refusals") == 0


async def test_elsewhere_the_owner_renews(ready: Set, vendor: Vendor) -> None:
    app = create_app(ready.hearth.settings, refresher=False)
    async with serving(app, free_socket()) as url:
        elsewhere = UserAgent(ready.browser.http, hearth=url)
        elsewhere.cookies = ready.browser.cookies
        answers = await asyncio.gather(
            *(
                browser.api("POST", "/infobip/x/y", content=b"{}")
                for browser in (elsewhere, ready.browser)
                for _ in range(5)
            )
        )

    assert {answer.status_code for answer in answers} == {200}
    assert await vendor.count("refreshes") == 1


async def test_what_was_streamed_is_not_repeated_but_the_token_is_renewed(
    ready: Set, vendor: Vendor
) -> None:
    answer = await ready.browser.api("POST", "/infobip/x/y", content=MORE_THAN_IS_KEPT)

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert answer.headers["retry-after"] == "9"
    assert len(ready.api.seen) == 1
    assert await vendor.count("refreshes") == 1
    again = await ready.browser.api("POST", "/infobip/x/y", content=MORE_THAN_IS_KEPT)
    assert again.status_code == 200
    assert ready.api.seen[-1][2] == MORE_THAN_IS_KEPT


async def test_a_401_that_no_token_helps_is_passed_on_and_renews_no_more(
    ready: Set, vendor: Vendor
) -> None:
    ready.api.accepts_none = True
    for _ in range(3):
        answer = await ready.browser.api("GET", "/infobip/x/y")
        assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)

    assert len(ready.api.seen) == 2 + 1 + 1
    assert await vendor.count("refreshes") == 1


async def test_when_the_token_turns_out_to_be_lost_the_way_back_is_told(
    ready: Set, vendor: Vendor
) -> None:
    await vendor.revoke()
    answer = await ready.browser.api("GET", "/infobip/x/y")

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_lost")
    assert answer.json()["reconnectUrl"] == f"{ready.hearth.url}/context-card?conversationId=7"


async def test_where_nobody_renews_infobips_401_stays(start: Start) -> None:
    async with start(refresher=False) as ready:
        answer = await ready.browser.api("GET", "/infobip/x/y")

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert len(ready.api.seen) == 1


async def test_a_401_of_an_api_key_is_nobodys_to_mend(ready: Set, vendor: Vendor) -> None:
    made = (await add_api_key(ready.hearth, check=False)).json()["id"]
    path = f"/connections/{made}/infobip/x/y"
    answer = await admin(ready.hearth, "GET", path, secret=BACKEND)

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert len(ready.api.seen) == 1
    assert await vendor.count("refreshes") == 0
