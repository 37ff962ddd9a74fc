"""How fast renewals may be sent: under the operator's ceiling, and when Infobip throttles us.

Where there is no limit nothing waits. A limit makes renewals wait for their turn, nearest expiry
first, and so stretches the cadence by itself.

A 429 can mean two things, and only one of them is served by going slower: a ceiling on the rate,
or a server in trouble that turns away a part of whatever comes. To tell which, we go slower for a
moment and look whether the share of good answers rises.
"""

import math
from enum import Enum, auto

LATEST_RENEWAL = 0.9
"""So far into a life the cadence may stretch."""

_SPARE = 0.97
"""Of what a ceiling allows, a little is kept for attempts that fail."""

_ROOMY, _HEAD_START = 0.35, 0.4
_BURST_SECONDS = 0.25
_RETRIES_PER_RENEWAL = 4.0
_FEWEST_RETRIES_PER_SECOND = 10.0
_FEWEST_PER_SECOND = 1.0

_PERIOD_ANSWERS = 60
_FEWEST_ANSWERS = 20
_PERIOD_LIVES = (1 / 60, 1 / 6)
"""A period ends after so many answers, and within these parts of a life. From fewer than twenty
there is nothing to learn."""

_THROTTLED_BELOW = 0.7
_TEST_AGAIN_BELOW = 0.6
_CEILING_FROM = 1 / 3
"""Of the rise that a ceiling would explain, so much has to be seen."""

_SLOWER_BELOW, _FASTER_ABOVE = 0.92, 0.97
_SLOWER, _FASTER = 0.9, 1.05
_TEST, _COMFORTABLE = 0.7, 1.3
_IN_DANGER, _NOT_HELPED_BELOW = 0.8, 0.86
_LAST_MOMENT, _LAST_MOMENT_IN_DOUBT = 0.94, 0.7
"""From so far into its life on a token is not held back any more for Infobip's sake. While it is
in doubt whether going slower helps at all, nobody may come into danger by it."""

_LEAVE_ALONE_LIVES = 5.0


class _State(Enum):
    FREE = auto()
    TESTING = auto()
    LIMITED = auto()
    NOT_A_CEILING = auto()


class Pace:
    """All rates are renewals per second of this process. `live` is how many tokens it keeps."""

    def __init__(self, *, life_seconds: float, now: float) -> None:
        self._life = life_seconds
        self._ceiling: float | None = None
        self._learned: float | None = None
        self._state = _State.FREE
        self._state_since = now
        self._is_second_test = False
        self._before = (1.0, 0.0)
        self._good_share = 1.0
        self._all = _Allowance(now)
        self._retries = _Allowance(now)
        self._retries.limit(_FEWEST_RETRIES_PER_SECOND, now)
        self._period_since = now
        self._good = self._throttled = 0

    @property
    def rate(self) -> float | None:
        """The limit of the moment; None where there is none."""
        limits = [one for one in (self._ceiling, self._learned) if one is not None]
        return min(limits) if limits else None

    @property
    def is_throttled(self) -> bool:
        """Whether Infobip is refusing a good part of what we send."""
        return self._state is not _State.FREE

    def capacity(self) -> int | None:
        """How many connections can be kept alive under the operator's ceiling."""
        if self._ceiling is None:
            return None
        return int(self._ceiling * self._life * LATEST_RENEWAL * _SPARE)

    def head_start(self, live: int) -> float:
        """How many seconds before its time a renewal may be sent, if there is nothing else to do.

        Under a ceiling that leaves little room, those who came at the same time cannot all wait
        until half of their lives: the last of them would come too late.
        """
        if self._ceiling is None or live < _ROOMY * self._ceiling * self._life:
            return 0.0
        return _HEAD_START * self._life

    def set_ceiling(self, rate: float | None, *, now: float) -> None:
        """This process's part of what the operator allows the whole deployment."""
        self._ceiling = rate
        self._apply(now)

    def may_send(self, now: float, *, retry: bool, stretched: float) -> bool:
        """Whether one more may go now; counts it if so.

        Retries have a budget of their own. A token so far into its life that it is in danger
        matters more than to go slower for Infobip's sake, but not more than the operator's word.
        """
        if retry and self._retries.left(now) < 1.0:
            return False
        limit = self._limit(stretched)
        if limit is not None and not self._all.take(now):
            return False
        if retry:
            self._retries.take(now)
        return True

    def left(self, now: float, *, stretched: float = 0.0) -> float:
        """How many may go now, at most, where none is further into its life than that."""
        return math.inf if self._limit(stretched) is None else self._all.left(now)

    def retries_left(self, now: float) -> float:
        """How many of them may be retries."""
        return self._retries.left(now)

    def answered(self, *, throttled: bool) -> None:
        """An answer that tells of the rate: a token, or a 429."""
        if throttled:
            self._throttled += 1
        else:
            self._good += 1

    def adjust(self, now: float, *, live: int, stretched: float) -> None:
        """Learn from the period that ends, if one does.

        `stretched` is how far into its life the token is that has waited longest.
        """
        seconds, answers = now - self._period_since, self._good + self._throttled
        shortest, longest = (part * self._life for part in _PERIOD_LIVES)
        if seconds < (shortest if answers >= _PERIOD_ANSWERS else longest):
            return
        good_share = self._good / answers if answers else 1.0
        self._period_since, self._good, self._throttled = now, 0, 0
        if answers >= _FEWEST_ANSWERS:
            self._good_share += (good_share - self._good_share) / 3
            self._learn(now, good_share, answers / seconds, live=live, stretched=stretched)
        retries = _RETRIES_PER_RENEWAL * self._unhurried(live)
        self._retries.limit(max(_FEWEST_RETRIES_PER_SECOND, retries), now)
        self._apply(now)

    # --- what a period teaches ------------------------------------------------------------

    def _learn(
        self, now: float, good_share: float, rate: float, *, live: int, stretched: float
    ) -> None:
        if self._state is _State.FREE:
            if good_share < _THROTTLED_BELOW:
                just_enough = live / (self._life * LATEST_RENEWAL)
                self._test(now, good_share, rate, at=min(_COMFORTABLE * just_enough, _TEST * rate))
        elif self._state is _State.NOT_A_CEILING:
            if now - self._state_since > _LEAVE_ALONE_LIVES * self._life:
                self._enter(_State.FREE, now)
        elif self._state is _State.TESTING:
            self._judge(now, good_share, rate)
        elif stretched >= _IN_DANGER and self._good_share < _NOT_HELPED_BELOW:
            self._enter(_State.NOT_A_CEILING, now)
        elif good_share < _TEST_AGAIN_BELOW:
            self._test(now, good_share, rate, at=_TEST * rate)
        else:
            self._follow(now, good_share, unhurried=self._unhurried(live))

    def _test(self, now: float, good_share: float, rate: float, *, at: float) -> None:
        self._before = (good_share, rate)
        self._is_second_test = self._state is _State.TESTING
        self._enter(_State.TESTING, now)
        self._learned = max(at, _FEWEST_PER_SECOND)

    def _judge(self, now: float, good_share: float, rate: float) -> None:
        """Under a ceiling, the share of good answers grows as the rate falls."""
        before, rate_before = self._before
        under_a_ceiling = min(1.0, before * rate_before / max(rate, _FEWEST_PER_SECOND))
        if good_share >= before + (under_a_ceiling - before) * _CEILING_FROM:
            self._good_share = good_share
            self._enter(_State.LIMITED, now)
        elif self._is_second_test:
            self._enter(_State.NOT_A_CEILING, now)
        else:
            self._test(now, good_share, rate, at=_TEST * rate)

    def _follow(self, now: float, good_share: float, *, unhurried: float) -> None:
        assert self._learned is not None  # noqa: S101 - so it is in this state
        if good_share < _SLOWER_BELOW:
            self._learned = max(self._learned * _SLOWER, _FEWEST_PER_SECOND)
        elif good_share > _FASTER_ABOVE:
            self._learned *= _FASTER
            if self._learned > 2 * unhurried:
                self._enter(_State.FREE, now)

    def _limit(self, stretched: float) -> float | None:
        """What holds for a token so far into its life."""
        if self._ceiling is None and self._learned is None:
            return None
        helps = self._state is not _State.TESTING and self._good_share >= _NOT_HELPED_BELOW
        last_moment = _LAST_MOMENT if helps else _LAST_MOMENT_IN_DOUBT
        return self._ceiling if stretched > last_moment else self.rate

    def _enter(self, state: _State, now: float) -> None:
        self._state, self._state_since = state, now
        if state in (_State.FREE, _State.NOT_A_CEILING):
            self._learned = None

    def _unhurried(self, live: int) -> float:
        """Renewals per second when each comes at half of its life."""
        return 2 * live / self._life

    def _apply(self, now: float) -> None:
        if (rate := self.rate) is not None:
            self._all.limit(rate, now)


class _Allowance:
    """So many per second, and at once what a moment's pause has left over."""

    def __init__(self, now: float) -> None:
        self._rate = 0.0
        self._left = 1.0
        self._filled_at = now

    def limit(self, rate: float, now: float) -> None:
        self._fill(now)
        self._rate = rate

    def left(self, now: float) -> float:
        self._fill(now)
        return self._left

    def take(self, now: float) -> bool:
        if self.left(now) < 1.0:
            return False
        self._left -= 1.0
        return True

    def _fill(self, now: float) -> None:
        most = max(1.0, self._rate * _BURST_SECONDS)
        self._left = min(most, self._left + (now - self._filled_at) * self._rate)
        self._filled_at = now
