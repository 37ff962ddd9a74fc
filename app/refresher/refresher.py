"""The refresher: renews every live token of its share at half of its life, from memory."""

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any

import structlog

from app.clock import Clock
from app.connections.live import LiveTokens
from app.connections.vault import Vault
from app.errors import DatabaseUnavailable
from app.infobip.oauth import OAuth
from app.models.identifiers import ConnectionId, ReplicaId
from app.refresher.ceiling import Ceiling
from app.refresher.custody import Custody
from app.refresher.intake import Intake
from app.refresher.ledger import Ledger
from app.refresher.pace import Pace
from app.refresher.renewals import Renewals
from app.refresher.shares import Shares
from app.refresher.stats import Stats
from app.refresher.status import RefresherStatus
from app.refresher.timings import lease_seconds
from app.store.announcements import Changed, SharesFreed, refresher_news
from app.store.database import Database

log = structlog.get_logger(__name__)

_POLL_EVERY_SECONDS = 5.0
_POLL_UNHEARD_EVERY_SECONDS = 1.0  # where nothing is announced
_POLL_WINDOW_SECONDS = 20.0
_OVERDUE_AFTER_SECONDS = 10.0

# All of it has to fit into the ten seconds that a process has to end.
_FINISH_WITHIN_SECONDS = 3.5
_CANCEL_WITHIN_SECONDS = 0.5
_WRITE_WITHIN_SECONDS = 1.5


class Refresher:
    """One per process. Several at once share the connections by leases (see `Shares`).

    `rate_per_second` is what the operator allows the whole deployment.
    """

    def __init__(
        self,
        *,
        replica: ReplicaId,
        database: Database,
        oauth: OAuth,
        vault: Vault,
        live: LiveTokens,
        clock: Clock,
        life_seconds: float,
        max_in_flight: int,
        rate_per_second: float | None = None,
    ) -> None:
        self.stats = Stats(life_seconds=life_seconds)
        self._database = database
        self._live = live
        self._clock = clock
        self._pace = Pace(life_seconds=life_seconds, now=clock.monotonic())
        self._shares = Shares(
            replica=replica,
            database=database,
            clock=clock,
            lease_seconds=lease_seconds(life_seconds),
            report=lambda: self.status().report,
        )
        self._ledger = Ledger(
            database=database,
            vault=vault,
            clock=clock,
            stats=self.stats,
            on_overtaken=self._were_overtaken,
        )
        self._renewals = Renewals(
            oauth=oauth,
            live=live,
            ledger=self._ledger,
            shares=self._shares,
            pace=self._pace,
            stats=self.stats,
            clock=clock,
            max_in_flight=max_in_flight,
        )
        self._intake = Intake(
            database=database,
            vault=vault,
            live=live,
            shares=self._shares,
            clock=clock,
            stats=self.stats,
            on_new=self._renewals.schedule,
        )
        self._custody = Custody(
            shares=self._shares,
            intake=self._intake,
            live=live,
            ledger=self._ledger,
            renewals=self._renewals,
            stats=self.stats,
            clock=clock,
        )
        self._ceiling = Ceiling(
            rate_per_second=rate_per_second,
            pace=self._pace,
            renewals=self._renewals,
            live=live,
            shares=self._shares,
            database=database,
            clock=clock,
        )
        self._look_at_requests = asyncio.Event()
        self._to_look_at: asyncio.Queue[Collection[ConnectionId]] = asyncio.Queue()
        self._overtaken: set[ConnectionId] = set()

    def status(self) -> RefresherStatus:
        """How it is doing at this moment."""
        now = self._clock.monotonic()
        return RefresherStatus(
            replica=self._shares.replica,
            live=len(self._live),
            shards=len(self._shares.held()),
            replicas=self._shares.crowd.replicas,
            in_flight=self._renewals.in_flight,
            waiting=self._renewals.waiting,
            unwritten=len(self._ledger),
            database_away_seconds=self._shares.away_seconds,
            least_seconds_left=self.stats.least_seconds_left.read(now=now),
            rate_ceiling=self._pace.rate,
            capacity=self._pace.capacity(),
        )

    async def renew_now(self, connection_id: ConnectionId, *, newer_than: int) -> bool:
        """See `Renewals.renew_now`."""
        return await self._renewals.renew_now(connection_id, newer_than=newer_than)

    async def run(self, stop: asyncio.Event) -> None:
        """Renew until told to stop, then finish what is under way, write it down, let go.

        Raises what killed a side task: a refresher that is half alive must not look alive.
        """
        starter = asyncio.create_task(self._renewals.run())
        duties: list[Coroutine[Any, Any, Any]] = [
            self._custody.keep_leases(),
            self._custody.settle_changes(),
            self._custody.hand_over_surplus(),
            self._follow_announcements(),
            self._poll(),
            self._look_again(),
            self._serve_requests(),
            self._keep_to_ceiling(),
            self._ledger.run(),
        ]
        beside = [asyncio.create_task(duty) for duty in duties]
        stopped = asyncio.create_task(stop.wait())
        broken = self._renewals.broken
        try:
            ends: list[asyncio.Future[Any]] = [stopped, starter, broken, *beside]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._finish(starter, [stopped, *beside])
        for task in (starter, broken, *beside):
            if task.done() and not task.cancelled():
                task.result()

    async def _keep_to_ceiling(self) -> None:
        while True:
            with suppress(DatabaseUnavailable):
                await self._ceiling.look()
            await asyncio.sleep(self._shares.look_every_seconds)

    # --- what others did ------------------------------------------------------------------

    async def _follow_announcements(self) -> None:
        while True:
            try:
                async for news in refresher_news(self._database):
                    if isinstance(news, Changed):
                        self._to_look_at.put_nowait([news.connection_id])
                    elif isinstance(news, SharesFreed):
                        self._custody.look()
                    else:
                        self._look_at_requests.set()
            except DatabaseUnavailable:
                await asyncio.sleep(_POLL_EVERY_SECONDS)

    async def _poll(self) -> None:
        """What announcements missed, and connections that nobody could keep alive."""
        every = _POLL_EVERY_SECONDS if self._database.hears else _POLL_UNHEARD_EVERY_SECONDS
        while True:
            await asyncio.sleep(every)
            self._look_at_requests.set()
            with suppress(DatabaseUnavailable):
                changed = await self._intake.changed(within_seconds=_POLL_WINDOW_SECONDS)
                self._to_look_at.put_nowait(changed)
                await self._intake.lose_overdue(
                    self._shares.held(), by_seconds=_OVERDUE_AFTER_SECONDS
                )

    def _were_overtaken(self, ids: Collection[ConnectionId]) -> None:
        self._overtaken.update(ids)
        self._to_look_at.put_nowait(ids)

    async def _look_again(self) -> None:
        while True:
            ids = set(await self._to_look_at.get())
            while not self._to_look_at.empty():
                ids.update(self._to_look_at.get_nowait())
            overtaken, self._overtaken = self._overtaken, set()
            try:
                await self._intake.look_again(ids, overtaken=overtaken)
            except DatabaseUnavailable:
                self._were_overtaken(overtaken)
                self._to_look_at.put_nowait(ids)
                await asyncio.sleep(_POLL_EVERY_SECONDS)

    async def _serve_requests(self) -> None:
        """Renew what others want renewed; they see it in the database."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._look_at_requests.wait()
                self._look_at_requests.clear()
                with suppress(DatabaseUnavailable):
                    for wanted in await self._intake.requests():
                        renewal = self.renew_now(wanted.connection_id, newer_than=wanted.generation)
                        group.create_task(renewal)

    # --- the end --------------------------------------------------------------------------

    async def _finish(
        self, starter: asyncio.Task[None], beside: Collection[asyncio.Task[Any]]
    ) -> None:
        """Leases and ledger go on until the last renewal has ended, or may be given up."""
        starter.cancel()
        await self._renewals.end(within_seconds=_FINISH_WITHIN_SECONDS)
        for task in beside:
            task.cancel()
        await asyncio.wait([starter, *beside], timeout=_CANCEL_WITHIN_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(_WRITE_WITHIN_SECONDS):
                while len(self._ledger) and await self._ledger.write_once():
                    pass
        if len(self._ledger):
            log.error("not_all_written", waiting=len(self._ledger))
        await self._shares.release()
