"""`./run screenshots`: the pictures in docs/images, of a demo that really runs."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.chromium import ensure_chromium
from tests.support.servers import free_port

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STARTS_WITHIN_SECONDS = 60
FRAME = "iframe[src*='/context-card'], iframe[src*='/settings']"


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


async def photograph(port: int, sandbox_port: int) -> None:
    await answers(f"http://localhost:{port}/healthz")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(ensure_chromium()), args=["--no-sandbox"]
        )
        await take(browser, f"http://127.0.0.1:{sandbox_port}")
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


def main() -> None:
    port, sandbox_port = free_port(), free_port()
    command = ["demo", "--port", str(port), "--sandbox-port", str(sandbox_port)]
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hearth-") as folder:
        Path(folder).chmod(0o755)  # as root, the database runs as another account
        process = subprocess.Popen(
            [sys.executable, "-m", "app", *command],
            env=os.environ | {"DATA_DIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            asyncio.run(photograph(port, sandbox_port))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
