"""Stored values under the newest key, whatever goes on beside it."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary

from app.connections.resealing import Progress, Resealed, Resealing
from app.connections.vault import Vault
from app.models.identifiers import ConnectionId
from app.models.token import RenewedToken, SealedToken
from app.security.sealing import SealingKeys, generate_key, parse_key
from app.store.database import Database
from app.store.sealed import SEALED_COLUMNS, TOKENS, Exchanged, SealedValues
from app.store.tables import metadata
from app.store.tokens import TokenStore
from tests.conftest import StartHearth
from tests.support.administration import ADMIN_KEYS, add_api_key
from tests.support.processes import hearth_process
from tests.support.settings import ENCRYPTION_KEY, as_environment

pytestmark = pytest.mark.anyio

OLD, NEW, OTHER = (parse_key(generate_key()) for _ in range(3))
MANY = 600  # more than one batch
ADD = """
    WITH made AS (
        INSERT INTO connections (id, status, roles, groups)
        SELECT gen_random_uuid(), 'active', '[]', '[]' FROM generate_series(1, $1) RETURNING id
    )
    INSERT INTO tokens (connection_id, shard, generation, renewed_at, expires_at)
    SELECT id, 0, 1, now(), now() + interval '1 hour' FROM made RETURNING connection_id
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=3)
    yield database
    await database.close()


def vault(*keys: bytes) -> Vault:
    return Vault(keys=SealingKeys(keys))


async def add_tokens(database: Database, count: int, *, key: bytes) -> list[ConnectionId]:
    async with database.transaction() as tx:
        raw = await tx.get_raw_connection()
        assert raw.driver_connection is not None
        rows = await raw.driver_connection.fetch(ADD, count)
        ids = [ConnectionId(row[0]) for row in rows]
        sealed = [
            RenewedToken(one.bytes, 2, vault(key).seal(one, f"IBSSO {one}"), 0, 60) for one in ids
        ]
        await TokenStore(tx).write(sealed)
    return ids


async def tokens_of(database: Database, ids: list[ConnectionId]) -> list[SealedToken]:
    async with database.statement() as tx:
        return await TokenStore(tx).load(ids)


async def reseal(database: Database, *keys: bytes) -> tuple[Resealed, list[Progress]]:
    told: list[Progress] = []
    resealing = Resealing(database=database, vault=vault(*keys), on_progress=told.append)
    return await resealing.run(), told


async def test_everything_is_sealed_anew_in_batches_and_a_second_run_finds_nothing(
    database: Database,
) -> None:
    ids = await add_tokens(database, MANY, key=OLD)

    outcome, told = await reseal(database, NEW, OLD)

    assert outcome == Resealed(done=MANY, left=0, unopenable=())
    assert told == [Progress("tokens", 500, MANY), Progress("tokens", MANY, MANY)]
    tokens = await tokens_of(database, ids)
    assert {vault(NEW).open(one).authorization for one in tokens} == {f"IBSSO {one}" for one in ids}
    assert {one.generation for one in tokens} == {2}
    assert await reseal(database, NEW, OLD) == (Resealed(0, 0, ()), [])


async def test_what_no_key_opens_is_named_left_as_it_is_and_stops_nothing(
    database: Database,
) -> None:
    lost = await add_tokens(database, 2, key=OTHER)
    ids = await add_tokens(database, 3, key=OLD)

    outcome, _ = await reseal(database, NEW, OLD)

    assert outcome == Resealed(done=3, left=0, unopenable=tuple(sorted(lost)))
    assert len([vault(NEW).open(one) for one in await tokens_of(database, ids)]) == 3
    assert len([vault(OTHER).open(one) for one in await tokens_of(database, lost)]) == 2


async def test_a_renewal_in_between_wins(database: Database) -> None:
    (connection_id,) = await add_tokens(database, 1, key=OLD)
    keys = vault(NEW, OLD)
    async with database.statement() as tx:
        values = SealedValues(tx, TOKENS)
        (seen,) = await values.list_not_under(keys.newest_key_id, after=None, limit=10)
    renewed = RenewedToken(
        connection_id.bytes, 3, vault(OLD).seal(connection_id, "IBSSO newer"), 0, 60
    )
    async with database.statement() as tx:
        await TokenStore(tx).write([renewed])

    async with database.statement() as tx:
        new = keys.reseal_token(seen.row, seen.sealed)
        exchanged = await SealedValues(tx, TOKENS).exchange([Exchanged(seen.row, seen.sealed, new)])

    assert exchanged == 0
    (token,) = await tokens_of(database, [connection_id])
    assert keys.open(token).authorization == "IBSSO newer"


def test_no_sealed_column_is_forgotten() -> None:
    found = {
        column
        for table in metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary) and "hash" not in column.name
    }
    assert found == {each.value for each in SEALED_COLUMNS}


async def test_the_command_says_how_far_it_is_and_what_can_be_done_next(
    start_hearth: StartHearth,
) -> None:
    new = generate_key()
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as hearth:
        added = UUID((await add_api_key(hearth)).json()["id"])
        environment = as_environment(hearth.settings)
        both = environment | {"ENCRYPTION_KEYS": f"{new},{ENCRYPTION_KEY}"}
        outcomes = []
        for keys in (both, both, environment):
            with hearth_process("reseal", environment=keys) as process:
                outcomes.append((await process.wait(), process.lines))

    done, nothing, wrong = outcomes
    assert done[0] == nothing[0] == 0
    assert done[1][:2] == ["API keys: 1 of 1", "Sealed anew under the newest key: 1."]
    assert "the older ones can be taken out" in done[1][2]
    assert nothing[1][0] == "Sealed anew under the newest key: 0."
    assert wrong[0] == 1
    assert wrong[1][-1] == f"  {added}"
