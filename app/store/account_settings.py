"""The settings of accounts. Versions are only ever added, so that nobody overwrites unseen."""

from typing import Any

from sqlalchemy import BigInteger, Row, any_, bindparam, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from app.models.account_settings import Expected, SettingsVersion
from app.store.tables import account_settings

SETTINGS = "hearth_settings"
"""Where the keys of accounts whose settings were saved are told (LISTEN/NOTIFY)."""

VERSIONS_KEPT = 20

# Whoever comes second with the same version waits at the primary key and then adds nothing.
_PUT = text(
    f"""
    WITH latest AS (
        SELECT coalesce(max(version), 0) AS version
        FROM account_settings WHERE account_key = :account_key
    ), saved AS (
        INSERT INTO account_settings (account_key, version, document, saved_by, username)
        SELECT :account_key, version + 1, :document, :saved_by, :username
        FROM latest
        WHERE version = ANY(:expected) OR (:any_saved AND version > 0)
        ON CONFLICT DO NOTHING
        RETURNING account_key, version, document, saved_at, saved_by, username
    ), forgotten AS (
        DELETE FROM account_settings
        WHERE account_key = :account_key
            AND version <= (SELECT version FROM saved) - {VERSIONS_KEPT}
    )
    SELECT saved.*, pg_notify('{SETTINGS}', account_key) FROM saved
    """  # noqa: S608 - constants of ours
).bindparams(
    bindparam("account_key", type_=TEXT),
    bindparam("document", type_=TEXT),
    bindparam("saved_by", type_=TEXT),
    bindparam("username", type_=TEXT),
    bindparam("expected", type_=ARRAY(BigInteger)),
)


class AccountSettingsStore:
    """The table `account_settings`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def put(self, wanted: SettingsVersion, *, expected: Expected) -> SettingsVersion | None:
        """Save as the next version, if the last one is one of those expected."""
        values = {
            "account_key": wanted.account_key,
            "document": wanted.document,
            "saved_by": wanted.saved_by,
            "username": wanted.username,
            "expected": list(expected.versions),
            "any_saved": expected.any_saved,
        }
        row = (await self._tx.execute(_PUT, values)).one_or_none()
        return _version(row) if row else None

    async def latest(self, account_key: str) -> SettingsVersion | None:
        """What was saved last."""
        return next(iter(await self.list_newest(account_key, limit=1)), None)

    async def list_newest(self, account_key: str, *, limit: int) -> list[SettingsVersion]:
        """The newest first, as far back as they are kept."""
        statement = (
            select(account_settings)
            .where(account_settings.c.account_key == account_key)
            .order_by(account_settings.c.version.desc())
            .limit(limit)
        )
        return [_version(row) for row in await self._tx.execute(statement)]

    async def latest_versions(self, account_keys: list[str]) -> dict[str, int]:
        """The last version's number of each of these accounts that has any."""
        statement = (
            select(account_settings.c.account_key, func.max(account_settings.c.version))
            .where(account_settings.c.account_key == any_(literal(account_keys, ARRAY(TEXT))))
            .group_by(account_settings.c.account_key)
        )
        return {row[0]: row[1] for row in await self._tx.execute(statement)}


def _version(row: Row[Any]) -> SettingsVersion:
    return SettingsVersion(
        account_key=row.account_key,
        version=row.version,
        document=row.document,
        saved_at=row.saved_at,
        saved_by=row.saved_by,
        username=row.username,
    )
