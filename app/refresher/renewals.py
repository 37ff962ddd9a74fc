"""Renewals: what is due is sent, as many at once as may be, and what comes back is settled."""

import asyncio
from collections.abc import Collection

import structlog

from app.clock import Clock
from app.connections.live import LiveToken, LiveTokens
from app.infobip.answers import Token
from app.infobip.errors import InfobipError, TimedOut, Unintelligible
from app.infobip.oauth import OAuth
from app.models.connection import LossCause
from app.models.identifiers import ConnectionId, Shard
from app.refresher.attempts import Attempt, Attempts
from app.refresher.crew import Crew
from app.refresher.ledger import Ledger
from app.refresher.line import Line
from app.refresher.outcomes import Outcomes
from app.refresher.pace import Pace
from app.refresher.shares import Shares
from app.refresher.stats import Stats
from app.refresher.timetable import TICK_SECONDS, Timetable
from app.refresher.timings import (
    attempt_timeout,
    due_when_left_to_others,
    is_over,
    listening_seconds,
)

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.1


class Renewals:
    """All renewals of one process. Whoever wants one, never two of one token are waited for."""

    def __init__(
        self,
        *,
        oauth: OAuth,
        live: LiveTokens,
        ledger: Ledger,
        shares: Shares,
        pace: Pace,
        stats: Stats,
        clock: Clock,
        max_in_flight: int,
    ) -> None:
        self._oauth = oauth
        self._live = live
        self._ledger = ledger
        self._shares = shares
        self._pace = pace
        self._stats = stats
        self._clock = clock
        self._timetable = Timetable(now=clock.monotonic())
        self._line = Line(pace=pace, is_current=live.has, lateness=stats.lateness)
        self._attempts = Attempts()
        self._max_in_flight = max_in_flight
        self._waiters: dict[ConnectionId, set[asyncio.Future[None]]] = {}
        self._outcomes = Outcomes(
            live=live,
            ledger=ledger,
            pace=pace,
            stats=stats,
            clock=clock,
            attempts=self._attempts,
            timetable=self._timetable,
            tell=self._tell,
        )
        self._crew = Crew(size=max_in_flight, take=self._take, work=self._renew)

    @property
    def broken(self) -> asyncio.Future[None]:
        """Set to what a worker died of."""
        return self._crew.broken

    @property
    def in_flight(self) -> int:
        return len(self._attempts)

    @property
    def waiting(self) -> int:
        """How many are late; others may stand in line before their time."""
        return self._line.late(self._clock.monotonic())

    async def run(self) -> None:
        """Put in line what becomes due, and have it sent."""
        looked_at = now = self._clock.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._give_up(overdue_by=now)
            now = self._clock.monotonic()
            if not self._shares.may_renew():
                continue
            paused = now - looked_at > _PAUSE_SECONDS
            for token in self._timetable.take_due(now):
                self._now_due(token, since=looked_at, paused=paused)
            looked_at = now
            self._use_room(now)
            self._pace.adjust(now, live=len(self._live), stretched=self._line.stretched(now))
            self._crew.wake(self._line.ready(now))

    def schedule(self, token: LiveToken) -> None:
        """Renew what has come at half of its life."""
        self._outcomes.schedule(token)
        self._tell(token)

    async def renew_now(self, connection_id: ConnectionId, *, newer_than: int) -> bool:
        """Have the token renewed, unless it is of a later generation already; whether it is then.

        False also when the token is not ours to renew, or older than `newer_than` here. Whoever
        comes while it is being renewed waits for the same answer; a failure is waited out until
        the token's life is over.
        """
        deadline: float | None = None
        while (token := self._live.get(connection_id)) and token.generation == newer_than:
            now = self._clock.monotonic()
            deadline = deadline or now + token.life
            if connection_id not in self._waiters and not self._attempts.awaits(token):
                self._bring_forward(token)
            if not await self._told(connection_id, within_seconds=deadline - now):
                break
        return token is not None and token.generation > newer_than

    async def _told(self, connection_id: ConnectionId, *, within_seconds: float) -> bool:
        """Wait until something is settled; whether it was."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(connection_id, set())
        waiters.add(told)
        try:
            await asyncio.wait([told], timeout=within_seconds)
        finally:
            waiters.discard(told)
            if not waiters and self._waiters.get(connection_id) is waiters:
                del self._waiters[connection_id]
        return told.done()

    def let_go(self, connection_id: ConnectionId) -> bool:
        """Give a connection up, so that others can live; False if it cannot be done now."""
        token = self._live.get(connection_id)
        if token is None or self._attempts.has(token):  # whose answer would revive it
            return False
        self._outcomes.lose(token, LossCause.LET_GO)
        return True

    def any_under_way(self, shards: Collection[Shard]) -> bool:
        return self._attempts.awaits_any_of(shards)

    async def end(self, *, within_seconds: float) -> None:
        """Begin nothing any more, and wait for what is under way."""
        await self._crew.end(within_seconds=within_seconds)

    # --- when -----------------------------------------------------------------------------

    def _now_due(self, token: LiveToken, *, since: float, paused: bool) -> None:
        if not self._live.has(token):
            return
        if paused and not token.failures:
            self._outcomes.schedule(token)  # what has piled up is spread anew
        else:
            self._line.add(token, due=since)

    def _use_room(self, now: float) -> None:
        """Put in line ahead of their time as many as the pace would let through now."""
        head_start = self._pace.head_start(len(self._live))
        if head_start and not self._line and self._pace.left(now) >= 1.0:
            ahead = self._timetable.take_ahead(now + head_start, unless=_has_failed)
            for token in ahead:
                self._line.add(token, due=now)

    def _bring_forward(self, token: LiveToken) -> None:
        if not self._line.move_up(token):
            token.appointment = None
            self._line.add(token, due=self._clock.monotonic(), at_once=True)
        self._crew.wake(1)

    def _take(self) -> LiveToken | None:
        """The next to be sent, if any may be sent now."""
        while self._shares.may_renew():
            now = self._clock.monotonic()
            token = self._line.take(now)
            if token is None:
                return None
            later = self._rather_at(token, now)
            if later is None:
                return token
            self._timetable.add(later, token)
        return None

    def _rather_at(self, token: LiveToken, now: float) -> float | None:
        """When to send it instead of now, for the sake of others who may want to renew it.

        While we are out of touch with the database and have not been alone, another may have
        taken over, and has the token that is stored there. Where the old token dies at once, one
        of us would lose it: so it is left to others for a while. What only we have is not.
        """
        if self._shares.leaving and token.shard in self._shares.leaving:
            return now + _LOOK_AGAIN_SECONDS
        if self._shares.crowd.replicas > 1 and self._is_out_of_touch():
            at = due_when_left_to_others(sent=token.sent, expires=token.expires)
            if at > now and not self._ledger.has(token):
                return at
        return None

    def _is_out_of_touch(self) -> bool:
        return self._ledger.is_behind or self._shares.away_seconds > 0

    # --- one renewal ----------------------------------------------------------------------

    async def _renew(self, token: LiveToken) -> None:
        """Claim, call, settle."""
        sent = self._clock.monotonic()
        expires = token.expires
        if is_over(expires=expires, now=sent):
            # Had it not failed before, it would have been in time.
            self._outcomes.lose(token, LossCause(token.trouble or LossCause.TOO_LATE))
            return
        self._stats.sent(seconds_left=expires - sent, now=sent)
        limit = attempt_timeout(sent=token.sent, expires=expires, now=sent)
        attempt = Attempt(token, token.generation, sent)
        if len(self._attempts) < self._max_in_flight:
            attempt.until, limit = sent + limit, listening_seconds(token.life)
        self._attempts.begin(attempt)
        outcome: Token | InfobipError
        try:
            outcome = await self._oauth.refresh(token.authorization, timeout_seconds=limit)
        except InfobipError as error:
            outcome = error
        except Exception:  # a mistake of ours must not cost a person their connection
            log.exception("renewal_crashed", connection_id=str(token.connection_id))
            outcome = Unintelligible("our own mistake", status=0)
        finally:
            self._attempts.end(attempt)
            if attempt.is_given_up:
                self._crew.size -= 1
        self._outcomes.settle(attempt, outcome)

    def _give_up(self, *, overdue_by: float) -> None:
        """Send others in the place of those that take too long, to which we go on listening.

        `overdue_by` is a tick ago: what has come meanwhile has been taken, however long this
        process stood still.
        """
        for attempt in self._attempts.give_up(overdue_by):
            self._crew.size += 1
            self._outcomes.failed(attempt, TimedOut("no answer in time"))

    def _tell(self, token: LiveToken) -> None:
        if not self._waiters:
            return
        for told in self._waiters.pop(token.connection_id, ()):
            if not told.done():
                told.set_result(None)


def _has_failed(token: LiveToken) -> bool:
    """Such a token waits on purpose."""
    return token.failures > 0
