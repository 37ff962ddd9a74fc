"""The refresher: renews every live token of its share at half of its life, from memory."""

import asyncio
import random
from collections.abc import Collection, Coroutine
from typing import Any

import structlog

from app.clock import Clock
from app.connections.live import LiveToken, LiveTokens
from app.connections.vault import Vault
from app.errors import DatabaseUnavailable
from app.infobip.answers import Token
from app.infobip.errors import GrantRefused, InfobipError, Throttled, Unintelligible
from app.infobip.oauth import OAuth
from app.models.connection import LossCause
from app.models.identifiers import ConnectionId, Shard
from app.models.token import Loss
from app.refresher.intake import Intake
from app.refresher.ledger import Ledger
from app.refresher.shares import RENEW_LEASE_EVERY_SECONDS, Shares
from app.refresher.timetable import TICK_SECONDS, Timetable
from app.refresher.timings import attempt_timeout, is_over, renewal_due, retry_due
from app.store.announcements import announced_connections
from app.store.database import Database

log = structlog.get_logger(__name__)

_POLL_EVERY_SECONDS = 5.0
_POLL_WINDOW_SECONDS = 20.0
_FINISH_WITHIN_SECONDS = 6.0
_WRITE_WITHIN_SECONDS = 2.0


class Refresher:
    """One per process. Several at once share the connections by leases (see `Shares`)."""

    def __init__(
        self,
        *,
        database: Database,
        oauth: OAuth,
        vault: Vault,
        live: LiveTokens,
        shares: Shares,
        clock: Clock,
        max_in_flight: int,
    ) -> None:
        self._database = database
        self._oauth = oauth
        self._live = live
        self._shares = shares
        self._clock = clock
        self._timetable = Timetable(now=clock.monotonic())
        self._ledger = Ledger(
            database=database, vault=vault, clock=clock, on_overtaken=self._look_again_at
        )
        self._intake = Intake(
            database=database, vault=vault, live=live, shares=shares, on_new=self._schedule
        )
        self._free_places = asyncio.Semaphore(max_in_flight)
        self._renewals: set[asyncio.Task[None]] = set()
        self._to_load: asyncio.Queue[frozenset[Shard]] = asyncio.Queue()
        self._to_look_at: asyncio.Queue[Collection[ConnectionId]] = asyncio.Queue()

    async def run(self, stop: asyncio.Event) -> None:
        """Renew until told to stop, then finish what is under way, write it down, let go.

        Raises what killed a side task: a refresher that is half alive must not look alive.
        """
        duties: list[Coroutine[Any, Any, Any]] = [
            self._keep_leases(),
            self._load_gained(),
            self._follow_announcements(),
            self._poll_changes(),
            self._look_again(),
            self._renew_when_due(),
            self._ledger.run(),
        ]
        tasks = [asyncio.create_task(duty) for duty in (stop.wait(), *duties)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._finish()

    # --- when -----------------------------------------------------------------------------

    async def _renew_when_due(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if not self._shares.may_renew():
                continue
            for token in self._timetable.take_due(self._clock.monotonic()):
                await self._free_places.acquire()
                if self._is_current(token):
                    self._start(token)
                else:
                    self._free_places.release()

    def _start(self, token: LiveToken) -> None:
        task = asyncio.create_task(self._renew(token))
        self._renewals.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._renewals.discard(task)
        self._free_places.release()

    def _schedule(self, token: LiveToken) -> None:
        due = renewal_due(
            sent=token.sent,
            expires=token.expires,
            now=self._clock.monotonic(),
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
        self._timetable.add(due, token)

    # --- one renewal ----------------------------------------------------------------------

    async def _renew(self, token: LiveToken) -> None:
        """Claim, call, settle; and settle only if the token is still the connection's."""
        sent = self._clock.monotonic()
        if sent >= token.expires:
            self._lose(token, LossCause.NOT_RENEWED)
            return
        timeout = attempt_timeout(sent=token.sent, expires=token.expires, now=sent)
        try:
            renewed = await self._oauth.refresh(token.authorization, timeout_seconds=timeout)
        except InfobipError as error:
            if self._is_current(token):
                self._settle_failure(token, error)
        except Exception:  # a mistake of ours must not cost a person their connection
            log.exception("renewal_crashed", connection_id=str(token.connection_id))
            if self._is_current(token):
                self._settle_failure(token, Unintelligible("our own mistake", status=0))
        else:
            if self._is_current(token):
                self._settle(token, renewed, sent=sent)

    def _settle(self, token: LiveToken, renewed: Token, *, sent: float) -> None:
        """Life counts from when the request was sent: that is the earliest it can begin."""
        token.authorization = renewed.authorization
        token.generation += 1
        token.sent, token.expires = sent, sent + renewed.life_seconds
        token.failures = 0
        self._ledger.renewed(token)
        self._schedule(token)

    def _settle_failure(self, token: LiveToken, error: InfobipError) -> None:
        """Only a refusal of the token ends it before its time."""
        now = self._clock.monotonic()
        if isinstance(error, GrantRefused) or is_over(expires=token.expires, now=now):
            self._lose(token, LossCause(error.reason))
            return
        token.failures += 1
        if token.failures == 1:
            log.info(
                "renewal_failed",
                connection_id=str(token.connection_id),
                reason=error.reason,
                error=str(error),
                seconds_left=round(token.expires - now, 1),
            )
        due = retry_due(
            sent=token.sent,
            expires=token.expires,
            now=now,
            failures=token.failures,
            retry_after=error.retry_after_seconds if isinstance(error, Throttled) else None,
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
        self._timetable.add(due, token)

    def _lose(self, token: LiveToken, cause: LossCause) -> None:
        self._live.discard(token.connection_id)
        self._ledger.lost(Loss(token.connection_id, token.generation, cause))

    def _is_current(self, token: LiveToken) -> bool:
        """False once somebody reconnected, disconnected or took over the connection."""
        return self._live.get(token.connection_id) is token

    # --- what others did ------------------------------------------------------------------

    async def _keep_leases(self) -> None:
        while True:
            change = await self._shares.hold()
            if change.gone:
                self._live.discard_shards(change.gone)
            if change.gained:
                self._to_load.put_nowait(change.gained)
            await asyncio.sleep(RENEW_LEASE_EVERY_SECONDS)

    async def _load_gained(self) -> None:
        """Beside the lease keeper: a long load must not cost us the leases."""
        while True:
            shards = await self._to_load.get()
            try:
                await self._intake.load_shards(shards)
            except DatabaseUnavailable:
                log.warning("shards_not_loaded", reason="database_unavailable")
                self._shares.forget(shards)

    async def _follow_announcements(self) -> None:
        while True:
            try:
                async for connection_id in announced_connections(self._database):
                    self._look_again_at([connection_id])
            except DatabaseUnavailable:
                await asyncio.sleep(_POLL_EVERY_SECONDS)

    async def _poll_changes(self) -> None:
        while True:
            await asyncio.sleep(_POLL_EVERY_SECONDS)
            try:
                await self._intake.look_at_changes(within_seconds=_POLL_WINDOW_SECONDS)
            except DatabaseUnavailable:
                continue

    def _look_again_at(self, ids: Collection[ConnectionId]) -> None:
        self._to_look_at.put_nowait(ids)

    async def _look_again(self) -> None:
        while True:
            ids = set(await self._to_look_at.get())
            while not self._to_look_at.empty():
                ids.update(self._to_look_at.get_nowait())
            try:
                await self._intake.look_again(ids)
            except DatabaseUnavailable:
                log.info("announcement_left_to_the_poll", connections=len(ids))

    # --- the end --------------------------------------------------------------------------

    async def _finish(self) -> None:
        if self._renewals:
            await asyncio.wait(self._renewals, timeout=_FINISH_WITHIN_SECONDS)
        try:
            async with asyncio.timeout(_WRITE_WITHIN_SECONDS):
                while len(self._ledger) and await self._ledger.write_once():
                    pass
                await self._shares.release()
        except TimeoutError:
            log.error("not_all_written", waiting=len(self._ledger))
