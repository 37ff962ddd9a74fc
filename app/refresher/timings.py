"""When to renew, how long to wait, when to try again: pure functions of a token's life.

All spans are fractions of the life, so a life of a minute and one of an hour are treated alike.
`chance` is a random number from 0 to 1 that spreads what would otherwise come at once.
"""

from app.errors import ConfigurationError

_HALF = 0.5
_SPREAD = 0.05
"""A renewal is due at half of the life, give or take a tenth of that half."""

_ATTEMPT = 0.1
"""How long one attempt may take."""

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.03
_SHORTEST_PAUSE = 1 / 240
_PAUSE_SPREAD = 0.25
_PART_OF_WHAT_IS_LEFT = 0.25
"""Pauses grow at first and shrink again towards the end, when each attempt may be the last."""

_OVERDUE_SPREAD = 0.2
"""What is past its time when we find it is spread over this part of what it has left."""

_LEFT_TO_OTHERS = 0.7
"""Where others may have taken over unseen, the stored token is theirs to renew until then. Two
whole attempts fit into what is left, and the better part of a third."""

_LEASE = 0.1
_LONGEST_LEASE_SECONDS = 6.0
_SHORTEST_LEASE_SECONDS = 1.0

_ATTEMPTS_THAT_MUST_FIT = 3
_THEIR_PAUSES = sum(
    min(_FIRST_PAUSE * 2.0**number, _LONGEST_PAUSE) * (1 + _PAUSE_SPREAD)
    for number in range(_ATTEMPTS_THAT_MUST_FIT - 1)
)
_SHORTEST_ATTEMPT_SECONDS = 0.2
_LONGEST_ATTEMPT_SECONDS = 10.0
_LONGEST_LISTENING_SECONDS = 60.0


def check_timings(life_seconds: float) -> None:
    """Raises ConfigurationError when tokens of this life cannot be kept alive."""
    if life_seconds * _ATTEMPT < _SHORTEST_ATTEMPT_SECONDS:
        shortest = _SHORTEST_ATTEMPT_SECONDS / _ATTEMPT
        raise ConfigurationError(
            f"INFOBIP_TOKEN_LIFETIME_SECONDS is {life_seconds:g}: an attempt to renew would have "
            f"less than {_SHORTEST_ATTEMPT_SECONDS:g} s. Set it to {shortest:g} or more."
        )


def renewal_due(*, sent: float, expires: float, now: float, chance: float) -> float:
    """When to renew: around half of the life; if that is past, soon, nearest expiry first."""
    due = sent + (expires - sent) * (_HALF + _SPREAD * (2 * chance - 1))
    if due > now:
        return due
    return now + max(0.0, expires - now) * _OVERDUE_SPREAD * chance


def due_when_left_to_others(*, sent: float, expires: float) -> float:
    """When to renew a token that somebody else may be renewing from the database, unseen by us."""
    return sent + (expires - sent) * _LEFT_TO_OTHERS


def listening_seconds(life_seconds: float) -> float:
    """How long an attempt may bring something that lives: as long as that would, at most a minute
    (it takes a connection that may never answer)."""
    return min(life_seconds, _LONGEST_LISTENING_SECONDS)


def lease_seconds(life_seconds: float) -> float:
    """How long a refresher that says nothing keeps its shards: short against the life, so that
    others have most of it to take over."""
    return min(max(life_seconds * _LEASE, _SHORTEST_LEASE_SECONDS), _LONGEST_LEASE_SECONDS)


def attempt_timeout(*, sent: float, expires: float, now: float) -> float:
    """How long the next attempt may take: a tenth of the life, at most ten seconds (it takes one
    of the places that shorter lives may need) and at most what is left."""
    return max(0.0, min(_attempt(expires - sent), expires - now))


def retry_due(
    *,
    sent: float,
    expires: float,
    now: float,
    failures: int,
    retry_after: float | None,
    chance: float,
) -> float:
    """When to try again after so many failures in a row.

    Whatever the pause or the server's Retry-After would be, the next attempt comes early enough
    to be a whole one, or else to have half of what is left. A Retry-After is honoured as far as
    it leaves room for three.
    """
    life = expires - sent
    left = expires - now
    pause = min(life * _FIRST_PAUSE * 2.0 ** min(failures - 1, 16), life * _LONGEST_PAUSE)
    pause = min(pause, max(left * _PART_OF_WHAT_IS_LEFT, life * _SHORTEST_PAUSE))
    pause *= 1 + _PAUSE_SPREAD * (2 * chance - 1)
    if retry_after is not None:
        wished = retry_after * (1 + _PAUSE_SPREAD * chance)
        pause = max(pause, min(wished, left - worst_case_of_three_attempts(life)))
    latest = max(left - _attempt(life), left / 2)
    return now + min(pause, latest)


def is_over(*, expires: float, now: float) -> bool:
    """Whether what is left of a life is too short for one more attempt."""
    return expires - now < _SHORTEST_ATTEMPT_SECONDS


def worst_case_of_three_attempts(life_seconds: float) -> float:
    """Seconds that three attempts take at most when each runs into its time limit."""
    return _ATTEMPTS_THAT_MUST_FIT * _attempt(life_seconds) + life_seconds * _THEIR_PAUSES


def _attempt(life_seconds: float) -> float:
    return min(life_seconds * _ATTEMPT, _LONGEST_ATTEMPT_SECONDS)
