"""An operator's week, against real processes, with as many live tokens as a test can afford.

What is done here to two processes is what docs/operations.md says.
"""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.security.sealing import generate_key, key_id, parse_key
from app.store.database import Database
from app.store.sealed import SEALED_COLUMNS, SealedValues
from sandbox.config import API_KEY_CYCLES, APP_ID, CLIENT_SECRET
from tests.support.next_version import REVISION, make_next_version
from tests.support.own_postgres import OwnPostgres
from tests.support.processes import HearthProcess, hearth_process
from tests.support.seeding import seed
from tests.support.servers import free_port
from tests.support.signing_in import environment_for, sign_in_at
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

TOKENS = 200
LIFE = 20.0
ALICE, BOB = "alice-secret-of-the-tests", "bob-secret-of-the-tests"


@dataclass
class Week:
    """Two processes, one of which serves, and what they are told by their environment."""

    vendor: Vendor
    http: httpx.AsyncClient
    postgres: OwnPostgres
    database: Database
    environment: dict[str, str]
    exits: ExitStack
    folder: Path | None = None
    port: int = 0
    running: list[HearthProcess] = field(default_factory=list)
    ended: list[HearthProcess] = field(default_factory=list)

    async def run(self, *arguments: str) -> list[str]:
        """A command to its end, which has to be a good one; what it said."""
        with hearth_process(
            *arguments, environment=self.environment, folder=self.folder
        ) as process:
            assert await process.wait() == 0, "\n".join(process.lines)
        return process.lines

    async def roll(self, **changes: str) -> None:
        """New processes take the place of the old ones, once they have taken a share."""
        self.environment |= changes
        old, self.port = self.running, free_port()
        self.running = [
            self.exits.enter_context(
                hearth_process(*command, environment=self.environment, folder=self.folder)
            )
            for command in (["serve", "--port", str(self.port)], ["refresher"])
        ]
        for process in self.running:
            await process.wait_for("shards_loaded")
        for process in old:
            assert await process.end() == 0
        self.ended += old

    async def admin(
        self, path: str, *, secret: str = ALICE, method: str = "GET", body: Any = None
    ) -> httpx.Response:
        return await self.http.request(
            method,
            f"http://localhost:{self.port}/admin{path}",
            headers={"authorization": f"Bearer {secret}"},
            json=body,
        )

    async def renewed_once_more(self) -> None:
        """Wait until every live token is younger than this moment."""
        async with self.database.statement() as tx:
            now = (await tx.exec_driver_sql("SELECT now()")).scalar_one()

        async def all_are() -> bool:
            statement = text("SELECT min(renewed_at) > :now FROM tokens WHERE sealed IS NOT NULL")
            async with self.database.statement() as tx:
                return bool((await tx.execute(statement, {"now": now})).scalar_one())

        await eventually(all_are, within_seconds=4 * LIFE, because=lambda: f"lost: {self.losses()}")

    async def renewals_go_on(self) -> None:
        """For a while: a quarter of them come in an eighth of a life."""
        goal = await self.vendor.count("refreshes") + TOKENS // 4

        async def reached() -> bool:
            return await self.vendor.count("refreshes") >= goal

        await eventually(reached, within_seconds=4 * LIFE)

    async def statuses(self) -> dict[str, int]:
        async with self.database.statement() as tx:
            rows = await tx.execute(text("SELECT status, count(*) FROM connections GROUP BY 1"))
            return {row[0]: row[1] for row in rows}

    def losses(self) -> list[str]:
        """What the processes logged of connections that they called lost."""
        lines = [line for process in (*self.ended, *self.running) for line in process.lines]
        lost = {json.loads(line)["connection_id"] for line in lines if '"connection_lost"' in line}
        return [line for line in lines for one in lost if one in line]


@pytest.fixture
async def week(
    vendor: Vendor, http: httpx.AsyncClient, walkable_folder: Path
) -> AsyncIterator[Week]:
    """An empty database, and nothing that runs."""
    await vendor.configure(tokenLifetimeSeconds=LIFE)
    postgres = OwnPostgres(walkable_folder)
    url = await postgres.start()
    database = Database(url=url, pool_size=2)
    environment = await environment_for(vendor, port=1, database_url=url, life_seconds=LIFE)
    environment |= {"ADMIN_KEYS": f"alice:{ALICE}", "INFOBIP_APP_ID": APP_ID}
    try:
        with ExitStack() as exits:
            yield Week(vendor, http, postgres, database, environment, exits)
    finally:
        await database.close()
        await postgres.stop()


async def test_an_operators_week(week: Week, tmp_path: Path) -> None:
    await install(week)
    await connect_the_first_and_many_more(week)
    async with nothing_lost(week):
        await change_every_key_under_load(week)
        await upgrade_with_a_migration(week, make_next_version(tmp_path))
    await restart_the_database(week)
    await find_out_why_a_connection_is_lost(week)
    await find_out_who_disconnected_another(week)


async def install(week: Week) -> None:
    assert await week.run("migrate") == ["The database has the newest schema."]
    said = await week.run("check")
    assert said[:3] == ["Settings: ok", "Database: ok", "Infobip: ok"]
    week.environment["METRICS_PORT"] = str(free_port())
    week.environment["PUBLIC_URL"] = "http://localhost:8000"
    await roll_with_own_metrics(week)


async def roll_with_own_metrics(week: Week) -> None:
    """Only one process can have the port; a refresher says by it that it is alive."""
    port = week.environment.pop("METRICS_PORT")
    with hearth_process(
        "refresher", environment=week.environment | {"METRICS_PORT": port}
    ) as process:
        await process.wait_for("shards_loaded")
        alive = await week.http.get(f"http://127.0.0.1:{port}/healthz")
        assert alive.json() == {"status": "alive"}
        await week.roll()


async def connect_the_first_and_many_more(week: Week) -> None:
    browser, landing, _ = await sign_in_at(week.port, week.vendor, week.http)
    assert landing.status_code == 303
    assert (await browser.api("GET", "/session")).status_code == 200
    added = {"type": "apiKey", "apiKey": API_KEY_CYCLES, "label": "Cycles"}
    assert (await week.admin("/connections", method="POST", body=added)).status_code == 201
    await seed(
        week.database,
        week.vendor,
        key=week.environment["ENCRYPTION_KEYS"],
        count=TOKENS - 1,
        life_seconds=LIFE,
    )


@asynccontextmanager
async def nothing_lost(week: Week) -> AsyncIterator[None]:
    yield
    assert week.losses() == []
    assert await week.statuses() == {"active": TOKENS + 1}
    assert await week.vendor.count("exchanges") == 1


async def change_every_key_under_load(week: Week) -> None:
    old, new = week.environment["ENCRYPTION_KEYS"], generate_key()
    await week.roll(
        ENCRYPTION_KEYS=f"{old},{new}",
        ADMIN_KEYS=f"alice:{ALICE},bob:{BOB}",
    )
    for secret in (ALICE, BOB):
        assert (await week.admin("/audit", secret=secret)).status_code == 200
    client_secret = await week.vendor.change_client_secret(APP_ID)
    await week.renewed_once_more()  # nobody has told them the new one yet
    await week.roll(
        ENCRYPTION_KEYS=f"{new},{old}",
        INFOBIP_CLIENT_SECRET=f"{CLIENT_SECRET},{client_secret}",
        ADMIN_KEYS=f"bob:{BOB}",
    )
    assert (await week.admin("/audit", secret=ALICE)).status_code == 401
    for process in week.running:  # the first one gives way to the second
        assert (await process.wait_for("client_secret_refused"))["accepted"] == 2
    said = await week.run("reseal")
    assert "All is under the newest key" in said[-1]
    for column in SEALED_COLUMNS:
        async with week.database.statement() as tx:
            left = await SealedValues(tx, column).count_not_under(key_id(parse_key(new)))
        assert left == 0
    week.environment |= {"ENCRYPTION_KEYS": new, "INFOBIP_CLIENT_SECRET": client_secret}


async def upgrade_with_a_migration(week: Week, version: Path) -> None:
    """The old version works on while the schema is the next one's already."""
    week.folder = version
    await week.run("migrate")
    await week.renewals_go_on()
    await week.roll()
    async with week.database.statement() as tx:
        found = await tx.exec_driver_sql("SELECT version_num FROM alembic_version")
        assert found.scalar_one() == REVISION


async def restart_the_database(week: Week) -> None:
    await week.postgres.stop()
    for _ in range(2):
        await week.renewals_go_on()
    await week.postgres.start()
    await week.renewed_once_more()
    assert await week.statuses() == {"active": TOKENS + 1}, f"lost: {week.losses()}"


async def find_out_why_a_connection_is_lost(week: Week) -> None:
    person = await week.vendor.user()
    await week.vendor.revoke_of(person["userKey"])

    async def is_lost() -> bool:
        found = await week.admin("/connections?status=lost", secret=BOB)
        return len(found.json()["items"]) == 1

    await eventually(is_lost, within_seconds=2 * LIFE)
    (lost,) = (await week.admin("/connections?status=lost", secret=BOB)).json()["items"]
    timeline = (await week.admin(f"/connections/{lost['id']}/timeline", secret=BOB)).json()["items"]
    assert (lost["userKey"], lost["reason"]) == (person["userKey"], "refused")
    assert {each["event"] for each in timeline} >= {"connected", "lost"}


async def find_out_who_disconnected_another(week: Week) -> None:
    (ended,) = (await week.admin("/connections?limit=1&status=active", secret=BOB)).json()["items"]
    path = f"/connections/{ended['id']}"
    assert (await week.admin(path, secret=BOB, method="DELETE")).status_code == 204
    asked = f"/audit?connectionId={ended['id']}&action=disconnected"
    (entry,) = (await week.admin(asked, secret=BOB)).json()["items"]
    assert (entry["actor"], entry["connectionId"]) == ("bob", ended["id"])
