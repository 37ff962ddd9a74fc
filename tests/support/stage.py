"""A deployment of real processes that a scenario may torment: a vendor, a Postgres, refreshers."""

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.models.identifiers import SHARD_COUNT
from app.refresher.shares import fair_share
from app.store.database import Database
from tests.support.own_postgres import OwnPostgres, own_postgres
from tests.support.processes import HearthProcess, hearth_process, sandbox_process
from tests.support.seeding import seed
from tests.support.servers import free_port
from tests.support.signing_in import environment_for
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

_SETTLES_WITHIN_LIVES = 3.0
_SLACK_SECONDS = 60.0
"""For what does not shrink with a token's life, on a machine that others use as well."""

_ROUND_TRIP_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is at stake. `lives_away` is how long a database outage lasts, `lives_of_faults`
    how long a vendor behaves badly where its behaviour alone would not end a life."""

    connections: int
    life_seconds: float
    lives_away: float = 5.0
    lives_of_faults: float = 1.0


@dataclass(eq=False, slots=True)
class Replica:
    """A refresher."""

    process: HearthProcess
    metrics_url: str


@dataclass(slots=True)
class Stage:
    """What a scenario works with."""

    size: Size
    vendor: Vendor
    postgres: OwnPostgres
    database: Database
    http: httpx.AsyncClient
    environment: dict[str, str]
    exits: AsyncExitStack
    replicas: list[Replica] = field(default_factory=list)

    @property
    def life(self) -> float:
        return self.size.life_seconds

    # --- who is there -----------------------------------------------------------------------

    async def join(self, *, database_url: str | None = None) -> Replica:
        """One more refresher, perhaps with a way of its own to the database."""
        port = free_port()
        environment = self.environment | {"METRICS_PORT": str(port)}
        if database_url is not None:
            environment["DATABASE_URL"] = database_url
        process = self.exits.enter_context(hearth_process("refresher", environment=environment))
        replica = Replica(process, f"http://127.0.0.1:{port}/metrics")
        self.replicas.append(replica)
        return replica

    async def be(self, count: int) -> None:
        """So many refreshers, with an even share each."""
        while len(self.replicas) < count:
            await self.join()
        while len(self.replicas) > count:
            await self.leave(self.replicas[-1])
        await self.until_shared_by(count)

    async def leave(self, replica: Replica) -> None:
        """Asked to end, as by a deployment."""
        self.replicas.remove(replica)
        assert await replica.process.end() == 0

    async def until_shared_by(self, count: int) -> None:
        """So many have an even share each, and nobody else has any."""
        await eventually(
            lambda: self._is_shared_by(count),
            within_seconds=self.life + _SLACK_SECONDS,
            because=f"the shards were never shared evenly by {count}",
        )

    async def _is_shared_by(self, count: int) -> bool:
        held = await self._rows(
            "SELECT count(*) FROM leases WHERE owner IS NOT NULL AND expires_at > now()"
            " GROUP BY owner"
        )
        counts = [row[0] for row in held]
        even = bool(counts) and max(counts) <= fair_share(count)
        return len(counts) == count and sum(counts) == SHARD_COUNT and even

    async def connect(self) -> None:
        """Bring the connections into the world, for those who are there to keep alive."""
        await seed(
            self.database,
            self.vendor,
            key=self.environment["ENCRYPTION_KEYS"],
            count=self.size.connections,
            life_seconds=self.life,
        )

    # --- how the connections are ------------------------------------------------------------

    async def until_settled(self) -> None:
        """Every connection that is not lost was renewed, and written down, after this moment."""
        since = (await self._rows("SELECT clock_timestamp()"))[0][0]

        async def is_settled() -> bool:
            left = await self._rows(
                "SELECT count(*) FROM connections JOIN tokens ON connection_id = id"
                " WHERE status = 'active' AND renewed_at <= :since",
                since=since,
            )
            return bool(left[0][0] == 0)

        await eventually(
            is_settled,
            within_seconds=_SETTLES_WITHIN_LIVES * self.life + _SLACK_SECONDS,
            because="some connections were neither renewed nor lost",
        )

    async def lost(self) -> int:
        """How many connections are lost at this moment, as the database knows."""
        found = await self._rows("SELECT count(*) FROM connections WHERE status <> 'active'")
        return int(found[0][0])

    async def duplicates(self) -> int:
        """Renewals that those who are there made in vain, as their metrics tell."""
        total = 0.0
        for replica in self.replicas:
            answer = (await self.http.get(replica.metrics_url)).raise_for_status()
            for family in text_string_to_metric_families(answer.text):
                total += sum(
                    sample.value
                    for sample in family.samples
                    if sample.name == "hearth_duplicate_renewals_total"
                )
        return int(total)

    async def until_renewed(self, times: float) -> None:
        """The vendor has granted so many renewals per connection from now on."""
        goal = await self.vendor.count("refreshes") + times * self.size.connections

        async def reached() -> bool:
            return await self.vendor.count("refreshes") >= goal

        await eventually(reached, within_seconds=times * self.life + _SLACK_SECONDS)

    async def _rows(self, statement: str, **values: object) -> Sequence[tuple[Any, ...]]:
        async with self.database.statement() as tx:
            return [tuple(row) for row in await tx.execute(text(statement), values)]


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """As root, Postgres runs under another account, which has to get there."""
    with tempfile.TemporaryDirectory(prefix="hearth-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@asynccontextmanager
async def stage(size: Size, *, mode: str) -> AsyncIterator[Stage]:
    """Everything but refreshers and connections; all of it is gone afterwards."""
    async with AsyncExitStack() as exits:
        folder = exits.enter_context(folder_for_all())
        url = exits.enter_context(sandbox_process(life_seconds=size.life_seconds))
        http = await exits.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=20))
        vendor = Vendor(http, url=url)
        await vendor.configure(refreshMode=mode, latencySeconds=_ROUND_TRIP_SECONDS)
        postgres, database = await exits.enter_async_context(own_postgres(folder))
        environment = await environment_for(
            vendor, port=8000, database_url=postgres.url, life_seconds=size.life_seconds
        )
        yield Stage(size, vendor, postgres, database, http, environment, exits)
