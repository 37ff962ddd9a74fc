"""A real Chromium, and a Hearth that it sees inside the sandbox's web interface."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright, expect

from tests.conftest import Hearth, StartHearth
from tests.support.chromium import ensure_chromium
from tests.support.vendor import Vendor

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIFE = 6.0


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    return ensure_chromium()


@pytest.fixture(scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    expect.set_options(timeout=15_000)  # machines that run tests are busy
    async with async_playwright() as running:
        yield running


@pytest.fixture
def cookie_preferences() -> dict[str, Any]:
    """Third-party cookies are blocked, as Debian ships Chromium; a test may say otherwise."""
    return {"cookie_controls_mode": 1}


@pytest.fixture
async def chromium(
    playwright: Playwright,
    chromium_path: Path,
    tmp_path: Path,
    cookie_preferences: dict[str, Any],
) -> AsyncIterator[BrowserContext]:
    """A fresh profile."""
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(json.dumps({"profile": cookie_preferences}))
    context = await playwright.chromium.launch_persistent_context(
        str(tmp_path),
        executable_path=str(chromium_path),
        args=ARGUMENTS,
        viewport={"width": 1400, "height": 900},
    )
    yield context
    await context.close()


@pytest.fixture
async def page(chromium: BrowserContext) -> AsyncIterator[Page]:
    """A tab; nothing on it may violate the content security policy or throw."""
    page = await chromium.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if "Content Security Policy" in message.text or "Refused to" in message.text
            else None
        ),
    )
    yield page
    assert complaints == []


@pytest.fixture
async def hearth(start_hearth: StartHearth, vendor: Vendor) -> AsyncIterator[Hearth]:
    """A Hearth with a refresher, and a vendor whose tokens live six seconds."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(refresher=True, infobip={"token_lifetime_seconds": LIFE}) as running:
        yield running
