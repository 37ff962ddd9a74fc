"""Taking in what is stored: nearest expiry first, and renewing begins before all of it is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import pytest

from app.clock import SystemClock
from app.connections.live import LiveToken, LiveTokens
from app.connections.vault import Vault
from app.models.identifiers import SHARD_COUNT, ConnectionId, ReplicaId, Shard, shard_of
from app.models.replica import ReplicaReport
from app.models.token import Loss, RenewedToken
from app.refresher.intake import Intake
from app.refresher.shares import Shares
from app.refresher.stats import Stats
from app.security.sealing import SealingKeys
from app.store.database import Database
from app.store.tokens import TokenStore

pytestmark = pytest.mark.anyio

TOKENS = 1_600
PIECES = 4
VAULT = Vault(keys=SealingKeys([bytes(32)]))
ALL = [Shard(number) for number in range(SHARD_COUNT)]


@pytest.fixture(autouse=True)
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.tokens._PIECE", TOKENS // PIECES)


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
async def shares(database: Database) -> Shares:
    """All of them: nobody else is there."""
    shares = Shares(
        replica=ReplicaId(uuid4()),
        database=database,
        clock=SystemClock(),
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


@pytest.mark.parametrize("when", ["before the dead are looked for", "before they are lost"])
async def test_what_its_last_owner_writes_down_during_the_load_is_taken_in(
    database: Database, shares: Shares, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """It was renewed while the database was away, so what is stored had died."""
    left = await store(database)
    dead, written = list(left)[:2]
    async with database.statement() as tx:
        await tx.exec_driver_sql(
            "UPDATE tokens SET expires_at = now() - interval '1 minute' "
            f"WHERE connection_id IN ('{dead}', '{written}')"
        )
    looked_for = TokenStore.overdue

    async def write() -> None:
        renewed = RenewedToken(written.bytes, 7, VAULT.seal(written, "IBSSO y"), 0.0, 60.0)
        async with database.statement() as tx:
            assert await TokenStore(tx).write([renewed]) == set()

    async def overdue(self: TokenStore, of: list[Shard], *, by_seconds: float) -> list[Loss]:
        if when == "before the dead are looked for":
            await write()
        found = await looked_for(self, of, by_seconds=by_seconds)
        if when == "before they are lost":
            await write()
        return found

    monkeypatch.setattr(TokenStore, "overdue", overdue)
    arrivals = Arrivals()
    await intake(database, shares, arrivals).load_shards(ALL)

    taken_in = {token.connection_id: token.generation for token, _ in arrivals.tokens}
    assert taken_in == dict.fromkeys(left.keys() - {dead}, 1) | {written: 7}
    async with database.statement() as tx:
        lost = await tx.exec_driver_sql("SELECT id FROM connections WHERE status = 'lost'")
        assert [ConnectionId(row.id) for row in lost] == [dead]
