"""What is kept for how long, in one sweep."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.connections.retention import Kept, purge
from app.store.database import Database

pytestmark = pytest.mark.anyio

KEPT = Kept(session_idle_seconds=3_600, audit_days=40, events_days=10)

ROWS = """
    INSERT INTO connections (id, status, roles, groups)
        VALUES ('00000000-0000-4000-8000-000000000000', 'active', '[]', '[]');
    INSERT INTO audit (at, actor, action, details)
        SELECT now() - make_interval(days => days), 'ops', 'link_created', '{}'
        FROM unnest(ARRAY[0, 39, 41, 500]) AS days;
    INSERT INTO outbox (occurred_at, type, data, status)
        SELECT now() - make_interval(days => days), 'settings.changed', '{}', status
        FROM unnest(ARRAY[0, 9, 11]) AS days,
            unnest(ARRAY['pending', 'delivered', 'failed']) AS status;
    INSERT INTO flows (id, state_hash, proof_hash, kept_in, challenged, params, expires_at)
        SELECT gen_random_uuid(), '', '', 'cookie', false, '[]', now() + left_
        FROM unnest(ARRAY[interval '-1 s', interval '60 s']) AS left_;
    INSERT INTO sessions (id, token_hash, connection_id, surface, params, seen_at, expires_at)
        SELECT gen_random_uuid(), convert_to(seen || left_::text, 'UTF8'),
            '00000000-0000-4000-8000-000000000000', 'settings', '[]',
            now() - make_interval(mins => seen), now() + make_interval(mins => left_)
        FROM unnest(ARRAY[1, 61]) AS seen, unnest(ARRAY[-1, 1]) AS left_;
    INSERT INTO activation_links (id, token_hash, created_by, expires_at)
        SELECT gen_random_uuid(), convert_to(days::text, 'UTF8'), 'ops',
            now() - make_interval(days => days)
        FROM unnest(ARRAY[-1, 29, 31]) AS days;
    INSERT INTO timeline (connection_id, event, at)
        SELECT gen_random_uuid(), 'connected', now() - make_interval(days => days)
        FROM unnest(ARRAY[0, 89, 91]) AS days;
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(url=database_url, pool_size=2)
    yield database
    await database.close()


async def counts(database: Database) -> dict[str, int]:
    tables = ("audit", "outbox", "flows", "sessions", "activation_links", "timeline")
    async with database.statement() as tx:
        return {
            table: (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
            for table in tables
        }


async def test_what_is_over_goes_and_what_is_kept_stays(database: Database) -> None:
    async with database.statement() as tx:
        raw = await tx.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.execute(ROWS)
    assert await counts(database) == {
        "audit": 4,
        "outbox": 9,
        "flows": 2,
        "sessions": 4,
        "activation_links": 3,
        "timeline": 3,
    }

    for _ in range(2):
        await purge(database, KEPT)

        assert await counts(database) == {
            "audit": 2,
            "outbox": 6,
            "flows": 1,
            "sessions": 1,
            "activation_links": 2,
            "timeline": 2,
        }
