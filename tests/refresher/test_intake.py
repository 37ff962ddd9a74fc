"""Taking in what is stored: nearest expiry first, and renewing begins before all of it is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import pytest

from app.clock import SystemClock
from app.connections.live import LiveToken, LiveTokens
from app.connections.vault import Vault
from app.errors import DatabaseUnavailable
from app.models.identifiers import SHARD_COUNT, ConnectionId, ReplicaId, Shard, shard_of
from app.models.replica import ReplicaReport
from app.refresher.intake import Intake
from app.refresher.shares import Shares
from app.refresher.stats import Stats
from app.security.sealing import SealingKeys
from app.store.database import Database
from tests.support.clocks import SetClock

pytestmark = pytest.mark.anyio

TOKENS = 1_600
PIECES = 4
VAULT = Vault(keys=SealingKeys([bytes(32)]))
ALL = [Shard(number) for number in range(SHARD_COUNT)]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=3)
    yield database
    await database.close()


class Arrivals:
    """Remembers in which order tokens came, and how often others had had their turn by then."""

    def __init__(self) -> None:
        self.turns = 0
        self.tokens: list[tuple[LiveToken, int]] = []

    def __call__(self, token: LiveToken) -> None:
        self.tokens.append((token, self.turns))

    async def count_turns(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def shares(database: Database, clock: SetClock) -> Shares:
    """All of them: nobody else is there."""
    shares = Shares(
        replica=ReplicaId(uuid4()),
        database=database,
        clock=clock,
        lease_seconds=6,
        report=lambda: ReplicaReport(live=0),
    )
    await shares.hold()
    assert set(shares.held()) == set(ALL)
    return shares


def intake(database: Database, shares: Shares, on_new: Callable[[LiveToken], None]) -> Intake:
    return Intake(
        database=database,
        vault=VAULT,
        live=LiveTokens(),
        shares=shares,
        clock=SystemClock(),
        stats=Stats(life_seconds=60),
        on_new=on_new,
    )


async def store(database: Database) -> dict[ConnectionId, int]:
    """Tokens with so many seconds left, in no order."""
    left = {ConnectionId(UUID(int=number)): 20 + number * 7 % 1_601 for number in range(1, TOKENS)}
    async with database.transaction() as tx:
        raw = await tx.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.executemany(
            "INSERT INTO connections (id, status, user_key, roles, groups) "
            "VALUES ($1, 'active', $2, '[]', '[]')",
            [(one, str(one)) for one in left],
        )
        await raw.driver_connection.executemany(
            "INSERT INTO tokens (connection_id, shard, generation, sealed, renewed_at, expires_at) "
            "VALUES ($1, $2, 1, $3, now(), now() + make_interval(secs => $4))",
            [
                (one, shard_of(one), VAULT.seal(one, "IBSSO x"), seconds)
                for one, seconds in left.items()
            ],
        )
    return left


async def test_the_nearest_to_their_end_come_first_and_are_renewed_while_others_are_loaded(
    database: Database, shares: Shares
) -> None:
    left = await store(database)
    arrivals = Arrivals()
    others = asyncio.create_task(arrivals.count_turns())

    await intake(database, shares, arrivals).load_shards(ALL)
    others.cancel()

    order = [left[token.connection_id] for token, _ in arrivals.tokens]
    assert order == sorted(left.values())
    turns = [turn for _, turn in arrivals.tokens]
    assert len(set(turns)) == PIECES
    assert turns[0] < turns[-1]


async def test_a_token_that_cannot_be_opened_keeps_nobody_from_the_others(
    database: Database, shares: Shares
) -> None:
    left = await store(database)
    broken = next(iter(left))
    async with database.statement() as tx:
        await tx.exec_driver_sql(
            f"UPDATE tokens SET sealed = '\\x00' WHERE connection_id = '{broken}'"
        )
    arrivals = Arrivals()

    await intake(database, shares, arrivals).load_shards(ALL)

    assert {token.connection_id for token, _ in arrivals.tokens} == left.keys() - {broken}


async def test_what_becomes_somebody_elses_during_the_load_is_not_taken_in(
    database: Database, shares: Shares
) -> None:
    left = await store(database)
    ours, theirs = ALL[::2], frozenset(ALL[1::2])
    arrivals = Arrivals()

    def lose_half(token: LiveToken) -> None:
        arrivals(token)
        shares.forget(theirs)

    others = asyncio.create_task(arrivals.count_turns())
    await intake(database, shares, lose_half).load_shards(ALL)
    others.cancel()

    turns_of_theirs = {turn for token, turn in arrivals.tokens if token.shard in theirs}
    assert turns_of_theirs == {arrivals.tokens[0][1]}, "only the piece that was there already"
    of_ours = [token for token, _ in arrivals.tokens if token.shard in ours]
    assert len(of_ours) == sum(shard_of(one) in ours for one in left)


async def test_what_is_found_dead_is_told_as_lost_once_others_had_time_to_write(
    database: Database, shares: Shares, clock: SetClock
) -> None:
    """Whoever had the shard before may have renewed it while the database was away."""
    left = await store(database)
    dead = next(iter(left))
    async with database.statement() as tx:
        await tx.exec_driver_sql(
            "UPDATE tokens SET expires_at = now() - interval '1 hour' "
            f"WHERE connection_id = '{dead}'"
        )
    taking_in = intake(database, shares, Arrivals())

    async def lost() -> list[ConnectionId]:
        await taking_in.lose_overdue()
        async with database.statement() as tx:
            found = await tx.exec_driver_sql("SELECT id FROM connections WHERE status = 'lost'")
            return [ConnectionId(row.id) for row in found]

    await taking_in.load_shards(ALL)
    assert await lost() == []
    clock.time += 9.9
    assert await lost() == []
    shares.forget(frozenset({shard_of(dead)}))  # and somebody else had it in between
    await shares.hold()
    clock.time += 9.9
    assert await lost() == []
    clock.time += 0.2
    assert await lost() == [dead]


async def test_after_an_outage_others_have_time_to_write_anew(
    database: Database, shares: Shares, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise DatabaseUnavailable

    clock.time += 60
    assert set(shares.held(for_seconds=10)) == set(ALL)
    with monkeypatch.context() as patched:
        patched.setattr(database, "statement", away)
        await shares.hold()
    assert shares.held(for_seconds=10) == []
    await shares.hold()
    clock.time += 9.9
    assert shares.held(for_seconds=10) == []
    clock.time += 0.2
    assert set(shares.held(for_seconds=10)) == set(ALL)
