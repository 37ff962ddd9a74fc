"""Renewals: what is due is sent, as many at once as may be, and what comes back is settled."""

import asyncio
import random
from collections.abc import Collection

import structlog

from app.clock import Clock
from app.connections.live import LiveToken, LiveTokens
from app.infobip.answers import Token
from app.infobip.errors import GrantRefused, InfobipError, Throttled, Unintelligible
from app.infobip.oauth import OAuth
from app.models.connection import LossCause
from app.models.identifiers import ConnectionId, Shard
from app.models.token import Loss
from app.refresher.crew import Crew
from app.refresher.ledger import Ledger
from app.refresher.line import Line
from app.refresher.pace import Pace
from app.refresher.shares import Shares
from app.refresher.stats import Stats
from app.refresher.timetable import TICK_SECONDS, Timetable
from app.refresher.timings import (
    attempt_timeout,
    due_when_left_to_others,
    is_over,
    renewal_due,
    retry_due,
)

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 0.1


class Renewals:
    """All renewals of one process, and never two of one token at once, whoever wants them."""

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
        self._line = Line(pace=pace, is_current=self._is_current, lateness=stats.lateness)
        self._under_way: set[LiveToken] = set()
        self._many_under_way = max_in_flight // 2
        self._waiters: dict[ConnectionId, list[asyncio.Future[None]]] = {}
        self._crew = Crew(size=max_in_flight, take=self._take, work=self._renew)

    @property
    def broken(self) -> asyncio.Future[None]:
        """Set to what a worker died of."""
        return self._crew.broken

    @property
    def in_flight(self) -> int:
        return len(self._under_way)

    @property
    def waiting(self) -> int:
        """How many are late; others may stand in line before their time."""
        return self._line.late(self._clock.monotonic())

    async def run(self) -> None:
        """Put in line what becomes due, and have it sent."""
        looked_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if not self._shares.may_renew():
                continue
            now = self._clock.monotonic()
            paused = now - looked_at > _PAUSE_SECONDS
            for token in self._timetable.take_due(now):
                self._now_due(token, since=looked_at, paused=paused)
            looked_at = now
            self._use_room(now)
            self._pace.adjust(now, live=len(self._live), stretched=self._line.stretched(now))
            self._crew.wake(self._line.ready(now))

    def schedule(self, token: LiveToken) -> None:
        """Renew it at half of its life."""
        due = renewal_due(
            sent=token.sent,
            expires=token.expires,
            now=self._clock.monotonic(),
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
        self._timetable.add(due, token)

    async def renew_now(self, connection_id: ConnectionId, *, newer_than: int) -> bool:
        """Have the token renewed, unless it is of a later generation already; whether it is then.

        False also when the token is not ours to renew. Whoever comes while it is being renewed
        waits for the same answer; a failure is waited out until the token's life is over.
        """
        token = self._live.get(connection_id)
        if token is None:
            return False
        if token.generation > newer_than:
            return True
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(connection_id, [])
        waiters.append(told)
        try:
            if len(waiters) == 1 and token not in self._under_way:
                self._bring_forward(token)
            await asyncio.wait([told], timeout=token.life)
        finally:
            waiters.remove(told)
            if not waiters:
                self._waiters.pop(connection_id, None)
        token = self._live.get(connection_id)
        return token is not None and token.generation > newer_than

    def let_go(self, connection_id: ConnectionId) -> bool:
        """Give a connection up, so that others can live; False if it cannot be done now."""
        token = self._live.get(connection_id)
        if token is None or token in self._under_way:  # whose answer would revive it
            return False
        self._lose(token, LossCause.LET_GO)
        return True

    def any_under_way(self, shards: Collection[Shard]) -> bool:
        return any(token.shard in shards for token in self._under_way)

    async def end(self, *, within_seconds: float) -> None:
        """Begin nothing any more, and wait for what is under way."""
        await self._crew.end(within_seconds=within_seconds)

    # --- when -----------------------------------------------------------------------------

    def _now_due(self, token: LiveToken, *, since: float, paused: bool) -> None:
        if not self._is_current(token):
            return
        if paused and not token.failures:
            self.schedule(token)  # what has piled up is spread anew
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
        """Claim, call, settle; and settle only if the token is still the connection's."""
        sent = self._clock.monotonic()
        expires = token.sent + token.life
        if is_over(expires=expires, now=sent):
            # Had it not failed before, it would have been in time.
            self._lose(token, LossCause(token.trouble or LossCause.TOO_LATE))
            return
        self._stats.sent(seconds_left=expires - sent, now=sent)
        timeout = attempt_timeout(
            sent=token.sent,
            expires=expires,
            now=sent,
            patient=len(self._under_way) < self._many_under_way,
        )
        self._under_way.add(token)
        outcome: Token | InfobipError
        try:
            outcome = await self._oauth.refresh(token.authorization, timeout_seconds=timeout)
        except InfobipError as error:
            outcome = error
        except Exception:  # a mistake of ours must not cost a person their connection
            log.exception("renewal_crashed", connection_id=str(token.connection_id))
            outcome = Unintelligible("our own mistake", status=0)
        finally:
            self._under_way.discard(token)
        if isinstance(outcome, InfobipError):
            self._settle_failure(token, outcome)
        else:
            self._settle(token, outcome, sent=sent)

    def _settle(self, token: LiveToken, renewed: Token, *, sent: float) -> None:
        """Life counts from when the request was sent: that is the earliest it can begin."""
        self._pace.answered(throttled=False)
        self._stats.renewals += 1
        if not self._is_current(token):
            self._settle_for_others(token, renewed, sent=sent)
            return
        if token.failures:
            self._ledger.retried(token, token.failures, token.trouble)
            token.failures, token.trouble = 0, None
        token.authorization = renewed.authorization
        token.generation += 1
        token.sent, token.life = sent, renewed.life_seconds
        self._ledger.renewed(token)
        self.schedule(token)
        self._tell(token)

    def _settle_for_others(self, token: LiveToken, renewed: Token, *, sent: float) -> None:
        """The connection is somebody else's by now, but this may be its only live token. Writing it
        is safe: whoever has come further is not overwritten."""
        self._ledger.renewed(
            LiveToken(
                token.key,
                token.generation + 1,
                renewed.authorization,
                sent,
                renewed.life_seconds,
            )
        )
        self._tell(token)

    def _settle_failure(self, token: LiveToken, error: InfobipError) -> None:
        """Only a refusal of the token ends it before its time."""
        self._stats.failures[error.reason] += 1
        if isinstance(error, Throttled):
            self._pace.answered(throttled=True)
        if not self._is_current(token):
            self._tell(token)
            return
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
        token.trouble = error.reason
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
        attempts = token.failures or None
        self._ledger.lost(Loss(token.connection_id, token.generation, cause, attempts))
        self._tell(token)

    def _is_current(self, token: LiveToken) -> bool:
        """False once somebody reconnected, disconnected or took over the connection."""
        return self._live.has(token)

    def _tell(self, token: LiveToken) -> None:
        if not self._waiters:
            return
        for told in self._waiters.get(token.connection_id, ()):
            if not told.done():
                told.set_result(None)


def _has_failed(token: LiveToken) -> bool:
    """Such a token waits on purpose."""
    return token.failures > 0
