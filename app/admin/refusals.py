"""Putting on record what was refused, without letting whoever is refused fill the record.

Each kind of refusal gets an entry within a second. While it goes on, further ones say how often it
came since: after a minute, then two, four, at most an hour. So whoever tries keys all day makes
some thirty entries of it, not a million.
"""

import asyncio
from dataclasses import dataclass

import structlog

from app.clock import Clock
from app.errors import DatabaseUnavailable
from app.models.audit import Action, Deed
from app.store.audit import AuditStore
from app.store.database import Database

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """`actor` and `reason` are words of ours, of which there are few: never the caller's."""

    actor: str
    action: Action
    reason: str


@dataclass(slots=True)
class _Tally:
    """`times` since the last entry, which is `pause` seconds before the next one may come."""

    due: float
    pause: float = 0.0
    times: int = 0
    address: str = ""
    request_id: str = ""


class Refusals:
    """Noted in memory, so that a refusal costs the refused nothing but its answer."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tallies: dict[Refusal, _Tally] = {}

    def note(self, refusal: Refusal, *, address: str, request_id: str) -> None:
        """It happened just now, to a caller at `address`."""
        tally = self._tallies.setdefault(refusal, _Tally(due=self._clock.monotonic()))
        tally.times += 1
        tally.address, tally.request_id = address, request_id

    async def write_for_ever(self) -> None:
        """Write down what was noted; while the database is away it waits here."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            try:
                await self.write()
            except DatabaseUnavailable:
                log.warning("refusals_not_written", waiting=len(self._tallies))

    async def write(self, *, all_of_it: bool = False) -> None:
        """Write down what is due, or what there is. Raises DatabaseUnavailable."""
        now = self._clock.monotonic()
        self._forget_what_is_over(now)
        due = {
            refusal: tally.times
            for refusal, tally in self._tallies.items()
            if tally.times and (all_of_it or now >= tally.due)
        }
        if not due:
            return
        deeds = [_deed(refusal, self._tallies[refusal]) for refusal in due]
        async with self._database.transaction() as tx:
            await AuditStore(tx).add(*deeds)
        for refusal, times in due.items():
            tally = self._tallies[refusal]
            tally.times -= times
            tally.pause = min(max(2 * tally.pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            tally.due = now + tally.pause

    def _forget_what_is_over(self, now: float) -> None:
        """What has not come again for a pause begins anew when it comes."""
        over = [
            refusal
            for refusal, tally in self._tallies.items()
            if not tally.times and now >= tally.due
        ]
        for refusal in over:
            del self._tallies[refusal]


def _deed(refusal: Refusal, tally: _Tally) -> Deed:
    """Of several, the last one's address and request."""
    details = {
        "reason": refusal.reason,
        "times": str(tally.times),
        "address": tally.address,
        "requestId": tally.request_id,
    }
    return Deed(refusal.actor, refusal.action, None, details)
