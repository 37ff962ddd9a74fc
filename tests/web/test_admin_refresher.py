"""Who keeps the tokens alive, as an operator sees it from any replica."""

from contextlib import suppress
from typing import Any

import pytest

from app.main import create_app
from app.models.identifiers import SHARD_COUNT
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, READER, admin
from tests.support.gateway import signed_in
from tests.support.servers import free_socket, serving
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 4.0


async def overview(hearth: Hearth) -> dict[str, Any]:
    answer = await admin(hearth, "GET", "/refresher", secret=READER)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_each_replica_tells_what_all_of_them_own_and_how_they_are_doing(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(
        refresher=True, web={"admin_keys": ADMIN_KEYS}, infobip={"token_lifetime_seconds": LIFE}
    ) as first:
        app = create_app(first.settings)
        async with serving(app, free_socket()) as url:
            second = Hearth(url, first.settings, app.state.process, first.http)
            for _ in range(2):
                await signed_in(first, vendor)

            async def is_shared() -> bool:
                replicas = (await overview(second))["replicas"]
                return (
                    [replica["shards"] for replica in replicas] == [SHARD_COUNT / 2] * 2
                    and sum(replica["liveConnections"] for replica in replicas) == 1
                    and any(replica["leastSecondsLeft"] for replica in replicas)
                )

            await eventually(is_shared)
            found = await overview(first)
        await eventually(lambda: is_alone(first))

    assert found["shards"] == found["shardsHeld"] == SHARD_COUNT
    assert found["tokenLifeSeconds"] == LIFE
    assert found["lossesOfLastHour"] == {}
    ids = {
        str(one.status().replica)
        for one in (first.process.refresher, second.process.refresher)
        if one
    }
    assert {replica["id"] for replica in found["replicas"]} == ids
    for replica in found["replicas"]:
        assert replica["startedAt"] <= replica["seenAt"]
        assert replica["capacityConnections"] is replica["renewalsPerSecondCeiling"] is None
        assert (replica["renewalsWaiting"], replica["unwrittenChanges"]) == (0, 0)
        with suppress(TypeError):  # one of them has nothing to renew
            assert 0 < replica["leastSecondsLeft"] <= 0.6 * LIFE


async def is_alone(hearth: Hearth) -> bool:
    return [one["shards"] for one in (await overview(hearth))["replicas"]] == [SHARD_COUNT]


async def test_losses_are_counted_by_their_cause(start_hearth: StartHearth, vendor: Vendor) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(
        refresher=True, web={"admin_keys": ADMIN_KEYS}, infobip={"token_lifetime_seconds": LIFE}
    ) as hearth:
        await signed_in(hearth, vendor)
        await vendor.revoke()

        async def is_counted() -> bool:
            return bool((await overview(hearth))["lossesOfLastHour"] == {"refused": 1})

        await eventually(is_counted)


async def test_without_any_refresher_nothing_is_held(start_hearth: StartHearth) -> None:
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        found = await overview(hearth)

    assert (found["replicas"], found["shardsHeld"]) == ([], 0)
