"""Connections in bulk: the vendor's tokens sealed into a database, without anybody signing in."""

import random
from uuid import UUID, uuid4

from sqlalchemy import text

from app.connections.vault import Vault
from app.models.identifiers import ConnectionId, shard_of
from app.security.sealing import SealingKeys, parse_key
from app.store.connections import CHANNEL
from app.store.database import Database
from tests.support.vendor import Vendor

_CONNECTIONS = text(
    "INSERT INTO connections (id, status, account_key, user_key, roles, groups)"
    " SELECT id, 'active', account_key, user_key, '[]', '[]'"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:account_keys AS text[]), CAST(:user_keys AS text[]))"
    " AS new (id, account_key, user_key)"
)
_ANNOUNCE = text("SELECT pg_notify(:channel, id::text) FROM unnest(CAST(:ids AS uuid[])) AS id")
_TOKENS = text(
    "INSERT INTO tokens (connection_id, shard, generation, sealed, renewed_at, expires_at)"
    " SELECT id, shard, 1, sealed, now() - make_interval(secs => age),"
    " now() + make_interval(secs => :life - age)"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:shards AS smallint[]), CAST(:sealed AS bytea[]),"
    " CAST(:ages AS float8[])) AS new (id, shard, sealed, age)"
)


async def seed(
    database: Database, vendor: Vendor, *, key: str, count: int, life_seconds: float
) -> list[ConnectionId]:
    """So many live connections, as if their last renewals had been spread over a third of a life.

    (The vendor has just made the tokens: they live a little longer than the database says.)
    """
    vault = Vault(keys=SealingKeys([parse_key(key)]))
    tokens = await vendor.tokens_of_new_users(count)
    ids = [ConnectionId(UUID(str(uuid4()))) for _ in tokens]
    async with database.transaction() as tx:
        await tx.execute(
            _CONNECTIONS,
            {
                "ids": ids,
                "account_keys": [token["accountKey"] for token in tokens],
                "user_keys": [token["userKey"] for token in tokens],
            },
        )
        await tx.execute(
            _TOKENS,
            {
                "ids": ids,
                "shards": [shard_of(one) for one in ids],
                "sealed": [
                    vault.seal(one, f"IBSSO {token['token']}")
                    for one, token in zip(ids, tokens, strict=True)
                ],
                "ages": [random.uniform(0, life_seconds / 3) for _ in ids],
                "life": life_seconds,
            },
        )
        await tx.execute(_ANNOUNCE, {"channel": CHANNEL, "ids": ids})
    return ids
