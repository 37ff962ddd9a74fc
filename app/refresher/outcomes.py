"""What becomes of a token after an attempt to renew it: it is new, tried again, or lost."""

import random
from collections.abc import Callable

import structlog

from app.clock import Clock
from app.connections.live import LiveToken, LiveTokens
from app.infobip.answers import Token
from app.infobip.errors import GrantRefused, InfobipError, Throttled
from app.models.connection import LossCause
from app.models.token import Loss
from app.refresher.attempts import Attempt, Attempts
from app.refresher.ledger import Ledger
from app.refresher.pace import Pace
from app.refresher.stats import Stats
from app.refresher.timetable import Timetable
from app.refresher.timings import is_over, renewal_due, retry_due

log = structlog.get_logger(__name__)


class Outcomes:
    """Settles attempts, whether waited for or given up; and enters what comes next in the
    timetable. `tell` is told of tokens for which something is settled."""

    def __init__(
        self,
        *,
        live: LiveTokens,
        ledger: Ledger,
        pace: Pace,
        stats: Stats,
        clock: Clock,
        attempts: Attempts,
        timetable: Timetable,
        tell: Callable[[LiveToken], None],
    ) -> None:
        self._live = live
        self._ledger = ledger
        self._pace = pace
        self._stats = stats
        self._clock = clock
        self._attempts = attempts
        self._timetable = timetable
        self._tell = tell

    def schedule(self, token: LiveToken) -> None:
        """Renew it at half of its life."""
        due = renewal_due(
            sent=token.sent,
            expires=token.expires,
            now=self._clock.monotonic(),
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
        self._timetable.add(due, token)

    def settle(self, attempt: Attempt, outcome: Token | InfobipError) -> None:
        """What comes of an attempt that has ended."""
        if not isinstance(outcome, InfobipError):
            self._granted(attempt, outcome)
        elif attempt.is_given_up:
            self._came_to_nothing(attempt)
        else:
            self.failed(attempt, outcome)

    def _granted(self, attempt: Attempt, renewed: Token) -> None:
        """Life counts from when the request was sent: that is the earliest it can begin."""
        self._pace.answered(throttled=False)
        self._stats.renewals += 1
        if not attempt.is_of_use:
            return
        token = self._token_of(attempt)
        if token is None:
            self._granted_to_others(attempt, renewed)
            return
        if token.failures:
            self._ledger.retried(token, token.failures, token.trouble)
            token.failures, token.trouble = 0, None
        token.authorization = renewed.authorization
        token.generation += 1
        token.sent, token.life = attempt.sent, renewed.life_seconds
        self._ledger.renewed(token)
        if not self._attempts.awaits(token):  # else its end is followed by this
            self.schedule(token)
        self._tell(token)

    def failed(self, attempt: Attempt, error: InfobipError) -> None:
        """Try again while it lives: only a refusal of the token ends it before its time."""
        self._stats.failures[error.reason] += 1
        if isinstance(error, Throttled):
            self._pace.answered(throttled=True)
        token = attempt.token
        is_here = self._live.has(token)
        if not is_here or attempt.generation != token.generation:
            if is_here:  # one that was given up has been granted
                self.schedule(token)
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
        if isinstance(error, GrantRefused) and self._attempts.listens_for(token):
            due = token.expires  # one that was given up may have been granted, and may bring it yet
        elif isinstance(error, GrantRefused) or is_over(expires=token.expires, now=due):
            self.lose(token, LossCause(error.reason))
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

    def _came_to_nothing(self, attempt: Attempt) -> None:
        """If a later one was refused meanwhile, there is no hope left."""
        token = self._token_of(attempt)
        if token and token.trouble == GrantRefused.reason and not self._attempts.has(token):
            self.lose(token, LossCause.REFUSED)

    def _token_of(self, attempt: Attempt) -> LiveToken | None:
        """The token as it is here: the same may have been handed over and come back as another
        object."""
        if self._live.has(attempt.token):
            return attempt.token
        token = self._live.get(attempt.token.connection_id)
        return token if token and token.generation == attempt.generation else None

    def lose(self, token: LiveToken, cause: LossCause) -> None:
        self._live.discard(token.connection_id)
        attempts = token.failures or None
        self._ledger.lost(Loss(token.connection_id, token.generation, cause, attempts))
        self._tell(token)

    def _granted_to_others(self, attempt: Attempt, renewed: Token) -> None:
        """The connection is somebody else's by now, but this may be its only live token. Writing it
        is safe: whoever has come further is not overwritten."""
        token = attempt.token
        self._ledger.renewed(
            LiveToken(
                token.key,
                attempt.generation + 1,
                renewed.authorization,
                attempt.sent,
                renewed.life_seconds,
            )
        )
        self._tell(token)
