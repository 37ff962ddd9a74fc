"""The refresher: renews every live token of its share at half of its life, from memory."""

import asyncio
import random
from collections.abc import Collection, Coroutine
from contextlib import suppress
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
from app.models.identifiers import ConnectionId, Shard, shard_of
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
_OVERDUE_AFTER_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.1
_HAND_OVER_WITHIN_SECONDS = 10.0

# All of it has to fit into the ten seconds that a process has to end.
_FINISH_WITHIN_SECONDS = 3.5
_CANCEL_WITHIN_SECONDS = 0.5
_WRITE_WITHIN_SECONDS = 1.5


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
            database=database,
            vault=vault,
            live=live,
            shares=shares,
            clock=clock,
            on_new=self._schedule,
        )
        self._free_places = asyncio.Semaphore(max_in_flight)
        self._renewals: dict[asyncio.Task[None], LiveToken] = {}
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._to_load: asyncio.Queue[frozenset[Shard]] = asyncio.Queue()
        self._to_hand_over: asyncio.Queue[frozenset[Shard]] = asyncio.Queue()
        self._to_look_at: asyncio.Queue[Collection[ConnectionId]] = asyncio.Queue()

    @property
    def shards_held(self) -> int:
        """How many shards this process renews at the moment."""
        return len(self._shares.held())

    async def run(self, stop: asyncio.Event) -> None:
        """Renew until told to stop, then finish what is under way, write it down, let go.

        Raises what killed a side task: a refresher that is half alive must not look alive.
        """
        starter = asyncio.create_task(self._renew_when_due())
        duties: list[Coroutine[Any, Any, Any]] = [
            self._keep_leases(),
            self._load_gained(),
            self._hand_over_surplus(),
            self._follow_announcements(),
            self._poll(),
            self._look_again(),
            self._ledger.run(),
        ]
        beside = [asyncio.create_task(duty) for duty in duties]
        stopped = asyncio.create_task(stop.wait())
        try:
            ends: list[asyncio.Future[Any]] = [stopped, starter, self._broken, *beside]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._finish(starter, [stopped, *beside])
        for task in (starter, self._broken, *beside):
            if task.done() and not task.cancelled():
                task.result()

    # --- when -----------------------------------------------------------------------------

    async def _renew_when_due(self) -> None:
        looked_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if not self._shares.may_renew():
                continue
            now = self._clock.monotonic()
            paused = now - looked_at > _PAUSE_SECONDS
            for token in self._timetable.take_due(now):
                if paused and self._is_current(token):
                    self._schedule(token)  # what has piled up is spread anew
                else:
                    await self._start(token)
            looked_at = self._clock.monotonic()

    async def _start(self, token: LiveToken) -> None:
        await self._free_places.acquire()
        leaving = self._shares.is_leaving(shard_of(token.connection_id))
        if self._is_current(token) and self._shares.may_renew() and not leaving:
            task = asyncio.create_task(self._renew(token))
            self._renewals[task] = token
            task.add_done_callback(self._ended)
            return
        self._free_places.release()
        if self._is_current(token):
            wait = _LOOK_AGAIN_SECONDS if leaving else 0.0
            self._timetable.add(self._clock.monotonic() + wait, token)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._renewals[task]
        self._free_places.release()
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)

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
        if is_over(expires=token.expires, now=sent):
            self._lose(token, LossCause.TOO_LATE)
            return
        timeout = attempt_timeout(sent=token.sent, expires=token.expires, now=sent)
        outcome: Token | InfobipError
        try:
            outcome = await self._oauth.refresh(token.authorization, timeout_seconds=timeout)
        except InfobipError as error:
            outcome = error
        except Exception:  # a mistake of ours must not cost a person their connection
            log.exception("renewal_crashed", connection_id=str(token.connection_id))
            outcome = Unintelligible("our own mistake", status=0)
        if not self._is_current(token):
            return
        if isinstance(outcome, InfobipError):
            self._settle_failure(token, outcome)
        else:
            self._settle(token, outcome, sent=sent)

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
        token.failures += 1
        due = retry_due(
            sent=token.sent,
            expires=token.expires,
            now=now,
            failures=token.failures,
            retry_after=error.retry_after_seconds if isinstance(error, Throttled) else None,
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
        if isinstance(error, GrantRefused) or is_over(expires=token.expires, now=due):
            self._lose(token, LossCause(error.reason))
            return
        self._timetable.add(due, token)
        if token.failures == 1:
            log.warning(
                "renewal_failed",
                connection_id=str(token.connection_id),
                reason=error.reason,
                error=str(error),
                seconds_left=round(token.expires - now, 1),
            )

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
            if change.surplus:
                self._to_hand_over.put_nowait(change.surplus)
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

    async def _hand_over_surplus(self) -> None:
        """What is under way ends and is written down first: who takes over reads it there."""
        while True:
            shards = await self._to_hand_over.get()
            self._shares.begin_leaving(shards)
            ended = await self._let_end(shards)
            try:
                await self._shares.finish_leaving(give_up=not ended)
            except (DatabaseUnavailable, TimeoutError):
                log.warning("shards_not_handed_over", reason="database_unavailable")
                continue
            if ended:
                self._live.discard_shards(shards)

    async def _let_end(self, shards: Collection[Shard]) -> bool:
        """Whether nothing of these shards is under way or unwritten any more."""
        deadline = self._clock.monotonic() + _HAND_OVER_WITHIN_SECONDS
        while self._clock.monotonic() < deadline:
            under_way = (shard_of(token.connection_id) for token in self._renewals.values())
            if not self._ledger.has_any_of(shards) and not any(one in shards for one in under_way):
                return True
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return False

    async def _follow_announcements(self) -> None:
        while True:
            try:
                async for connection_id in announced_connections(self._database):
                    self._look_again_at([connection_id])
            except DatabaseUnavailable:
                await asyncio.sleep(_POLL_EVERY_SECONDS)

    async def _poll(self) -> None:
        """What announcements missed, and connections that nobody could keep alive."""
        while True:
            await asyncio.sleep(_POLL_EVERY_SECONDS)
            with suppress(DatabaseUnavailable):
                self._look_again_at(await self._intake.changed(within_seconds=_POLL_WINDOW_SECONDS))
                await self._intake.lose_overdue(
                    self._shares.held(), by_seconds=_OVERDUE_AFTER_SECONDS
                )

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
                self._look_again_at(ids)
                await asyncio.sleep(_POLL_EVERY_SECONDS)

    # --- the end --------------------------------------------------------------------------

    async def _finish(
        self, starter: asyncio.Task[None], beside: Collection[asyncio.Task[Any]]
    ) -> None:
        """Leases and ledger go on until the last renewal has ended, or may be given up."""
        starter.cancel()
        if self._renewals:
            await asyncio.wait(self._renewals, timeout=_FINISH_WITHIN_SECONDS)
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
