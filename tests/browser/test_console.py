"""/docs as an operator uses it: everything is done there, by clicking."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import LIFE
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, OPS, READER
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


async def open_console(page: Page, hearth: Hearth) -> None:
    await page.goto(f"{hearth.url}/docs")
    await expect(page.locator("body[data-state=ready] .opblock").first).to_be_visible()


async def authorize(page: Page, secret: str) -> None:
    await page.locator(".scheme-container .btn.authorize").click()
    dialog = page.locator(".dialog-ux")
    await expect(dialog.locator(".auth-container input")).to_have_count(1)
    await dialog.locator("input").fill(f" {secret}\n")
    await dialog.locator("button.authorize").click()
    await dialog.locator(".btn-done").click()


async def try_out(
    page: Page, name: str, *, fields: dict[str, str] | None = None, body: object = None
) -> tuple[int, Any]:
    """Open an operation, fill it in and execute it; the status and the body that are shown."""
    operation = page.locator(f"[id^=operations-][id$=-{name}]")
    if "is-open" not in (await operation.get_attribute("class") or ""):
        await operation.locator(".opblock-summary-control").click()
    for field, value in (fields or {}).items():
        await operation.locator(f"tr[data-param-name={field}] input").fill(value)
    if body is not None:
        await operation.locator("textarea.body-param__text").fill(json.dumps(body))
    async with page.expect_response(lambda answer: answer.request.method != "OPTIONS"):
        await operation.locator(".execute").click()
    return await shown(operation)


async def shown(operation: Locator) -> tuple[int, Any]:
    answer = operation.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).to_be_visible()
    status = (await answer.locator(".response-col_status").inner_text()).split()[0]
    text = answer.locator(".response-col_description .highlight-code code").first
    document = await text.inner_text() if await text.count() else "null"
    return int(status), json.loads(document)


async def test_an_operator_does_a_days_work_at_the_console(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
    await open_console(page, hearth)
    assert (await try_out(page, "listConnections"))[0] == 401
    await authorize(page, OPS)

    _, listed = await try_out(page, "listConnections")
    (connection,) = listed["items"]
    field = {"connection_id": connection["id"]}
    _, opened = await try_out(page, "readConnection", fields=field)
    refreshed = await try_out(page, "renewToken", fields=field)
    called = await try_out(page, "callInfobipAsGet", fields={**field, "path": "account/1/balance"})
    ended = await try_out(page, "endConnection", fields=field)
    _, after = await try_out(page, "readConnection", fields=field)
    made = await try_out(page, "createLink", body={"externalId": "customer-42"})

    assert opened["username"] == (await vendor.user())["username"]
    assert refreshed[0] == 200
    assert refreshed[1]["renewedAt"] > opened["connectedAt"]
    assert (called[0], called[1]["currency"]) == (200, "EUR")
    assert (ended[0], after["status"]) == (204, "disconnected")
    assert made[0] == 201
    assert made[1]["url"].startswith(f"{hearth.url}/connect?link=")


async def test_the_key_stays_in_its_tab_until_it_is_logged_out(
    hearth: Hearth, page: Page, chromium: BrowserContext
) -> None:
    await open_console(page, hearth)
    await authorize(page, READER)

    await page.reload()
    assert (await try_out(page, "listConnections"))[0] == 200
    assert await page.evaluate("Object.keys(localStorage)") == []
    other = await chromium.new_page()
    await open_console(other, hearth)
    assert (await try_out(other, "listConnections"))[0] == 401
    await other.close()

    await page.locator(".scheme-container .btn.authorize").click()
    await page.locator(".dialog-ux button", has_text="Logout").click()
    await page.reload()
    assert (await try_out(page, "listConnections"))[0] == 401


async def test_the_console_is_all_our_own_and_nobody_may_frame_it(
    hearth: Hearth, page: Page
) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    answer = await page.goto(f"{hearth.url}/docs")
    assert answer is not None
    await expect(page.locator("body[data-state=ready] .opblock").first).to_be_visible()

    policy = await answer.header_value("content-security-policy") or ""
    assert hosts == {hearth.url.removeprefix("http://")}
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy
