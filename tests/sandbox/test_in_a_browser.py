"""The consent page, the switch of apps and the control panel, in a real Chromium."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, async_playwright, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox import config
from sandbox.app import create_app
from sandbox.config import SandboxConfig
from tests.sandbox.client import BEN
from tests.sandbox.servers import serving
from tests.support.chromium import ensure_chromium

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@dataclass(frozen=True)
class Place:
    """A sandbox, and a site that sends people to it: at another host, as in life."""

    sandbox: str
    site: str
    page: Page

    async def connect(self, policy: str = "") -> None:
        """Go from a page of the site to Authorize, over a redirect."""
        await self.page.goto(f"{self.site}/connect?link=abc&policy={policy}")
        await self.page.get_by_role("button", name="Connect").click()

    async def log_in(self) -> None:
        await self.page.get_by_role("button", name="Ben Ashworth").click()

    async def decide(self, decision: str) -> None:
        await self.page.get_by_role("button", name=decision).click()


def site(sandbox: list[str]) -> Starlette:
    """An app's own site. Its pages have the Referrer-Policy that is asked for."""

    def headers(request: Request) -> dict[str, str]:
        policy = request.query_params.get("policy")
        return {"Referrer-Policy": policy} if policy else {}

    async def connect(request: Request) -> Response:
        action = f"/go?policy={request.query_params['policy']}"
        form = f'<form method="post" action="{action}"><button>Connect</button></form>'
        return HTMLResponse(form, headers=headers(request))

    async def go(request: Request) -> Response:
        query = {
            "response_type": "code",
            "client_id": config.CLIENT_ID,
            "state": "our-own-state",
            "redirect_uri": f"{request.base_url}oauth/callback",
            "scope": "api_read conversations",
        }
        url = f"{sandbox[0]}/exchange/1/oauth/authorize?{urlencode(query)}"
        return RedirectResponse(url, 303, headers=headers(request))

    async def anything(request: Request) -> Response:
        return PlainTextResponse(f"{request.method} {(await request.body()).decode()}")

    return Starlette(
        routes=[
            Route("/connect", connect),
            Route("/go", go, methods=["POST"]),
            Route("/{path:path}", anything, methods=["GET", "POST"]),
        ]
    )


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    sandbox: list[str] = []
    async with (
        serving(site(sandbox), host="localhost") as site_url,
        serving(create_app(SandboxConfig(app_url=site_url))) as sandbox_url,
        async_playwright() as playwright,
    ):
        sandbox.append(sandbox_url)
        browser = await playwright.chromium.launch(
            executable_path=str(ensure_chromium()), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield Place(sandbox_url, site_url, page)
        await browser.close()
        assert complaints == []


async def test_a_person_logs_in_reads_what_is_asked_and_accepts(place: Place) -> None:
    await place.connect()
    await place.log_in()
    await expect(place.page.get_by_role("listitem")).to_have_text(
        ["Use the API on your behalf api_read", "Read and write conversations conversations"]
    )
    await place.decide("Accept")
    await place.page.wait_for_url(f"{place.site}/oauth/callback?code=*&state=our-own-state")


@pytest.mark.parametrize(
    ("policy", "back"),
    [
        ("", "{site}/"),
        ("strict-origin-when-cross-origin", "{site}/"),
        ("no-referrer-when-downgrade", "{site}/connect?link=abc&policy={policy}"),
        ("no-referrer", "{sandbox}/"),
    ],
)
async def test_cancel_leads_to_as_much_of_the_referring_page_as_the_browser_told(
    place: Place, policy: str, back: str
) -> None:
    await place.connect(policy)
    await place.log_in()
    await place.decide("Cancel")
    expected = back.format(site=place.site, sandbox=place.sandbox, policy=policy)
    await place.page.wait_for_url(expected)
    assert place.page.url == expected


async def test_cancel_can_lead_to_the_redirect_uri_with_an_error(place: Place) -> None:
    await place.page.goto(f"{place.sandbox}/panel")
    settings = place.page.locator("#settings")
    await expect(settings.get_by_label("Token life")).to_have_value("60")
    await settings.get_by_label("On Cancel").select_option("error")
    await settings.get_by_role("button", name="Apply").click()
    await expect(place.page.locator("#log")).to_contain_text("declineBehaviour = error")
    await place.connect()
    await place.log_in()
    await place.decide("Cancel")
    await place.page.wait_for_url(
        f"{place.site}/oauth/callback?error=access_denied&state=our-own-state"
    )


async def test_another_user_can_be_chosen_on_the_consent_page(place: Place) -> None:
    await place.connect()
    await place.page.get_by_role("button", name="Lea Brandt").click()
    await place.page.get_by_role("link", name="Choose another user").click()
    await place.log_in()
    await expect(place.page.locator(f'input[name=userKey][value="{BEN}"]')).to_have_count(1)
    await place.decide("Cancel")
    await place.page.wait_for_url(f"{place.site}/")


async def test_an_app_is_registered_on_the_panel_and_framed_from_the_menu(place: Place) -> None:
    page = place.page
    await page.goto(f"{place.sandbox}/panel")
    await page.get_by_text("Register another app").click()
    form = page.locator("#app")
    await form.get_by_label("Name").fill("Loyalty points")
    await form.get_by_label("Public").check()
    await form.get_by_label("Context card").fill(f"{place.site}/loyalty")
    await form.get_by_role("button", name="Register").click()
    await expect(page.locator(".app[open]", has_text="Loyalty points").first).to_be_visible()
    await page.goto(f"{place.sandbox}/")
    await page.get_by_text("framed app").click()
    await page.get_by_role("button", name="Loyalty points").click()
    card = page.get_by_title("Loyalty points context card")
    await expect(card).to_have_attribute("src", re.compile(rf"^{re.escape(place.site)}/loyalty\?"))


async def test_a_signed_call_is_made_on_the_panel(place: Place) -> None:
    page = place.page
    await page.goto(f"{place.sandbox}/panel")
    form = page.locator("#signed-call")
    await form.get_by_label("URL").fill(f"{place.site}/hook")
    await form.get_by_role("textbox", name="Body").fill('{"event": "hello"}')
    await form.get_by_role("button", name="Call").click()
    await expect(page.locator("#answer p")).to_have_text("200 · text/plain; charset=utf-8")
    await expect(page.locator("#answer pre")).to_have_text('POST {"event": "hello"}')
    await form.get_by_label("URL").fill("http://example.com/")
    await form.get_by_role("button", name="Call").click()
    await expect(page.locator("#notice")).to_contain_text("this machine only")
    await expect(page.locator("#answer")).to_be_hidden()
