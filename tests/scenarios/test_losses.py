"""Every loss has a cause, is told, counted and on record, and has a way back: within one life."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conftest import StartHearth
from tests.support.administration import ADMIN_KEYS, READER, admin
from tests.support.gateway import signed_in
from tests.support.receiver import EventReceiver, receiving
from tests.support.servers import free_socket
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 4.0


@pytest.fixture
async def receiver() -> AsyncIterator[EventReceiver]:
    async with receiving(free_socket()) as running:
        yield running


CAUSES: list[tuple[str, dict[str, Any]]] = [
    ("refused", {"kind": "refuse"}),
    ("timed_out", {"kind": "hang"}),
    ("unintelligible", {"kind": "html"}),
]


@pytest.mark.parametrize(("cause", "fault"), CAUSES, ids=[cause for cause, _ in CAUSES])
async def test_a_loss_is_known_everywhere_and_can_be_made_good(
    start_hearth: StartHearth,
    vendor: Vendor,
    receiver: EventReceiver,
    cause: str,
    fault: dict[str, Any],
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(
        refresher=True,
        web={"admin_keys": ADMIN_KEYS},
        infobip={"token_lifetime_seconds": LIFE},
        events=receiver.settings,
    ) as hearth:
        await vendor.fail({"target": "refresh", **fault})
        page = await signed_in(hearth, vendor)
        session = (await page.api("GET", "/session")).json()
        path = f"/connections/{session['connection']['id']}"

        async def is_lost() -> bool:
            return bool((await admin(hearth, "GET", path)).json()["status"] == "lost")

        await eventually(is_lost)
        connection = (await admin(hearth, "GET", path)).json()
        timeline = (await admin(hearth, "GET", f"{path}/timeline")).json()["items"]
        overview = (await admin(hearth, "GET", "/refresher")).json()
        metrics = await hearth.http.get(
            f"{hearth.url}/metrics", headers={"authorization": f"Bearer {READER}"}
        )
        refused = await page.api("GET", "/infobip/account/1/balance")
        events = await receiver.gets("connection.connected", "connection.lost")

        assert connection["reason"] == cause
        assert (timeline[0]["event"], timeline[0]["cause"]) == ("lost", cause)
        assert timeline[0]["attempts"] >= 1
        died = datetime.fromisoformat(session["connection"]["expiresAt"])
        assert datetime.fromisoformat(timeline[0]["at"]) < died + timedelta(seconds=LIFE / 2)
        assert overview["lossesOfLastHour"] == {cause: 1}
        assert f'hearth_losses_total{{cause="{cause}"}} 1.0' in metrics.text
        assert (refused.status_code, refused.json()["code"]) == (409, "connection_lost")
        assert events[-1]["data"]["cause"] == cause
        for way_back in (refused.json()["reconnectUrl"], events[-1]["data"]["reconnectUrl"]):
            assert way_back.startswith(hearth.url)

        await vendor.heal()
        again = await signed_in(hearth, vendor)
        assert (await again.api("GET", "/infobip/account/1/balance")).status_code == 200
        assert (await admin(hearth, "GET", path)).json()["status"] == "active"
