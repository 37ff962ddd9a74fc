"""What the built-in card shows of a conversation, to whom and however little there is."""

import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.test_embedded_pages import FRAME, open_card
from tests.conftest import Hearth, StartHearth
from tests.support.axe import violations
from tests.support.vendor import Vendor

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

NARROW = """frame => Object.assign(frame.style, {
    position: 'fixed', inset: '0', zIndex: 9, width: '360px', height: '900px' })"""


async def test_the_conversation_and_its_customer_are_shown_and_answered_by_keyboard(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    card = await open_card(page, vendor)
    await expect(card.locator("#conversation-topic")).to_have_text("Brake squeal after service")
    await expect(card.locator("#conversation-status")).to_have_text("Open")
    await expect(card.locator("#customer-name")).to_have_text("Marta Silva")
    await expect(card.locator("#customer-tags li")).to_have_text(["newsletter", "e-bike"])
    said = card.locator("#messages > li")
    await expect(said.first).to_contain_text("collected my bike on Monday")
    await expect(said.last).to_contain_text("From the customer")

    await card.locator("#thread").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.type("Tomorrow at nine would be free.")
    await page.keyboard.press("Control+Enter")

    await expect(said.last).to_contain_text("From us")
    await expect(said.last).to_contain_text("Tomorrow at nine would be free.")
    await expect(card.locator("#reply-text")).to_have_value("")
    await expect(card.locator("#reply-text")).to_be_focused()
    # and the web interface around the card has it as well
    await expect(page.get_by_text("Tomorrow at nine would be free.").first).to_be_visible()


async def test_names_and_messages_with_markup_are_shown_as_text(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    """The `page` fixture sees to it that no script ran."""
    state = await vendor.state(user=await a_user_of_the_clinic(vendor))
    await page.goto(f"{vendor.url}/login")
    await frame(page, f"{hearth.url}/context-card?state={state}&conversationId={MARKUP}")

    card = page.frame_locator("#card")
    await expect(card.locator("#customer-name")).to_have_text("<i>Zoë</i> O'Brien & Söhne")
    await expect(card.locator("#messages > li")).to_contain_text(["<b>Saturday</b>? شكرا"])


@pytest.mark.parametrize("state", ["ready", "empty", "lost"])
async def test_nothing_stands_in_the_way_of_a_screen_reader_light_or_dark_at_360_pixels(
    hearth: Hearth, page: Page, vendor: Vendor, state: str
) -> None:
    if state == "empty":
        await page.route(re.compile("/conversations/[^/]+/messages"), nobody_has_written)
    card = await open_card(page, vendor)
    await page.locator(FRAME).first.evaluate(NARROW)
    await expect(card.locator("#conversation:not([data-loading])")).to_be_visible()
    if state == "empty":
        await expect(card.get_by_text("Nobody has written anything yet.")).to_be_visible()
        await expect(card.locator("#reply-form")).to_be_hidden()
    if state == "lost":
        await vendor.revoke()
        await expect(card.locator("body[data-state=lost]")).to_be_visible()
    await card.locator("#sms").evaluate("details => { details.open = true; }")

    assert await violations(page) == []
    assert await card.locator("html").evaluate("html => html.scrollWidth") == 360


async def test_what_infobip_cannot_tell_now_is_said_and_told_with_a_click_later(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await vendor.fail({"target": "api", "kind": "error503", "delaySeconds": 1})
    card = await open_card(page, vendor)
    await expect(card.locator("#conversation-note")).to_have_text("Infobip has trouble.")
    await expect(card.locator("#thread")).to_be_hidden()
    await vendor.heal()

    await card.locator("#conversation-again").click()

    await expect(card.locator("#messages > li").first).to_be_visible()
    await expect(card.locator("#conversation-note")).to_have_text("")


async def test_a_reply_that_fails_stays_in_its_box_with_the_reason(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    card = await open_card(page, vendor)
    await expect(card.locator("#messages > li").first).to_be_visible()
    await card.locator("#reply-send").click()
    await expect(card.locator("#reply-hint")).to_have_text("Write the reply first.")
    await card.locator("#reply-text").fill("Is it still there?")
    await vendor.fail({"target": "api", "kind": "throttle429", "retryAfter": 7})

    await card.locator("#reply-send").click()

    await expect(card.locator("#reply-result")).to_contain_text("Try again in 7 s.")
    await expect(card.locator("#reply-text")).to_have_value("Is it still there?")


async def test_where_the_app_may_not_read_conversations_the_card_says_so_and_goes_on(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    async with start_hearth(web={"gateway_allow": ("POST /sms/2/text/advanced",)}):
        card = await open_card(page, vendor)

        await expect(card.locator("#conversation-note")).to_contain_text("may not read")
        await expect(card.locator("#conversation-again")).to_be_hidden()
        await expect(card.locator("#customer")).to_be_hidden()


MARKUP = "0f4e1c52-7b1d-4c7e-9f0a-61d2a3b4c512"


async def a_user_of_the_clinic(vendor: Vendor) -> int:
    users = (await vendor.snapshot())["users"]
    first = users[0]["accountKey"]
    return next(number for number, user in enumerate(users) if user["accountKey"] != first)


async def frame(page: Page, address: str) -> None:
    await page.evaluate(
        """address => document.body.replaceChildren(
            Object.assign(document.createElement('iframe'), { src: address, id: 'card' }))""",
        address,
    )


async def nobody_has_written(route: Route) -> None:
    await route.fulfill(json={"messages": [], "pagination": {"totalItems": 0, "page": 0}})
