"""A connection's timeline, as an operator reads it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, READER, WRITER, admin
from tests.support.gateway import signed_in
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 3.0


async def read(hearth: Hearth, connection_id: object) -> list[dict[str, Any]]:
    answer = await admin(hearth, "GET", f"/connections/{connection_id}/timeline", secret=READER)
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_it_tells_why_a_connection_died_and_how_it_came_back(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    infobip = {"token_lifetime_seconds": LIFE}
    async with start_hearth(
        refresher=True, infobip=infobip, web={"admin_keys": ADMIN_KEYS}
    ) as hearth:
        browser = await signed_in(hearth, vendor)
        connection_id = (await browser.api("GET", "/session")).json()["connection"]["id"]

        async def newest_is(event: str) -> bool:
            newest = (await read(hearth, connection_id))[0]
            return bool(newest["event"] == event)

        await vendor.fail({"target": "refresh", "kind": "error503", "times": 2})
        await eventually(lambda: newest_is("retried"))
        await vendor.revoke()
        await eventually(lambda: newest_is("lost"))
        await signed_in(hearth, vendor)
        path = f"/connections/{connection_id}"
        await admin(hearth, "DELETE", path, secret=WRITER)

        found = await read(hearth, connection_id)

    assert [one["event"] for one in found] == [
        "disconnected",
        "reconnected",
        "lost",
        "retried",
        "connected",
    ]
    _, _, lost, retried, connected = found
    assert (retried["attempts"], retried["cause"], retried["times"]) == (2, "server_error", 1)
    assert (lost["attempts"], lost["cause"]) == (1, "refused")
    assert connected["cause"] is connected["replica"] is connected["attempts"] is None
    assert connected["at"] == connected["lastAt"]
    assert connected["at"] < retried["at"] < lost["at"]
    assert connected["at"].endswith("Z")


async def test_what_is_not_there_has_none(start_hearth: StartHearth) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        answer = await admin(hearth, "GET", f"/connections/{uuid4()}/timeline")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_connection")
