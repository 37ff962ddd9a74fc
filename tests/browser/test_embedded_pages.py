"""Our pages in frames of another site, in a browser that blocks third-party cookies."""

import pytest
from playwright.async_api import BrowserContext, FrameLocator, Page, expect

from tests.conftest import Hearth
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

FRAME = "iframe[src*='/context-card'], iframe[src*='/settings']"


async def open_card(page: Page, vendor: Vendor) -> FrameLocator:
    await page.goto(f"{vendor.url}/")
    return await signed_in(page)


async def signed_in(page: Page) -> FrameLocator:
    card = page.frame_locator(FRAME).first
    # Attached, not visible: a frame that Chromium does not paint yet has no size.
    await expect(card.locator("body[data-state=ready]")).to_be_attached(timeout=15_000)
    return card


async def send_sms(card: FrameLocator, text: str) -> None:
    if not await card.locator("#sms-to").is_visible():
        await card.locator("#sms > summary").click()
    await card.locator("#sms-to").fill("41793026727")
    await card.locator("#sms-from").fill("InfoSMS")
    await card.locator("#sms-text").fill(text)
    await card.locator("#sms-send").click()
    await expect(card.locator("#sms-result[data-outcome=ok]")).to_be_visible(timeout=15_000)
    await expect(card.locator("#sms-text")).to_have_value("")  # and not twice by a second click


async def test_the_card_signs_in_and_goes_on_sending_after_its_token_would_have_died(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    card = await open_card(page, vendor)
    user = await vendor.user(0)
    await expect(card.locator("#user-name")).to_contain_text(user["username"])
    await expect(card.locator("#account-key")).to_contain_text(user["accountKey"])
    for role in user["roles"]:
        await expect(card.locator("#roles")).to_contain_text(role["name"].strip())
    for group in user["groups"]:
        await expect(card.locator("#groups")).to_contain_text(group["name"].strip())
    await send_sms(card, "first")

    goal = await vendor.count("refreshes") + 3  # each renewal is about half a life
    await eventually(lambda: renewals_reach(vendor, goal))
    await send_sms(card, "second, after more than a life")

    assert [message["text"] for message in await vendor.messages()] == [
        "second, after more than a life",
        "first",
    ]
    await expect(card.locator("#connection-status[data-status=active]")).to_be_visible()


async def test_the_card_shows_the_conversation_that_it_was_opened_beside(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await page.goto(f"{vendor.url}/")
    frame = page.locator(FRAME).first
    source = await frame.get_attribute("src") or ""
    conversation = source.partition("conversationId=")[2].partition("&")[0]

    card = await signed_in(page)

    await expect(card.locator("#conversation-id")).to_contain_text(conversation)


async def test_two_cards_with_one_state_at_once_show_each_its_own_conversation(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    """Nothing in the callback tells the two apart; the frame's own fragment does."""
    state = await vendor.state()
    await page.goto(f"{vendor.url}/")
    await page.evaluate(
        """([hearth, state]) => {
            document.body.replaceChildren(...Array.from({length: 6}, (_, number) => {
                const frame = document.createElement('iframe');
                frame.id = `frame-${number}`;
                frame.src = `${hearth}/context-card?state=${state}&conversationId=c-${number}`;
                return frame;
            }));
        }""",
        [hearth.url, state],
    )

    for number in range(6):
        card = page.frame_locator(f"#frame-{number}")
        await expect(card.locator("body[data-state=ready]")).to_be_attached(timeout=15_000)
        await expect(card.locator("#conversation-id")).to_have_text(f"c-{number}")


async def test_the_settings_page_signs_in_tests_the_connection_and_signs_out(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await page.goto(f"{vendor.url}/app-settings")
    settings = await signed_in(page)

    await settings.locator("#test-connection").click()
    await expect(settings.locator("#test-result[data-outcome=ok]")).to_be_visible()
    await settings.locator("#sign-out").click()

    await expect(settings.locator("body[data-state=signed-out]")).to_be_visible()


async def test_a_lost_connection_is_said_and_comes_back_with_a_click(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    card = await open_card(page, vendor)
    await vendor.revoke()
    await expect(card.locator("body[data-state=lost]")).to_be_visible(timeout=15_000)
    await expect(card.locator("#notice-text")).to_contain_text("Infobip no longer accepts it.")

    await card.locator("#notice-action").click()

    await expect(card.locator("body[data-state=ready]")).to_be_visible(timeout=15_000)
    await send_sms(card, "back again")


async def test_a_sign_in_that_fails_shows_a_page_that_says_what_to_do(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await vendor.fail({"target": "exchange", "kind": "error500"})

    await page.goto(f"{vendor.url}/")

    card = page.frame_locator(FRAME).first
    await expect(card.get_by_text("Infobip cannot be reached")).to_be_visible(timeout=15_000)


async def test_no_other_site_may_frame_our_pages(
    hearth: Hearth, chromium: BrowserContext, vendor: Vendor
) -> None:
    """`portal.localhost` is the sandbox under another site's name, which nobody has allowed."""
    port = vendor.url.rpartition(":")[2]
    page = await chromium.new_page()
    async with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        await page.goto(f"http://portal.localhost:{port}/")

    card = page.frame_locator(FRAME).first
    await expect(card.locator("#user-name")).to_have_count(0)


async def renewals_reach(vendor: Vendor, goal: int) -> bool:
    return await vendor.count("refreshes") >= goal
