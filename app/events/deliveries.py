"""Delivering events: at least once, by whichever process comes first.

Claim, call, settle: no transaction is held while the receiver thinks. A claim is a lease, so what
a process had in its hands when it died is delivered by another, perhaps for the second time.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

import structlog

from app.clock import Clock
from app.errors import DatabaseUnavailable
from app.events.receiver import Attempt, Receiver, Result
from app.events.schedule import WAITS_SECONDS, wait_after
from app.events.stats import DeliveryStats
from app.models.event import Outgoing
from app.store.database import Database
from app.store.outbox import OutboxStore

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_AT_ONCE = 8
_COUNT_EVERY_SECONDS = 10.0
_WANT_EVERY_SECONDS = 3_600.0
_WANT_FOR_SECONDS = 7 * 86_400.0
"""Events are written for a week after the last process that delivers them is gone."""
_FINISH_WITHIN_SECONDS = 2.0


class Deliveries:
    """One per process. While the receiver fails, it is asked about one event a second."""

    def __init__(
        self,
        *,
        database: Database,
        receiver: Receiver,
        clock: Clock,
        waits: Sequence[float] = WAITS_SECONDS,
    ) -> None:
        self.stats = DeliveryStats()
        self._database = database
        self._receiver = receiver
        self._clock = clock
        self._waits = waits
        self._lease_seconds = 2 * receiver.timeout_seconds + 1
        self._at_once = _AT_ONCE
        self._wanted_until = float("-inf")
        self._counted_until = float("-inf")

    async def begin(self) -> None:
        """From now on events are written, by all processes. Raises DatabaseUnavailable."""
        async with self._database.statement() as tx:
            await OutboxStore(tx).want(for_seconds=_WANT_FOR_SECONDS)
        self._wanted_until = self._clock.monotonic() + _WANT_EVERY_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop; what is under way then has two seconds to end."""
        stopped = asyncio.create_task(stop.wait())
        delivering = asyncio.create_task(self._deliver_for_ever(stop))
        try:
            await asyncio.wait({stopped, delivering}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({delivering}, timeout=_FINISH_WITHIN_SECONDS)
        finally:
            stopped.cancel()
            delivering.cancel()
        with suppress(asyncio.CancelledError):
            await delivering

    async def deliver_due(self) -> bool:
        """Claim what is due and may be under way at once, and deliver it; whether it is worth
        looking again at once. Raises DatabaseUnavailable."""
        async with self._database.statement() as tx:
            claimed = await OutboxStore(tx).claim(
                at_most=self._at_once, lease_seconds=self._lease_seconds
            )
        if not claimed:
            return False
        attempts = await asyncio.gather(*(self._deliver(outgoing) for outgoing in claimed))
        works = any(attempt.result is Result.DELIVERED for attempt in attempts)
        self._at_once = min(2 * self._at_once, _AT_ONCE) if works else 1
        return works

    async def _deliver_for_ever(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                more = await self._look()
            except DatabaseUnavailable:
                log.warning("events_not_delivered", reason="database_unavailable")
                more = False
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_EVERY_SECONDS)

    async def _look(self) -> bool:
        now = self._clock.monotonic()
        if now >= self._wanted_until:
            await self.begin()
        if now >= self._counted_until:
            async with self._database.statement() as tx:
                self.stats.backlog = await OutboxStore(tx).backlog()
            self._counted_until = now + _COUNT_EVERY_SECONDS
        return await self.deliver_due()

    async def _deliver(self, outgoing: Outgoing) -> Attempt:
        attempt = await self._receiver.deliver(outgoing)
        self.stats.attempts[attempt.result] += 1
        try:
            async with self._database.statement() as tx:
                await self._settle(OutboxStore(tx), outgoing, attempt)
        except DatabaseUnavailable:  # whatever came of it, it is sent again after the lease
            log.warning("event_not_settled", event_id=str(outgoing.id), outcome=attempt.outcome)
        return attempt

    async def _settle(self, outbox: OutboxStore, outgoing: Outgoing, attempt: Attempt) -> None:
        about = {
            "event_id": str(outgoing.id),
            "type": outgoing.event.type,
            "attempts": outgoing.attempts,
            "outcome": attempt.outcome,
        }
        if attempt.result is Result.DELIVERED:
            await outbox.delivered(outgoing, outcome=attempt.outcome)
            log.info("event_delivered", **about)
            return
        wait = None
        if attempt.result is not Result.GONE:
            wait = wait_after(
                outgoing.attempts,
                chance=random.random(),  # noqa: S311 - to spread the load
                waits=self._waits,
            )
        if wait is None:
            await outbox.give_up(outgoing, outcome=attempt.outcome)
            self.stats.given_up += 1
            log.error("event_given_up", **about)
        else:
            await outbox.postpone(outgoing, outcome=attempt.outcome, wait_seconds=wait)
            log.warning("event_postponed", **about, seconds=round(wait, 1))
