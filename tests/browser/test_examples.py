"""The worked examples, built as their readers build them and framed as Infobip frames them."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import FrameLocator, Page, expect

from tests.conftest import StartHearth
from tests.support.npm import Npm, ensure_npm
from tests.support.vendor import Vendor

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

EXAMPLES = Path(__file__).parents[2] / "examples"
VITE = EXAMPLES / "vite-typescript"


@pytest.fixture(scope="session")
def npm() -> Npm:
    return ensure_npm()


@pytest.fixture(scope="session")
def built_app(npm: Npm) -> Path:
    """The Vite app's `dist`; what is installed already is not installed again."""
    installed = VITE / "node_modules" / ".package-lock.json"
    lock = VITE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm.run("ci", folder=VITE)
    npm.run("run", "build", folder=VITE)
    return VITE / "dist"


async def test_the_plain_card_greets_and_tells_what_the_conversation_is_about(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    async with card_from(EXAMPLES / "plain", start_hearth, page, vendor) as card:
        name = (await vendor.user(0))["username"]
        await expect(card.get_by_role("heading")).to_have_text(f"Hello, {name}")
        await expect(card.get_by_role("status")).to_contain_text("Brake squeal after service")
        await expect(card.get_by_role("button")).to_be_hidden()


@pytest.mark.npm
async def test_the_vite_app_answers_with_a_click_and_has_its_replies_from_the_settings(
    start_hearth: StartHearth, page: Page, vendor: Vendor, built_app: Path
) -> None:
    async with card_from(built_app, start_hearth, page, vendor) as card:
        await card.get_by_role("button", name="May we call you back?").click()
        await expect(card.get_by_role("status")).to_have_text("Sent: May we call you back?")
        await expect(page.get_by_text("May we call you back?").first).to_be_visible()

        await card.locator("body").evaluate(
            """async () => {
                const { connect } = await import("/embed.js");
                await (await connect()).settings.save({ replies: ["From the settings"] });
                location.reload();
            }"""
        )
        await expect(card.get_by_role("button")).to_have_text(["From the settings"])


@pytest.mark.npm
def test_what_the_types_say_is_what_the_scripts_do(
    npm: Npm, built_app: Path, tmp_path: Path
) -> None:
    """embed.js against embed.d.ts, and the built-in pages against both, by TypeScript."""
    static = Path(__file__).parents[2] / "app" / "web" / "static"
    assert (VITE / "hearth.d.ts").read_text() == (static / "embed.d.ts").read_text()
    pages = [path for path in (static / "ui" / "assets").glob("*.js") if path.stem != "completion"]
    npm.run("exec", "--", "tsc", *CHECK, *map(str, pages), folder=VITE)

    (tmp_path / "inside.js").write_text((static / "embed.js").read_text())
    shutil.copytree(static / "embed", tmp_path / "embed")
    (tmp_path / "told.d.ts").write_text((static / "embed.d.ts").read_text())
    (tmp_path / "both.ts").write_text(
        'import * as inside from "./inside.js";\n'
        'import type * as told from "./told";\n'
        "export const connect: typeof told.connect = inside.connect;\n"
    )
    npm.run("exec", "--", "tsc", *CHECK, str(tmp_path / "both.ts"), folder=VITE)


CHECK = (
    "--ignoreConfig",
    "--noEmit",
    "--allowJs",
    "--checkJs",
    "--strict",
    "--target",
    "es2024",
    "--lib",
    "es2024,dom,dom.iterable",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
)


@asynccontextmanager
async def card_from(
    folder: Path, start_hearth: StartHearth, page: Page, vendor: Vendor
) -> AsyncIterator[FrameLocator]:
    """The card in the web interface, served from a folder."""
    async with start_hearth(pages={"context_card_ui": folder}):
        await page.goto(f"{vendor.url}/")
        yield page.frame_locator("iframe[src*='/context-card']").first
