"""Our pages in frames of another site, in Firefox and with what its settings let frames keep."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Hearth
from tests.support.bidi import Browser, Frame, Tab
from tests.support.firefox import Cookies, ensure_firefox, firefox
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.firefox]

CARD = "iframe[src*='/context-card']"
NEW_TAB = "a[target=_blank]"
SESSION_BY_COOKIE = """() =>
    fetch("/api/session", {headers: {"X-Hearth": "1"}}).then(answer => answer.status)"""
SHOW_FRAMES = """(addresses) => document.body.replaceChildren(...addresses.map((src, number) =>
    Object.assign(document.createElement("iframe"), {src, id: `frame-${number}`})))"""


@pytest.fixture(scope="session")
def firefox_path() -> Path:
    return ensure_firefox()


@pytest.fixture(scope="module")
async def browser(
    request: pytest.FixtureRequest, firefox_path: Path, shared_vendor: Vendor
) -> AsyncIterator[Browser]:
    """A Firefox with the test's setting. Where all cookies are blocked, the vendor's are not:
    nobody could log in there without them."""
    cookies: Cookies = request.param
    allowed = [shared_vendor.url] if cookies is Cookies.ALL_BLOCKED else []
    async with firefox(firefox_path, cookies, allowed=allowed) as running:
        yield running


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """A tab of somebody who has never been anywhere; nothing in it may go wrong unseen."""
    async with browser.tab() as tab:
        yield tab


def with_cookies(*settings: Cookies) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("browser", settings, indirect=True, ids=lambda each: each.name)


# --- Firefox as it comes


@with_cookies(Cookies.PARTITIONED)
async def test_the_card_signs_in_and_goes_on_sending_after_its_token_would_have_died(
    hearth: Hearth, tab: Tab, vendor: Vendor
) -> None:
    card = await open_card(tab, vendor)
    await card.shows("#user-name", (await vendor.user(0))["username"])
    assert await card.run(SESSION_BY_COOKIE) == 200
    assert await vendor.count("authorizations") == 1
    await send_sms(card, "first")

    goal = await vendor.count("refreshes") + 3  # each renewal is about half a life
    await eventually(lambda: renewals_reach(vendor, goal))
    await send_sms(card, "second, after more than a life")

    assert [message["text"] for message in await vendor.messages()] == [
        "second, after more than a life",
        "first",
    ]
    await card.seen("#connection-status[data-status=active]")


@with_cookies(Cookies.PARTITIONED, Cookies.THIRD_PARTY_BLOCKED)
async def test_two_cards_with_one_state_at_once_show_each_its_own_conversation(
    hearth: Hearth, tab: Tab, vendor: Vendor
) -> None:
    entry = f"{hearth.url}/context-card?state={await vendor.state()}&conversationId=c-"
    await tab.goto(f"{vendor.url}/")
    await tab.run(SHOW_FRAMES, [f"{entry}{number}" for number in range(2)])

    for number in range(2):
        card = await tab.frame(f"#frame-{number}")
        await card.shows("body[data-state=ready] #conversation-id", f"c-{number}")


# --- third-party cookies blocked: frames keep no cookie, partitioned or not, but have storage


@with_cookies(Cookies.THIRD_PARTY_BLOCKED)
async def test_where_frames_have_storage_and_no_cookies_the_page_holds_the_session(
    hearth: Hearth, tab: Tab, vendor: Vendor
) -> None:
    card = await open_card(tab, vendor)

    assert await card.run(SESSION_BY_COOKIE) == 401
    assert await vendor.count("authorizations") == 2  # the second time with a proof in the page
    assert await card.run("() => Object.values(sessionStorage)") == []
    await send_sms(card, "without any cookie")


@with_cookies(Cookies.THIRD_PARTY_BLOCKED)
async def test_a_connection_lost_without_cookies_comes_back_with_a_click(
    hearth: Hearth, tab: Tab, vendor: Vendor
) -> None:
    card = await open_card(tab, vendor)
    await vendor.revoke()
    await card.seen("body[data-state=lost]")

    await card.click("#notice-action")

    await card.seen("body[data-state=ready]")
    await send_sms(card, "back again")


# --- all cookies blocked: there is no storage either, in no frame and in no tab


@with_cookies(Cookies.ALL_BLOCKED)
async def test_where_nothing_is_kept_a_new_tab_is_offered_which_says_what_is_missing(
    hearth: Hearth, tab: Tab, vendor: Vendor
) -> None:
    await tab.goto(f"{vendor.url}/")
    card = await tab.frame(CARD)
    await card.seen(NEW_TAB)
    assert await vendor.count("authorizations") == 1

    await card.click(NEW_TAB)
    alone = await tab.opened()
    await alone.seen("button[value=accept]")
    await alone.click("button[value=accept]")

    await alone.shows("h1", "Your browser blocks cookies for this site")
    assert await vendor.count("tokenRequests") == 0


# --- help


async def open_card(tab: Tab, vendor: Vendor) -> Frame:
    await tab.goto(f"{vendor.url}/")
    card = await tab.frame(CARD)
    await card.seen("body[data-state=ready]")
    return card


async def send_sms(card: Frame, text: str) -> None:
    await card.run("() => { document.querySelector('#sms').open = true; }")
    await card.fill("#sms-to", "41793026727")
    await card.fill("#sms-from", "InfoSMS")
    await card.fill("#sms-text", text)
    await card.click("#sms-send")
    await card.seen("#sms-result[data-outcome=ok]")


async def renewals_reach(vendor: Vendor, goal: int) -> bool:
    return await vendor.count("refreshes") >= goal
