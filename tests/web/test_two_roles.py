"""docs/audit.md: a role that serves and owns nothing can do all it has to, and no more."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from app.connections.retention import Kept, purge
from app.store.database import Database
from tests.conftest import StartHearth
from tests.support.administration import ADMIN_KEYS, add_api_key, admin
from tests.support.gateway import signed_in
from tests.support.receiver import receiving
from tests.support.servers import free_socket
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

LIFE = 4.0
DOCUMENTED = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text()
ROLE = "hearth_serves"


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """Who owns the tables, after the documented statements."""
    owner = Database(url=database_url, pool_size=2)
    found = re.search(r"```sql\n(.*?)```", DOCUMENTED, re.S)
    assert found
    async with owner.transaction() as tx:
        for statement in found[1].replace("'…'", "'a-password'").split(";"):
            if statement.strip():
                await tx.execute(text(statement))
    yield owner
    async with owner.transaction() as tx:
        await tx.execute(text(f"DROP OWNED BY {ROLE}"))
        await tx.execute(text(f"DROP ROLE {ROLE}"))
    await owner.close()


@pytest.fixture
def serving_url(owner: Database, database_url: str) -> str:
    url = make_url(database_url).set(username=ROLE, password="a-password")
    return url.render_as_string(hide_password=False)


async def test_it_serves_and_cannot_touch_the_record(
    owner: Database, serving_url: str, start_hearth: StartHearth, vendor: Vendor
) -> None:
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    async with (
        receiving(free_socket()) as receiver,
        start_hearth(
            refresher=True,
            storage={"database_url": SecretStr(serving_url)},
            web={"admin_keys": ADMIN_KEYS},
            infobip={"token_lifetime_seconds": LIFE},
            events=receiver.settings,
        ) as hearth,
    ):
        await signed_in(hearth, vendor)
        id_ = (await add_api_key(hearth)).json()["id"]
        await admin(hearth, "DELETE", f"/connections/{id_}")
        await vendor.revoke()
        await receiver.gets(
            *["connection.connected"] * 2, "connection.disconnected", "connection.lost"
        )
        database = hearth.process.database
        await purge(database, Kept(session_idle_seconds=60, audit_days=30, events_days=2))
        for forbidden in (
            "UPDATE audit SET actor = 'somebody else'",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "ALTER TABLE audit DISABLE TRIGGER ALL",
            "DROP TRIGGER audit_rows_stay ON audit",
            "DROP TABLE audit",
        ):
            with pytest.raises(
                ProgrammingError, match=r"permission denied|must be owner|append-only"
            ):
                async with database.transaction() as tx:
                    await tx.execute(text(forbidden))
        recorded = (await admin(hearth, "GET", "/audit")).json()["items"]

    assert {entry["action"] for entry in recorded} >= {"api_key_added", "disconnected"}
