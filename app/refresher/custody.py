"""Taking shards over, keeping them, and handing them on, with the tokens that belong to them."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

import structlog

from app.clock import Clock
from app.connections.live import LiveToken, LiveTokens
from app.errors import DatabaseUnavailable
from app.models.identifiers import Shard
from app.refresher.intake import Intake
from app.refresher.ledger import Ledger
from app.refresher.renewals import Renewals
from app.refresher.shares import Change, Shares
from app.refresher.stats import Stats

log = structlog.get_logger(__name__)

_LOOK_AGAIN_SECONDS = 0.1
_HAND_OVER_WITHIN_SECONDS = 10.0


class Custody:
    """No token goes before the database has it, whoever takes it on from there."""

    def __init__(
        self,
        *,
        shares: Shares,
        intake: Intake,
        live: LiveTokens,
        ledger: Ledger,
        renewals: Renewals,
        stats: Stats,
        clock: Clock,
    ) -> None:
        self._shares = shares
        self._intake = intake
        self._live = live
        self._ledger = ledger
        self._renewals = renewals
        self._stats = stats
        self._clock = clock
        self._look = asyncio.Event()
        self._to_settle: asyncio.Queue[tuple[Change, list[LiveToken]]] = asyncio.Queue()
        self._to_hand_over: asyncio.Queue[frozenset[Shard]] = asyncio.Queue()

    def look(self) -> None:
        """Shards were freed: do not wait for the next look."""
        self._look.set()

    async def keep_leases(self) -> None:
        while True:
            change = await self._shares.hold()
            self._stats.shards_gained += len(change.gained)
            self._stats.shards_gone += len(change.gone)
            taken_out = self._live.take_out(change.gone) if change.gone else []
            if change.gained or change.gone or change.back:
                self._to_settle.put_nowait((change, taken_out))
            if change.surplus:
                self._to_hand_over.put_nowait(change.surplus)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), self._shares.look_every_seconds)
            self._look.clear()

    async def settle_changes(self) -> None:
        """Beside the lease keeper: a long load must not cost us the leases."""
        while True:
            change, taken_out = await self._to_settle.get()
            try:
                known = [*taken_out, *(self._live if change.back else ())]
                newer = await self._intake.newer_here(known)
                still_ours = [one for one in change.gained if self._shares.holds(one)]
                self._keep(newer, ours=still_ours)
                if change.gained:
                    await self._intake.load_shards(change.gained)
            except DatabaseUnavailable:
                log.warning("shards_not_loaded", reason="database_unavailable")
                self._shares.forget(change.gained)
                self._keep(taken_out, ours=change.gained)

    async def hand_over_surplus(self) -> None:
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
                self._live.take_out(shards)
                self._stats.shards_gone += len(shards)

    def _keep(self, newer: Sequence[LiveToken], *, ours: Collection[Shard]) -> None:
        """Have it written; and go on renewing it, if it was taken out and is ours after all.

        So nothing is lost that was renewed while we were cut off, or before the database came
        back as an older copy of itself, in which the leases may be others' as well.
        """
        for token in newer:
            self._ledger.renewed(token)
            if token.shard in ours:
                again = self._live.put_back(token)
                if again is not None:
                    self._renewals.schedule(again)
        if newer:
            log.info("tokens_newer_here", count=len(newer))

    async def _let_end(self, shards: Collection[Shard]) -> bool:
        """Whether nothing of these shards is under way or unwritten any more."""
        deadline = self._clock.monotonic() + _HAND_OVER_WITHIN_SECONDS
        while self._clock.monotonic() < deadline:
            if not (self._ledger.has_any_of(shards) or self._renewals.any_under_way(shards)):
                return True
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return False
