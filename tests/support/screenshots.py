"""`./run screenshots`: the pictures in docs/images, of a demo that really runs."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.chromium import ensure_chromium
from tests.support.servers import free_port
from tests.support.user_agent import UserAgent
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STARTS_WITHIN_SECONDS = 60
FRAME = "iframe[src*='/context-card'], iframe[src*='/settings']"

CUSTOMERS = 40
HISTORY = 24  # moments, five seconds apart: twice a life, so that every token was renewed


@dataclass(frozen=True, slots=True)
class Demo:
    """One that runs. Its admin key is what it said on its standard output."""

    hearth: str
    sandbox: str
    admin_key: str


async def take(browser: Browser, sandbox: str) -> None:
    """The web interface with the card, and both of our pages by themselves."""
    page = await browser.new_page(viewport={"width": 1400, "height": 900})
    await page.goto(sandbox)
    await reply(page)
    await page.screenshot(path=IMAGES / "sandbox.png")
    for scheme in ("light", "dark"):
        name = f"context-card-{scheme}.png"
        await alone(browser, sandbox, path="/", scheme=scheme, width=360, name=name)
    await alone(
        browser, sandbox, path="/app-settings", scheme="light", width=900, name="settings.png"
    )
    await page.goto(f"{sandbox}/panel")
    await page.screenshot(path=IMAGES / "panel.png")


async def reply(page: Page) -> None:
    card = page.frame_locator(FRAME).first
    await expect(card.locator("body[data-state=ready]")).to_be_visible(timeout=30_000)
    await card.locator("#reply-text").fill("Tomorrow at nine would be free.")
    await card.locator("#reply-send").click()
    await expect(card.get_by_text("Sent.")).to_be_visible()
    await expect(page.get_by_text("Tomorrow at nine would be free.").first).to_be_visible()
    await page.mouse.move(0, 0)
    await card.locator("body").evaluate("() => scrollTo(0, 0)")


async def alone(
    browser: Browser, sandbox: str, *, path: str, scheme: str, width: int, name: str
) -> None:
    """The frame of one of our pages, as large as its content."""
    dark = scheme == "dark"
    page = await browser.new_page(
        viewport={"width": 1400, "height": 900}, color_scheme="dark" if dark else "light"
    )
    await page.goto(sandbox + path)
    frame = page.locator(FRAME).first
    body = page.frame_locator(FRAME).first.locator("body[data-state=ready]")
    await expect(body).to_be_visible(timeout=30_000)
    await page.wait_for_timeout(500)
    height = await body.evaluate("body => body.scrollHeight")
    await frame.evaluate(
        """(frame, [width, height]) => Object.assign(frame.style, {
            position: 'fixed', inset: '0', zIndex: 9, width: `${width}px`, height: `${height}px`,
        })""",
        [width, height],
    )
    await page.set_viewport_size({"width": width, "height": height})
    await page.wait_for_timeout(500)
    await page.screenshot(path=IMAGES / name)
    await page.close()


async def take_the_operators(browser: Browser, demo: Demo) -> None:
    """The console, and the live picture of a deployment with something to tell."""
    await has_a_past(demo)
    for scheme in ("light", "dark"):
        page = await browser.new_page(
            viewport={"width": 1280, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        await page.goto(f"{demo.hearth}/docs")
        await expect(page.locator("body[data-state=ready]")).to_be_attached()
        if scheme == "light":
            await page.screenshot(path=IMAGES / "console.png")
        await page.goto(f"{demo.hearth}/admin/status")
        await page.locator("#key").fill(demo.admin_key)
        await page.locator("#enter").click()
        await expect(page.locator("#replicas tbody tr")).to_have_count(1)
        await expect(page.locator("body[data-state=live]")).to_be_attached()
        await page.mouse.move(0, 0)
        await page.screenshot(path=IMAGES / f"status-{scheme}.png", full_page=True)
        await page.close()


async def begin_a_past(demo: Demo) -> None:
    """Customers, one of whom Infobip no longer knows, and a few of its failures."""
    async with httpx.AsyncClient() as http:
        vendor = Vendor(http, url=demo.sandbox)
        for state in await vendor.states_of_new_users(CUSTOMERS):
            await UserAgent(http, hearth=demo.hearth).sign_in(f"/context-card?state={state}")
        await vendor.fail(
            {"target": "refresh", "kind": "error503", "times": 3},
            {"target": "refresh", "kind": "refuse", "times": 1},
        )


async def has_a_past(demo: Demo) -> None:
    headers = {"authorization": f"Bearer {demo.admin_key}"}
    async with httpx.AsyncClient(base_url=demo.hearth, headers=headers) as http:

        async def is_long_enough() -> bool:
            return len((await http.get("/admin/picture")).json()["moments"]) >= HISTORY

        await eventually(is_long_enough, within_seconds=180)


async def photograph(demo: Demo) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(ensure_chromium()), args=["--no-sandbox"]
        )
        await take(browser, demo.sandbox)
        await begin_a_past(demo)
        await take_the_operators(browser, demo)
        await browser.close()


async def answers(url: str) -> None:
    async with asyncio.timeout(STARTS_WITHIN_SECONDS), httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


def admin_key_of(told_by: Path) -> str:
    found = re.search(r"Admin key (\S+)", told_by.read_text())
    assert found is not None
    return found[1]


def main() -> None:
    port, sandbox_port = free_port(), free_port()
    command = ["demo", "--port", str(port), "--sandbox-port", str(sandbox_port)]
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hearth-") as folder:
        Path(folder).chmod(0o755)  # as root, the database runs as another account
        told_by = Path(folder) / "told"
        with told_by.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "app", *command],
                env=os.environ | {"DATA_DIR": folder},
                stdout=output,
                stderr=subprocess.DEVNULL,
            )
        try:
            hearth = f"http://localhost:{port}"
            asyncio.run(answers(f"{hearth}/healthz"))
            asyncio.run(
                photograph(Demo(hearth, f"http://127.0.0.1:{sandbox_port}", admin_key_of(told_by)))
            )
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
