"""Which connections count as alive, and in which order."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.models.connection import Profile
from app.models.identifiers import ConnectionId
from app.models.token import Loss
from app.store.connections import ConnectionStore
from app.store.database import Database
from app.store.tokens import TokenStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=2)
    yield database
    await database.close()


async def connect(database: Database, user: str, *, left: float = 60) -> ConnectionId:
    async with database.transaction() as tx:
        profile = Profile("A", user, None, None, None, (), ())
        connection_id = await ConnectionStore(tx).connect(ConnectionId(uuid4()), profile)
        await TokenStore(tx).begin_grant(connection_id, b"sealed", age=0, left=left)
    return connection_id


async def alive(database: Database, *, limit: int = 10) -> list[ConnectionId]:
    async with database.statement() as tx:
        return [one.id for one in await ConnectionStore(tx).list_alive(limit=limit)]


async def test_what_was_connected_last_is_first(database: Database) -> None:
    first, second, third = [await connect(database, user) for user in "abc"]
    assert await alive(database) == [third, second, first]
    assert await alive(database, limit=2) == [third, second]

    assert await connect(database, "a") == first

    assert await alive(database) == [first, third, second]


async def test_what_is_dead_lost_ended_or_has_a_key_is_left_out(database: Database) -> None:
    good = await connect(database, "good")
    await connect(database, "dead", left=-1)
    lost, ended = await connect(database, "lost"), await connect(database, "ended")
    async with database.transaction() as tx:
        connections, tokens = ConnectionStore(tx), TokenStore(tx)
        await tokens.lose([Loss(lost, 1 << 40, "refused")])
        await connections.disconnect(ended)
        await tokens.end_grant(ended)
        await connections.put_api_key(ConnectionId(uuid4()), b"sealed")

    assert await alive(database) == [good]
