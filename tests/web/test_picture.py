"""The live picture in numbers."""

from collections.abc import AsyncIterator

import pytest

from app.admin.overview import Overview
from app.errors import DatabaseUnavailable
from app.history import History
from app.models.connection import ConnectionStatus
from app.models.replica import Fleet
from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, READER, WRITER, add_api_key, admin
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

LIFE = 4.0


@pytest.fixture
async def hearth(start_hearth: StartHearth, vendor: Vendor) -> AsyncIterator[Hearth]:
    """A Hearth with a refresher and admin keys."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with start_hearth(
        refresher=True,
        web={"admin_keys": ADMIN_KEYS},
        infobip={"token_lifetime_seconds": LIFE},
    ) as running:
        yield running


class WithoutDatabase(Overview):
    """Finds nobody there."""

    async def fleet(self) -> Fleet:
        raise DatabaseUnavailable

    async def count_connections(self) -> dict[ConnectionStatus, int]:
        raise DatabaseUnavailable


class Counting(Overview):
    """Counts how often it is asked to count."""

    times = 0

    async def count_connections(self) -> dict[ConnectionStatus, int]:
        self.times += 1
        return await super().count_connections()


async def picture(hearth: Hearth) -> dict[str, object]:
    answer = await admin(hearth, "GET", "/picture", secret=READER)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_it_shows_what_lives_and_how_renewals_go(hearth: Hearth, vendor: Vendor) -> None:
    await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
    ended = (await add_api_key(hearth, check=False)).json()["id"]
    await admin(hearth, "DELETE", f"/connections/{ended}", secret=WRITER)
    history = hearth.process.history

    async def shows_a_renewal() -> bool:
        await history.look()
        last = history.moments[-1]
        return last.live == 1 and last.renewals > 0 and last.least_seconds_left is not None

    await eventually(shows_a_renewal)
    found = await picture(hearth)

    assert found["database"] is True
    assert found["infobip"] == "answering"
    assert found["connections"] == {"active": 1, "lost": 0, "disconnected": 1}
    assert found["tokenLifeSeconds"] == LIFE
    assert isinstance(found["secondsLeft"], dict)
    assert sum(found["secondsLeft"]["counts"]) >= 1
    assert len(found["secondsLeft"]["counts"]) == len(found["secondsLeft"]["bounds"]) + 1
    assert isinstance(found["moments"], list)
    assert found["moments"][-1]["liveConnections"] == 1
    assert 0 < found["moments"][-1]["leastSecondsLeft"] < LIFE
    assert any(moment["renewalsPerSecond"] > 0 for moment in found["moments"])


async def test_infobips_trouble_is_seen(hearth: Hearth, vendor: Vendor) -> None:
    await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
    await vendor.fail({"target": "refresh", "kind": "error503"})
    history = hearth.process.history

    async def fails() -> bool:
        await history.look()
        return history.moments[-1].failures > 0

    await eventually(fails)

    assert (await picture(hearth))["infobip"] in ("troubled", "silent")


async def test_it_answers_while_the_database_is_away(hearth: Hearth, vendor: Vendor) -> None:
    await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
    refresher = hearth.process.refresher
    assert refresher is not None

    async def is_kept_alive() -> bool:
        return refresher.status().live == 1

    await eventually(is_kept_alive)
    away = History(
        overview=WithoutDatabase(database=hearth.process.database),
        refresher=refresher,
        clock=hearth.process.clock,
    )
    await away.look()

    assert (away.moments[-1].database, away.moments[-1].live) == (False, 1)
    assert await away.counts() is None


async def test_many_who_look_at_once_have_it_counted_once(hearth: Hearth) -> None:
    counting = Counting(database=hearth.process.database)
    history = History(overview=counting, refresher=None, clock=hearth.process.clock)
    for _ in range(5):
        assert await history.counts() == dict.fromkeys(ConnectionStatus, 0)

    assert counting.times == 1
