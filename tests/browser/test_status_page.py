"""The live picture, looked at by a person."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import LIFE
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, READER, WRITER
from tests.support.vendor import Vendor

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@pytest.fixture
async def hearth(start_hearth: StartHearth, vendor: Vendor) -> AsyncIterator[Hearth]:
    """A Hearth with a refresher and admin keys."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    web = {"admin_keys": ADMIN_KEYS}
    async with start_hearth(
        refresher=True, web=web, infobip={"token_lifetime_seconds": LIFE}
    ) as running:
        yield running


async def enter(page: Page, secret: str) -> None:
    await page.locator("#key").fill(secret)
    await page.locator("#enter").click()


async def test_it_asks_for_the_key_and_then_shows_what_lives(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
    await page.goto(f"{hearth.url}/admin/status")
    await enter(page, "not-a-key-of-this-hearth")
    await expect(page.locator("#refused")).to_contain_text("no such key")
    await enter(page, WRITER)
    await expect(page.locator("#refused")).to_contain_text("scope read")

    await enter(page, READER)

    await expect(page.locator("#live")).to_have_text("1")
    await expect(page.locator("#database")).to_have_text("In touch")
    await expect(page.locator("#infobip")).to_have_text("Answering")
    await expect(page.locator("#least")).to_have_text(re.compile(r"\d\.\d s"))
    await expect(page.locator("#left progress").first).to_be_visible()
    await expect(page.locator("#replicas tbody tr")).to_have_count(1)
    await expect(page.locator("#replicas tbody")).to_contain_text("64 of 64")
    await expect(page.locator(".chart canvas")).to_have_count(3)
    await expect(page.locator("#chart-live .u-value")).to_have_text([re.compile(r"\d\d:"), "1"])

    await page.reload()
    await expect(page.locator("body[data-state=live]")).to_be_attached()
    assert await page.evaluate("Object.keys(localStorage)") == []
    await page.locator("#forget").click()
    await page.reload()
    await expect(page.locator("#ask")).to_be_visible()


async def test_a_loss_shows_with_its_cause(hearth: Hearth, page: Page, vendor: Vendor) -> None:
    await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
    await page.goto(f"{hearth.url}/admin/status")
    await enter(page, READER)
    await expect(page.locator("#live")).to_have_text("1")

    await vendor.revoke()

    await expect(page.locator("#losses")).to_contain_text("refused by Infobip")
    await expect(page.locator("#live")).to_have_text("0")


async def test_it_fits_a_phone_and_follows_the_colours(hearth: Hearth, page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(f"{hearth.url}/admin/status")
    await enter(page, READER)
    await expect(page.locator(".chart canvas")).to_have_count(3)

    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    await expect(page.locator(".chart canvas")).to_have_count(3)


async def test_when_hearth_is_gone_the_page_says_so(hearth: Hearth, page: Page) -> None:
    await page.goto(f"{hearth.url}/admin/status")
    await enter(page, READER)
    await expect(page.locator("body[data-state=live]")).to_be_attached()

    await page.route("**/admin/picture", lambda route: route.abort())

    await expect(page.locator("#trouble")).to_contain_text("does not answer")
    await page.unroute("**/admin/picture")
    await expect(page.locator("body[data-state=live]")).to_be_attached()
