"""Browsers that keep fewer cookies than others, or none: the card in each of them.

docs/browsers.md has the table that these tests stand behind.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import (
    BrowserContext,
    FrameLocator,
    Locator,
    Page,
    Playwright,
    Route,
    expect,
)
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route as Served

from tests.browser.conftest import ARGUMENTS, LIFE
from tests.browser.test_embedded_pages import (
    FRAME,
    open_card,
    renewals_reach,
    send_sms,
    signed_in,
)
from tests.conftest import Hearth, StartHearth
from tests.support.altered_wire import Change, protocol_with, with_page, without_partitioned_cookies
from tests.support.servers import free_socket, serving
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

BLOCK = 2
AS_DEBIAN_SHIPS_IT = {"cookie_controls_mode": 1}
KEEPS_STORAGE = {"cookie_controls_mode": 0}
KEEPS_NOTHING_IN_FRAMES = {
    "cookie_controls_mode": 1,
    "content_settings": {
        "exceptions": {"cookies": {"[*.]localhost,127.0.0.1": {"setting": BLOCK}}}
    },
}
KEEPS_NOTHING = {
    "cookie_controls_mode": 1,
    "content_settings": {"exceptions": {"cookies": {"[*.]localhost,*": {"setting": BLOCK}}}},
}

keeps_storage = pytest.mark.parametrize("cookie_preferences", [KEEPS_STORAGE], ids=[""])
keeps_nothing_in_frames = pytest.mark.parametrize(
    "cookie_preferences", [KEEPS_NOTHING_IN_FRAMES], ids=[""]
)
keeps_nothing = pytest.mark.parametrize("cookie_preferences", [KEEPS_NOTHING], ids=[""])

FRONT_END = """<!doctype html><title>A front end</title><p id="told"></p>
<script type="module">
  import { connect } from "HEARTH/embed.js";
  const told = document.getElementById("told");
  try {
    const hearth = await connect(OPTIONS);
    const answer = await hearth.infobip("/account/1/balance");
    const { currency } = await answer.json();
    const { username } = hearth.session;
    told.textContent = [username, hearth.params.conversationId, currency].join(" | ");
    window.hearth = hearth;
  } catch (error) {
    told.textContent = [error.code, error.reason, error.newTabUrl].join(" | ");
  }
</script>
"""


def front_end(hearth: str, options: str = "") -> str:
    return FRONT_END.replace("HEARTH", hearth).replace("OPTIONS", options)


@pytest.fixture
async def dropping_hearth(start_hearth: StartHearth, vendor: Vendor) -> AsyncIterator[Hearth]:
    """A Hearth as a browser sees it that drops partitioned cookies."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(
        refresher=True,
        infobip={"token_lifetime_seconds": LIFE},
        protocol=protocol_with(without_partitioned_cookies),
    ) as running:
        yield running


# --- Chromium, with third-party cookies blocked and allowed


@pytest.mark.parametrize(
    "cookie_preferences", [AS_DEBIAN_SHIPS_IT, KEEPS_STORAGE], ids=["blocked", "allowed"]
)
async def test_chromium_keeps_a_partitioned_session_cookie(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await open_card(page, vendor)

    cookies = {cookie.get("name"): cookie for cookie in await page.context.cookies(hearth.url)}
    assert "__Host-hearth-session" in cookies
    assert cookies["__Host-hearth-session"].get("partitionKey")
    assert await vendor.count("authorizations") == 1


# --- one that drops partitioned cookies


@keeps_storage
async def test_a_browser_that_drops_partitioned_cookies_signs_in_and_goes_on_after_a_life(
    dropping_hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    card = await open_card(page, vendor)
    await send_sms(card, "first")

    goal = await vendor.count("refreshes") + 3  # each renewal is about half a life
    await eventually(lambda: renewals_reach(vendor, goal))
    await send_sms(card, "second, after more than a life")

    assert len(await vendor.messages()) == 2
    assert await page.context.cookies(dropping_hearth.url) == []
    assert await vendor.count("authorizations") == 2  # the load, and once more with the proof kept
    assert await kept_in(card) == []


@keeps_storage
async def test_a_session_in_the_pages_memory_ends_with_a_click_and_a_reload_signs_in_again(
    dropping_hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await page.goto(f"{vendor.url}/app-settings")
    settings = await signed_in(page)
    await settings.locator("#test-connection").click()
    await expect(settings.locator("#test-result[data-outcome=ok]")).to_be_visible()

    await settings.locator("#sign-out").click()
    await expect(settings.locator("body[data-state=signed-out]")).to_be_visible()
    await settings.locator("#notice-action").click()
    await expect(settings.locator("body[data-state=ready]")).to_be_visible()

    authorizations = await vendor.count("authorizations")
    await settings.locator("body").evaluate("() => location.reload()")
    await expect(settings.locator("body[data-state=ready]")).to_be_visible()
    assert await vendor.count("authorizations") > authorizations


@keeps_storage
async def test_two_cards_with_one_state_keep_two_proofs(
    dropping_hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await frames_with_one_state(page, vendor, dropping_hearth, count=2)

    await each_shows_its_own_conversation(page, count=2)


@keeps_storage
@pytest.mark.parametrize("proof", ["kept", "gone"])
async def test_a_page_before_authorize_that_loses_the_fragment_does_no_harm(
    start_hearth: StartHearth, page: Page, vendor: Vendor, http: httpx.AsyncClient, proof: str
) -> None:
    """What can be seen is not asked: Chromium now and then forgets to lay out a frame whose very
    first page was left at once, as the one before Authorize is."""
    if proof == "gone":
        await page.add_init_script("sessionStorage.clear()")
    async with (
        detour(vendor, http) as oauth_url,
        start_hearth(
            infobip={"oauth_url": oauth_url}, protocol=protocol_with(without_partitioned_cookies)
        ),
    ):
        await page.goto(f"{vendor.url}/")
        card = page.frame_locator(FRAME).first
        ends_on = "body[data-state=ready]" if proof == "kept" else "a[target=_blank]"
        await expect(card.locator(ends_on)).to_be_attached()

    assert await vendor.count("authorizations") == 2


@keeps_storage
async def test_a_proof_that_is_gone_ends_the_sign_in_after_one_retry(
    dropping_hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await page.add_init_script("sessionStorage.clear()")

    await is_offered_a_new_tab(page, vendor)

    assert await vendor.count("authorizations") == 2
    assert await vendor.count("tokenRequests") == 0


@keeps_storage
async def test_a_forwarded_callback_signs_nobody_in(
    dropping_hearth: Hearth, page: Page, vendor: Vendor, other_browser: BrowserContext
) -> None:
    """Neither with the fragment nor without it, and the code stays unused."""
    callback = await hold_back_the_callback(page)
    await page.goto(f"{vendor.url}/")
    await eventually(callback.has_come)
    flow = await page.frames[-1].evaluate("() => Object.keys(sessionStorage)[0].split('.').pop()")

    for fragment in ("", f"#hearth_flow={flow}&hearth_try=page", f"#hearth_flow={flow}"):
        other = await other_browser.new_page()
        await other.goto(callback.url + fragment)
        await expect(other.get_by_role("link", name="Sign in here")).to_be_visible()
        assert "code" not in other.url
        await other.close()
    assert await vendor.count("tokenRequests") == 0


# --- one that keeps nothing


@keeps_nothing_in_frames
async def test_a_browser_that_keeps_nothing_in_frames_goes_on_in_a_new_tab(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    link = await is_offered_a_new_tab(page, vendor)
    assert await vendor.count("authorizations") == 1

    async with page.expect_popup() as popup:
        await link.click()
    tab = await popup.value
    await tab.get_by_role("button", name="Accept").click()

    await expect(tab.locator("body[data-state=ready]")).to_be_visible()
    await expect(tab.locator("#conversation-id")).not_to_have_text("None")
    assert await vendor.count("authorizations") == 2


@keeps_nothing
async def test_a_browser_that_keeps_nothing_at_all_is_told_so_and_not_sent_round(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    link = await is_offered_a_new_tab(page, vendor)
    async with page.expect_popup() as popup:
        await link.click()
    tab = await popup.value
    await tab.get_by_role("button", name="Accept").click()

    await expect(tab.get_by_text("Your browser blocks cookies for this site")).to_be_visible()
    await expect(tab.get_by_role("link", name="Try again")).to_be_visible()
    assert await vendor.count("authorizations") == 2
    assert await vendor.count("tokenRequests") == 0


# --- PKCE for all, and front ends hosted elsewhere


async def test_two_cards_with_one_state_choose_their_own_challenge(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    async with start_hearth(infobip={"pkce": "always"}) as hearth:
        await frames_with_one_state(page, vendor, hearth, count=2)

        await each_shows_its_own_conversation(page, count=2)


@keeps_storage
async def test_front_ends_hosted_elsewhere_run_the_flow_in_the_page(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    """Two at once, with one state."""
    user = await vendor.user(0)
    async with front_end_elsewhere(start_hearth) as address:
        await frame_front_ends(page, vendor, address, count=2)

        for number in range(2):
            told = page.frame_locator(f"#frame-{number}").locator("#told")
            await expect(told).to_have_text(f"{user['username']} | c-{number} | EUR")
    assert await vendor.count("authorizations") == 2
    frames = page.frames[1:]
    assert {frame.url for frame in frames} == {f"{address}?conversationId=c-{n}" for n in range(2)}
    assert await frames[0].evaluate("() => Object.values(sessionStorage)") == []


async def test_a_front_end_hosted_elsewhere_is_told_where_nothing_can_be_kept(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    async with front_end_elsewhere(start_hearth) as address:
        await frame_front_ends(page, vendor, address, count=1)

        told = page.frame_locator("#frame-0").locator("#told")
        await expect(told).to_contain_text("storage_blocked |  | http://localhost:")
        new_tab = (await told.inner_text()).rpartition(" ")[2]
        assert new_tab.endswith("/context-card?conversationId=c-0")
        await page.goto(new_tab)
        await page.get_by_role("button").first.click()  # log in
        await page.get_by_role("button", name="Accept").click()
        await expect(page.locator("body[data-state=ready]")).to_be_visible()


@keeps_storage
async def test_a_code_is_led_to_another_origin_in_frames_only(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    """In a window, whoever opened it may have chosen the page, and that page may lead on."""
    async with front_end_elsewhere(start_hearth) as address:
        await page.goto(f"{address}?conversationId=c-0")
        await expect(page.locator("#told")).to_contain_text("not_signed_in |  | http://localhost:")
        hearth = (await page.locator("#told").inner_text()).rpartition(" ")[2].partition("/con")[0]
        state = await vendor.state()
        begin = {
            "surface": "context-card",
            "state": state,
            "codeChallenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "frontEnd": address,
        }
        begun = await page.request.post(f"{hearth}/oauth/begin", data=begin)

        await page.goto((await begun.json())["authorizeUrl"])

        await expect(page.get_by_role("link", name="Sign in here")).to_be_visible()
        assert page.url.startswith(f"{hearth}/context-card")
        assert await vendor.count("tokenRequests") == 0


async def test_an_address_hands_no_session_over(hearth: Hearth, page: Page) -> None:
    await page.goto(f"{hearth.url}/ui/context-card#hearth_flow=x&hearth_handover=hearth_h_planted")

    await expect(page.locator("body[data-state=signed-out]")).to_be_attached()


@pytest.mark.parametrize(
    ("cookie_preferences", "wire", "options"),
    [
        (AS_DEBIAN_SHIPS_IT, (), ""),
        (KEEPS_STORAGE, (without_partitioned_cookies,), ""),
        (KEEPS_STORAGE, (), "{ flow: 'page' }"),
    ],
    ids=["cookie", "hand-over", "in the page"],
)
async def test_a_front_end_in_the_place_of_our_page_connects_reloads_and_reconnects(
    start_hearth: StartHearth, page: Page, vendor: Vendor, wire: tuple[Change, ...], options: str
) -> None:
    user = await vendor.user(0)
    card = with_page("/ui/context-card", front_end("", options))
    async with start_hearth(protocol=protocol_with(card, *wire)) as hearth:
        state = await vendor.state()
        await page.goto(f"{vendor.url}/")  # which logs in
        await show_frames(page, [f"{hearth.url}/context-card?conversationId=c-1&state={state}"])
        frame = page.frame_locator("#frame-0")
        for leave in ("location.reload()", "hearth.reconnect()", ""):
            told = frame.locator("#told")
            await expect(told).to_have_text(f"{user['username']} | c-1 | EUR")
            assert "#" not in page.frames[-1].url
            if leave:
                await told.evaluate(f"told => {{ told.textContent = ''; {leave} }}")


async def test_verifiers_and_challenges_are_those_of_rfc_7636(hearth: Hearth, page: Page) -> None:
    await page.goto(f"{hearth.url}/ui/context-card")

    verifiers, challenge = await page.evaluate(
        """async () => {
            const { newVerifier, challengeOf } = await import('/embed.js');
            const verifiers = Array.from({ length: 200 }, newVerifier);
            return [verifiers, await challengeOf('123')];
        }"""
    )

    assert all(len(verifier) == 43 for verifier in verifiers)
    assert set("".join(verifiers)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )
    assert len(set(verifiers)) == 200
    assert challenge == "pmWkWSBCL51Bfkhn79xPuKBKHz__H6B-mY6G9_eieuM"


# --- help


@pytest.fixture
async def other_browser(
    playwright: Playwright, chromium_path: Path
) -> AsyncIterator[BrowserContext]:
    browser = await playwright.chromium.launch(executable_path=str(chromium_path), args=ARGUMENTS)
    yield await browser.new_context()
    await browser.close()


async def frames_with_one_state(page: Page, vendor: Vendor, hearth: Hearth, *, count: int) -> None:
    state = await vendor.state()
    entry = f"{hearth.url}/context-card?state={state}&conversationId=c-"
    await page.goto(f"{vendor.url}/login")
    await show_frames(page, [f"{entry}{number}" for number in range(count)])


async def show_frames(page: Page, addresses: list[str]) -> None:
    await page.evaluate(
        """(addresses) => document.body.replaceChildren(...addresses.map((src, number) =>
            Object.assign(document.createElement('iframe'), { src, id: `frame-${number}` })))""",
        addresses,
    )


async def each_shows_its_own_conversation(page: Page, *, count: int) -> None:
    for number in range(count):
        card = page.frame_locator(f"#frame-{number}")
        await expect(card.locator("body[data-state=ready]")).to_be_attached()
        await expect(card.locator("#conversation-id")).to_have_text(f"c-{number}")


async def is_offered_a_new_tab(page: Page, vendor: Vendor) -> Locator:
    """The link that leads there, on a page that says why."""
    await page.goto(f"{vendor.url}/")
    card = page.frame_locator(FRAME).first
    link = card.get_by_role("link", name="Open in a new tab")
    await expect(link).to_be_visible()
    await expect(card.get_by_text("neither cookies nor storage")).to_be_visible()
    return link


async def kept_in(card: FrameLocator) -> list[str]:
    kept: list[str] = await card.locator("body").evaluate("() => Object.values(sessionStorage)")
    return kept


@asynccontextmanager
async def detour(vendor: Vendor, http: httpx.AsyncClient) -> AsyncIterator[str]:
    """Infobip's OAuth with a page before Authorize that goes on by script, as a login page would:
    the fragment is lost on the way."""
    oauth = f"{vendor.url}/exchange/1/oauth"

    async def authorize(_: Asked) -> HTMLResponse:
        script = f"location.replace({oauth!r} + '/authorize' + location.search)"
        return HTMLResponse(f"<script>{script}</script>")

    async def token(asked: Asked) -> Response:
        answer = await http.post(
            f"{oauth}/token",
            content=await asked.body(),
            headers={"content-type": asked.headers["content-type"]},
        )
        return Response(answer.content, answer.status_code, media_type="application/json")

    app = Starlette(
        routes=[Served("/authorize", authorize), Served("/token", token, methods=["POST"])]
    )
    async with serving(app, free_socket()) as url:
        yield url


class HeldBack:
    """An address that a browser was sent to and did not come to."""

    def __init__(self) -> None:
        self.url = ""

    async def has_come(self) -> bool:
        return self.url != ""


async def hold_back_the_callback(page: Page) -> HeldBack:
    """Of the flow in the page. (Playwright sees no redirects, so the load's own passes.)"""
    held = HeldBack()

    async def hold(route: Route) -> None:
        answer = await route.fetch(max_redirects=0)
        held.url = answer.headers["location"]
        await route.fulfill(status=204)

    await page.route("**/oauth/authorize?*", hold)
    return held


@asynccontextmanager
async def front_end_elsewhere(start_hearth: StartHearth) -> AsyncIterator[str]:
    """The address of a page on another site, which a Hearth allows."""
    listener = free_socket()
    origin = f"http://portal.localhost:{listener.getsockname()[1]}"
    async with start_hearth(web={"cors_origins": (origin,)}) as hearth:

        async def card(_: Asked) -> HTMLResponse:
            return HTMLResponse(front_end(hearth.url))

        async with serving(Starlette(routes=[Served("/card", card)]), listener):
            yield f"{origin}/card"


async def frame_front_ends(page: Page, vendor: Vendor, address: str, *, count: int) -> None:
    query = f"state={await vendor.state()}&conversationId=c-"
    await page.goto(f"{vendor.url}/login")
    await show_frames(page, [f"{address}?{query}{number}" for number in range(count)])
