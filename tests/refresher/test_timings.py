"""When to renew and how long to wait, for every life that is allowed."""

import math
from functools import partial

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from app.errors import ConfigurationError
from app.refresher.timetable import TICK_SECONDS
from app.refresher.timings import (
    attempt_timeout,
    check_timings,
    is_over,
    renewal_due,
    retry_due,
    worst_case_of_three_attempts,
)

SHORTEST_LIFE_SECONDS = 2.0
LONGEST_LIFE_SECONDS = 86_400.0
SHORTEST_ATTEMPT_SECONDS = 0.2

every = settings(deadline=None, max_examples=100)
lives = st.floats(SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS)
chances = st.floats(0, 1)
starts = st.floats(0, 10_000_000)
failure_counts = st.integers(1, 10_000)
nearly = partial(pytest.approx, rel=1e-6, abs=1e-6)


def whole_attempt(life: float) -> float:
    """A tenth of the life, but nobody is waited for longer than ten seconds."""
    return min(life * 0.1, 10)


# --- which lives can be kept ------------------------------------------------------------------


@pytest.mark.parametrize("life", [2, 2.5, 10, 60, 3_600, LONGEST_LIFE_SECONDS])
def test_a_life_that_can_be_kept_is_accepted(life: float) -> None:
    check_timings(life)


@pytest.mark.parametrize("life", [1.99, 1, 0.1, 0, -1, -60])
def test_an_impossible_life_is_refused_with_a_sentence(life: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_timings(life)
    sentence = caught.value.detail
    assert sentence.startswith(f"INFOBIP_TOKEN_LIFETIME_SECONDS is {life:g}")
    assert sentence.endswith("Set it to 2 or more.")


@every
@given(life=st.floats(-10, 100))
def test_a_life_is_accepted_exactly_from_the_shortest_on(life: float) -> None:
    try:
        check_timings(life)
    except ConfigurationError:
        assert life < SHORTEST_LIFE_SECONDS
    else:
        assert life >= SHORTEST_LIFE_SECONDS


# --- the first attempt ------------------------------------------------------------------------


@pytest.mark.parametrize(("chance", "due"), [(0.0, 127.0), (0.5, 130.0), (1.0, 133.0)])
def test_a_minute_is_renewed_around_its_half(chance: float, due: float) -> None:
    assert renewal_due(sent=100, expires=160, now=100, chance=chance) == nearly(due)


@every
@given(life=lives, start=starts, chance=chances, age=st.floats(0, 0.449))
@example(life=SHORTEST_LIFE_SECONDS, start=0, chance=0, age=0)
@example(life=2.2, start=0, chance=0, age=0)
def test_a_renewal_is_due_at_half_of_the_life_give_or_take_a_tenth(
    life: float, start: float, chance: float, age: float
) -> None:
    expires = start + life
    due = renewal_due(sent=start, expires=expires, now=start + age * life, chance=chance)
    assert 0.45 - 1e-6 <= (due - start) / (expires - start) <= 0.55 + 1e-6


@every
@given(life=lives, chance=chances, age=st.floats(0, 2))
def test_nothing_is_due_before_now(life: float, chance: float, age: float) -> None:
    now = age * life
    assert renewal_due(sent=0, expires=life, now=now, chance=chance) >= now


@every
@given(life=lives, start=starts, chance=chances, age=st.floats(0.551, 1))
def test_what_is_overdue_is_due_soon_and_never_after_its_expiry(
    life: float, start: float, chance: float, age: float
) -> None:
    expires = start + life
    now = min(start + age * life, expires)
    due = renewal_due(sent=start, expires=expires, now=now, chance=chance)
    assert now <= due <= expires
    assert due - now <= (expires - now) * 0.2 + 1e-6


@every
@given(life=lives, chance=chances, ages=st.tuples(st.floats(0.551, 1), st.floats(0.551, 1)))
def test_what_is_overdue_comes_nearest_expiry_first(
    life: float, chance: float, ages: tuple[float, float]
) -> None:
    """After a pause everything is overdue at once; what has least time left is not put behind."""
    older, younger = max(ages) * life, min(ages) * life
    first = renewal_due(sent=-older, expires=life - older, now=0, chance=chance)
    second = renewal_due(sent=-younger, expires=life - younger, now=0, chance=chance)
    assert first <= second


@pytest.mark.parametrize("age", [61, 600])
def test_what_is_found_dead_is_due_at_once(age: float) -> None:
    assert renewal_due(sent=0, expires=60, now=age, chance=1) == age


def test_what_is_overdue_is_spread() -> None:
    dues = {renewal_due(sent=0, expires=60, now=40, chance=n / 100) for n in range(100)}
    assert len(dues) == 100


@every
@given(life=st.floats(1e-3, SHORTEST_LIFE_SECONDS), chance=chances)
def test_a_life_that_the_server_cut_short_is_not_renewed_in_a_storm(
    life: float, chance: float
) -> None:
    """A server may grant less than is configured; half of even that is left to pass."""
    due = renewal_due(sent=0, expires=life, now=0, chance=chance)
    assert 0.45 * life - 1e-9 <= due <= 0.55 * life + 1e-9


# --- an attempt's time limit ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "seconds"), [(0, 6), (30, 6), (54, 6), (56, 4), (59.5, 0.5), (60, 0), (61, 0)]
)
def test_an_attempt_may_take_a_tenth_of_the_life_or_what_is_left(
    now: float, seconds: float
) -> None:
    assert attempt_timeout(sent=0, expires=60, now=now) == nearly(seconds)


@every
@given(life=lives, start=starts, age=st.floats(0, 3))
def test_an_attempt_never_outlives_the_token(life: float, start: float, age: float) -> None:
    expires, now = start + life, start + age * life
    limit = attempt_timeout(sent=start, expires=expires, now=now)
    assert 0 <= limit <= max(0.0, expires - now) + 1e-9
    assert limit <= whole_attempt(life) + 1e-6


# --- the next attempt -------------------------------------------------------------------------


def next_attempt(
    *,
    life: float = 60,
    age: float = 30,
    failures: int = 1,
    retry_after: float | None = None,
    chance: float = 0.5,
) -> float:
    """Seconds until the next attempt."""
    due = retry_due(
        sent=0,
        expires=life,
        now=age,
        failures=failures,
        retry_after=retry_after,
        chance=chance,
    )
    return due - age


def test_pauses_grow_to_a_limit() -> None:
    pauses = [next_attempt(failures=count) for count in (1, 2, 3, 4, 100, 5_000)]
    assert pauses == nearly([1.2, 1.8, 1.8, 1.8, 1.8, 1.8])


def test_pauses_shrink_towards_the_end() -> None:
    pauses = [next_attempt(failures=9, age=age) for age in (47, 54, 56, 58)]
    assert pauses == nearly([1.8, 1.5, 1, 0.5])


def test_pauses_are_spread_by_a_quarter() -> None:
    assert next_attempt(chance=0) == nearly(1.2 * 0.75)
    assert next_attempt(chance=1) == nearly(1.2 * 1.25)


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        (None, 1.2),
        (0, 1.2),  # never sooner than we would have come anyway
        (1, 1.2),
        (4, 4.5),  # a little later, and spread, or all would come back at once
        (10, 8.25),  # as far as the life allows: three attempts have to fit
        (3_600, 8.25),
    ],
)
def test_retry_after_is_honoured_as_far_as_the_life_allows(
    retry_after: float | None, pause: float
) -> None:
    assert next_attempt(age=30, retry_after=retry_after) == nearly(pause)


@every
@given(
    life=lives,
    age=st.floats(0, 0.79),
    failures=failure_counts,
    retry_after=st.none() | st.floats(0, 3_600),
    chance=chances,
)
def test_a_retry_leaves_room_for_a_whole_attempt_while_there_is_some(
    life: float, age: float, failures: int, retry_after: float | None, chance: float
) -> None:
    now = age * life
    pause = next_attempt(
        life=life, age=now, failures=failures, retry_after=retry_after, chance=chance
    )
    assert pause > 0
    due = now + pause
    assert attempt_timeout(sent=0, expires=life, now=due) == nearly(whole_attempt(life))


@every
@given(life=lives, age=st.floats(0, 0.79), failures=failure_counts, chance=chances)
def test_a_retry_never_hammers(life: float, age: float, failures: int, chance: float) -> None:
    pause = next_attempt(life=life, age=age * life, failures=failures, chance=chance)
    assert pause >= life * 0.015 - 1e-6


@every
@given(
    life=lives,
    age=st.floats(0.45, 1),
    failures=failure_counts,
    retry_after=st.none() | st.floats(0, 3_600),
    chance=chances,
)
@example(life=60, age=55 / 60, failures=5, retry_after=None, chance=1)
def test_while_there_is_time_for_an_attempt_the_next_one_comes_before_the_expiry(
    life: float, age: float, failures: int, retry_after: float | None, chance: float
) -> None:
    """A connection is lost only when its life is truly over (guarantee A7)."""
    now = age * life
    assume(life - now > 2 * SHORTEST_ATTEMPT_SECONDS)
    pause = next_attempt(
        life=life, age=now, failures=failures, retry_after=retry_after, chance=chance
    )
    assert now + pause < life


@every
@given(life=lives, first=st.floats(0.45, 0.55), chance=chances)
def test_a_server_that_fails_at_once_is_asked_until_the_end_but_not_hammered(
    life: float, first: float, chance: float
) -> None:
    attempts, now = 0, life * first
    while not is_over(expires=life, now=now):
        attempts += 1
        pause = next_attempt(life=life, age=now, failures=attempts, chance=chance)
        assert pause >= min(SHORTEST_ATTEMPT_SECONDS / 6, life * 0.003)
        now += pause
    assert 3 <= attempts <= 60
    assert now < life


@pytest.mark.parametrize(("left", "over"), [(60, False), (0.21, False), (0.19, True), (0, True)])
def test_a_life_is_over_when_no_attempt_fits_any_more(left: float, over: bool) -> None:
    assert is_over(expires=60, now=60 - left) is over


# --- guarantee A2: three attempts -------------------------------------------------------------


_LOOKS = 2


def three_attempts_that_time_out(life: float, first: float, chances: tuple[float, float]) -> float:
    """When the third attempt ends if each runs into its whole time limit, and is given up at the
    second look after that."""
    now = first
    for failures, chance in enumerate(chances, start=1):
        limit = attempt_timeout(sent=0, expires=life, now=now)
        assert limit >= whole_attempt(life) - 1e-6, "an attempt was cut short"
        now += limit + _LOOKS * TICK_SECONDS
        now = TICK_SECONDS + retry_due(
            sent=0, expires=life, now=now, failures=failures, retry_after=None, chance=chance
        )
    limit = attempt_timeout(sent=0, expires=life, now=now)
    assert limit >= whole_attempt(life) - 1e-6, "the third attempt was cut short"
    return now + limit


@every
@given(life=lives, first=chances, pauses=st.tuples(chances, chances))
@example(life=SHORTEST_LIFE_SECONDS, first=1, pauses=(1, 1))
@example(life=60, first=1, pauses=(1, 1))
@example(life=LONGEST_LIFE_SECONDS, first=1, pauses=(1, 1))
def test_three_attempts_that_all_time_out_fit_into_what_is_left(
    life: float, first: float, pauses: tuple[float, float]
) -> None:
    due = TICK_SECONDS + renewal_due(sent=0, expires=life, now=0, chance=first)
    assert three_attempts_that_time_out(life, due, pauses) <= life + 1e-6


@every
@given(life=lives, pauses=st.tuples(chances, chances))
def test_the_worst_case_is_not_understated(life: float, pauses: tuple[float, float]) -> None:
    due = renewal_due(sent=0, expires=life, now=0, chance=1)
    took = three_attempts_that_time_out(life, due, pauses) - due - 2 * (1 + _LOOKS) * TICK_SECONDS
    worst = worst_case_of_three_attempts(life)
    assert took <= worst + 1e-6
    assert worst <= life - due + 1e-6


@pytest.mark.parametrize("life", [SHORTEST_LIFE_SECONDS, 60.0, LONGEST_LIFE_SECONDS])
def test_the_worst_case_is_not_overstated(life: float) -> None:
    due = renewal_due(sent=0, expires=life, now=0, chance=1)
    took = three_attempts_that_time_out(life, due, (1, 1)) - due - 2 * (1 + _LOOKS) * TICK_SECONDS
    assert math.isclose(took, worst_case_of_three_attempts(life), rel_tol=1e-6)
