"""The built-in settings page: a form from the schema, or JSON, and never an unseen overwrite."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import FrameLocator, Page, expect

from tests.browser.test_card import NARROW
from tests.browser.test_embedded_pages import FRAME, signed_in
from tests.conftest import Hearth, StartHearth
from tests.support.axe import violations
from tests.support.vendor import Vendor

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

SCHEMA = Path(__file__).parents[2] / "examples" / "settings.schema.json"
READ = """() => fetch("/api/settings", { headers: { "X-Hearth": "1" } }).then((it) => it.json())"""
SAVE_AS_SOMEBODY_ELSE = """(_, settings) => fetch("/api/settings", {
    method: "PUT",
    headers: { "X-Hearth": "1", "Content-Type": "application/json" },
    body: JSON.stringify(settings),
}).then((answer) => answer.status)"""


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    async with start_hearth(pages={"settings_schema": SCHEMA}) as running:
        yield running


async def test_a_form_made_from_the_schema_says_what_is_wrong_and_saves(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    settings = await open_settings(page, vendor)
    await page.locator(FRAME).first.evaluate(NARROW)
    await settings.get_by_label("Remind after").fill("99")
    await save(settings)
    await expect(settings.locator("#setting-signature-hint")).to_have_text("This is needed.")
    await expect(settings.get_by_label("Signature")).to_be_focused()
    await expect(settings.locator("#setting-reminderHours-hint")).not_to_be_empty()
    assert await violations(page) == []
    assert await settings.locator("html").evaluate("html => html.scrollWidth") == 360

    await settings.get_by_label("Signature").fill("Ana, Cycles")
    await settings.get_by_label("Tone").select_option("formal")
    await settings.get_by_label("Propose replies").uncheck()
    await settings.get_by_label("Remind after").fill("12")
    await settings.get_by_label("Tags").fill("bikes\n\nservice")
    await save(settings)
    await expect(settings.locator("#settings-done")).to_have_text("Saved.")

    assert await read(settings) == {
        "signature": "Ana, Cycles",
        "tone": "formal",
        "proposeReplies": False,
        "reminderHours": 12,
        "tags": ["bikes", "service"],
    }


async def test_what_only_the_server_knows_to_be_wrong_is_said_beside_its_field(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    settings = await open_settings(page, vendor)
    await settings.get_by_label("Signature").fill("Ana")
    await settings.get_by_label("Escalate to").fill("nobody@localhost_")  # a browser's e-mail
    await settings.get_by_label("Escalate to").evaluate("field => { field.type = 'text'; }")
    await save(settings)

    await expect(settings.locator("#setting-escalateTo-hint")).to_contain_text("email")
    assert await read(settings) == {}


@pytest.mark.parametrize("choice", ["mine", "theirs"])
async def test_two_versions_are_shown_and_the_person_chooses(
    hearth: Hearth, page: Page, vendor: Vendor, choice: str
) -> None:
    settings = await open_settings(page, vendor)
    await settings.get_by_label("Signature").fill("Mine")
    theirs = {"signature": "Theirs", "tone": "formal", "proposeReplies": True}
    assert await settings.locator("body").evaluate(SAVE_AS_SOMEBODY_ELSE, theirs) == 200
    await expect(settings.locator("#settings-done")).to_contain_text("Somebody else has saved")

    await save(settings)

    conflict = settings.locator("#settings-conflict")
    await expect(conflict.get_by_role("heading")).to_be_focused()
    await expect(conflict.get_by_role("row")).to_have_text(
        ["SettingYoursSaved meanwhile", "SignatureMineTheirs", "Toneneutralformal"]
    )
    assert await violations(page) == []
    name = "Save mine over it" if choice == "mine" else "Take theirs"
    await conflict.get_by_role("button", name=name).click()
    await expect(conflict).to_be_hidden()
    expected = "Mine" if choice == "mine" else "Theirs"
    await expect(settings.get_by_label("Signature")).to_have_value(expected)
    assert (await read(settings))["signature"] == expected


async def test_what_somebody_else_saves_appears_in_a_form_that_nobody_touched(
    hearth: Hearth, page: Page, vendor: Vendor
) -> None:
    settings = await open_settings(page, vendor)
    saved = {"signature": "Theirs"}
    assert await settings.locator("body").evaluate(SAVE_AS_SOMEBODY_ELSE, saved) == 200

    await expect(settings.get_by_label("Signature")).to_have_value("Theirs")


async def test_without_a_schema_the_settings_are_json(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    async with start_hearth():
        settings = await open_settings(page, vendor)
        text = settings.get_by_label("Settings as JSON")
        await text.fill('{"signature": ')
        await save(settings)
        await expect(settings.locator("#settings-json-hint")).to_contain_text("This is no JSON")
        await text.fill(json.dumps({"anything": [1, {"goes": True}]}))
        await save(settings)
        await expect(settings.locator("#settings-done")).to_have_text("Saved.")
        assert await read(settings) == {"anything": [1, {"goes": True}]}
        assert await violations(page) == []


async def test_who_may_not_change_the_settings_can_look_at_them(
    start_hearth: StartHearth, page: Page, vendor: Vendor
) -> None:
    async with start_hearth(
        pages={"settings_schema": SCHEMA, "settings_write_roles": ("Nobody has this role",)}
    ):
        settings = await open_settings(page, vendor)

        await expect(settings.get_by_label("Signature")).to_be_disabled()
        await expect(settings.get_by_text("takes a role in Infobip")).to_be_visible()
        await expect(settings.locator("#settings-save")).to_be_hidden()


async def open_settings(page: Page, vendor: Vendor) -> FrameLocator:
    await page.goto(f"{vendor.url}/app-settings")
    settings = await signed_in(page)
    await expect(settings.locator("#settings-form")).to_be_visible()
    return settings


async def save(settings: FrameLocator) -> None:
    await settings.locator("#settings-save").click()


async def read(settings: FrameLocator) -> dict[str, Any]:
    found: dict[str, Any] = await settings.locator("body").evaluate(READ)
    return found
