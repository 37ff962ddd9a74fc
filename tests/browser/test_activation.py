"""A person links their account in a real browser: the button, Infobip's consent, the way back."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, admin, make_link
from tests.support.vendor import Vendor

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@pytest.fixture(params=["confidential", "pkce"])
async def hearth(
    request: pytest.FixtureRequest, start_hearth: StartHearth
) -> AsyncIterator[Hearth]:
    infobip = {"pkce": "always"} if request.param == "pkce" else {}
    async with start_hearth(infobip=infobip, web={"admin_keys": ADMIN_KEYS}) as running:
        yield running


async def test_an_account_is_linked_with_the_persons_consent_and_not_before(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await page.goto(hearth.url + await make_link(hearth, externalId="customer-42"))
    await expect(page.locator("#external-id")).to_have_text("customer-42")
    assert await vendor.count("authorizations") == 0

    await page.get_by_role("button", name="Go on to Infobip").click()
    await log_in(page, vendor)
    await page.get_by_role("button", name="Accept").click()

    user = await vendor.user(0)
    await expect(page).to_have_url(f"{hearth.url}/connect/done")
    await expect(page.locator("#user")).to_contain_text(user["username"])
    await expect(page.locator("#account")).to_have_text(user["accountKey"])
    await page.reload()
    await expect(page.locator("#external-id")).to_have_text("customer-42")
    answer = await admin(hearth, "GET", "/connections?externalId=customer-42")
    assert len(answer.json()["items"]) == 1


async def test_who_cancels_is_told_so_and_may_try_again(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    """Documented: Cancel leads to the referring page; browsers name its origin and no more."""
    link = await make_link(hearth, returnTo="/ui/settings")
    await page.goto(hearth.url + link)
    await page.get_by_role("button", name="Go on to Infobip").click()
    await log_in(page, vendor)

    await page.get_by_role("button", name="Cancel").click()

    await expect(page).to_have_url(f"{hearth.url}/")
    await expect(page.get_by_role("heading")).to_have_text("Not connected yet")
    await page.get_by_role("link", name="Try again").click()
    await expect(page.locator("[data-state=not-connected]")).to_be_visible()
    await page.get_by_role("button", name="Go on to Infobip").click()
    await page.get_by_role("button", name="Accept").click()
    await expect(page).to_have_url(f"{hearth.url}/ui/settings")


async def test_who_goes_back_by_the_browsers_button_finds_the_page_again(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await page.goto(hearth.url + await make_link(hearth))
    await page.get_by_role("button", name="Go on to Infobip").click()
    await expect(page.get_by_role("heading", name="Who are you today?")).to_be_visible()

    await page.go_back()

    await expect(page.get_by_role("button", name="Go on to Infobip")).to_be_visible()


async def log_in(page: Page, vendor: Vendor) -> None:
    name = (await vendor.user(0))["name"]
    await page.get_by_role("button", name=name).click()
