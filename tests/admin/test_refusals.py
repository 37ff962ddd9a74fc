"""However much is refused, the record has a few entries of it, and counts the rest."""

from collections.abc import AsyncIterator

import pytest

from app.admin.refusals import Refusal, Refusals
from app.errors import DatabaseUnavailable
from app.models.audit import STRANGER, Action, Deed
from app.store.audit import AuditStore
from app.store.database import Database
from tests.support.clocks import SetClock

pytestmark = pytest.mark.anyio

WRONG_KEY = Refusal(STRANGER, Action.ADMIN_KEY_REFUSED, "unknown_key")
WRONG_CALL = Refusal(STRANGER, Action.SIGNED_CALL_REFUSED, "too_old")
DAY = 86_400


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=2)
    yield database
    await database.close()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(0.0)


@pytest.fixture
def refusals(database: Database, clock: SetClock) -> Refusals:
    return Refusals(database=database, clock=clock)


def note(refusals: Refusals, refusal: Refusal = WRONG_KEY, *, times: int = 1) -> None:
    for number in range(times):
        refusals.note(refusal, address="192.0.2.1", request_id=f"request-{number}")


async def recorded(database: Database) -> list[Deed]:
    async with database.statement() as tx:
        found = await AuditStore(tx).list_newest(before=None, limit=200)
    return [one.deed for one in reversed(found)]


async def times(database: Database) -> list[str]:
    return [deed.details["times"] for deed in await recorded(database)]


async def test_the_first_one_is_on_record_at_once(database: Database, refusals: Refusals) -> None:
    note(refusals)
    await refusals.write()

    details = {
        "reason": "unknown_key",
        "times": "1",
        "address": "192.0.2.1",
        "requestId": "request-0",
    }
    assert await recorded(database) == [Deed(STRANGER, Action.ADMIN_KEY_REFUSED, None, details)]


async def test_a_day_of_trying_keys_makes_some_thirty_entries_and_none_is_uncounted(
    database: Database, refusals: Refusals, clock: SetClock
) -> None:
    tried = 0
    while clock.time < DAY:
        note(refusals, times=20)
        tried += 20
        await refusals.write()
        clock.time += 20
    await refusals.write(all_of_it=True)

    found = await times(database)
    assert found[:4] == ["20", "60", "120", "240"]
    assert len(found) < 35
    assert sum(map(int, found)) == tried


async def test_kinds_are_counted_by_themselves(
    database: Database, refusals: Refusals, clock: SetClock
) -> None:
    note(refusals, times=2)
    await refusals.write()
    note(refusals, times=3)
    note(refusals, WRONG_CALL)
    await refusals.write()
    assert await times(database) == ["2", "1"]

    clock.time += 60
    await refusals.write()
    assert await times(database) == ["2", "1", "3"]


async def test_after_a_pause_it_begins_anew(
    database: Database, refusals: Refusals, clock: SetClock
) -> None:
    for _ in range(3):
        note(refusals)
        await refusals.write()
        clock.time += 61
        await refusals.write()

    assert await times(database) == ["1", "1", "1"]


async def test_what_could_not_be_written_is_not_forgotten(
    database: Database, database_url: str, clock: SetClock
) -> None:
    impatient = Database(url=database_url, pool_size=2, command_seconds=0.3)
    refusals = Refusals(database=impatient, clock=clock)
    note(refusals, times=2)
    async with database.transaction() as tx:
        await tx.exec_driver_sql("LOCK TABLE audit")
        with pytest.raises(DatabaseUnavailable):
            await refusals.write()
    note(refusals)
    await refusals.write()
    await impatient.close()

    assert await times(database) == ["3"]
