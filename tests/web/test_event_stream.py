"""What a page is told by its stream of events."""

import pytest

from tests.conftest import StartHearth
from tests.support.administration import ADMIN_KEYS, admin
from tests.support.events import listening
from tests.support.gateway import signed_in
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio


async def test_a_page_that_is_told_of_a_loss_reads_of_it_at_once(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    """Although what a session is like is good for a second without asking the database."""
    async with start_hearth(refresher=True, web={"admin_keys": ADMIN_KEYS}) as hearth:
        browser = await signed_in(hearth, vendor)
        async with listening(browser) as events:
            await events.until("status", status="active")
            connection = (await browser.api("GET", "/session")).json()["connection"]
            await vendor.revoke()
            await admin(hearth, "POST", f"/connections/{connection['id']}/refresh")
            await events.until("status", status="lost")

            told = (await browser.api("GET", "/session")).json()["connection"]

    assert (connection["status"], told["status"]) == ("active", "lost")
