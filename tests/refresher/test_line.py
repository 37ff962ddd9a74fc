"""Who waits for a turn, and whose turn it is."""

from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.connections.live import LiveToken
from app.refresher.line import Line
from app.refresher.pace import Pace
from app.refresher.stats import Histogram

LIFE = 60.0
NOW = 1_000.0


def token(number: int, *, age: float, failures: int = 0) -> LiveToken:
    return LiveToken(UUID(int=number).bytes, 1, "IBSSO x", NOW - age, LIFE, failures)


class Waiting:
    """A line with a ceiling, or none."""

    def __init__(self, *, ceiling: float | None = None) -> None:
        self.gone: set[LiveToken] = set()
        self.pace = Pace(life_seconds=LIFE, now=NOW)
        self.pace.set_ceiling(ceiling, now=NOW)
        self.lateness = Histogram([0.5, 5])
        self.line = Line(
            pace=self.pace,
            is_current=lambda one: one not in self.gone,
            lateness=self.lateness,
        )

    def add(self, *tokens: LiveToken) -> None:
        for one in tokens:
            self.line.add(one, due=NOW)

    def all_that_may_go(self, now: float = NOW) -> list[LiveToken]:
        found = []
        while (one := self.line.take(now)) is not None:
            found.append(one)
        return found


def test_who_is_nearest_to_the_end_comes_first() -> None:
    waiting = Waiting()
    young, old, retried = token(1, age=31), token(2, age=40), token(3, age=35, failures=2)
    waiting.add(young, old, retried)

    assert waiting.all_that_may_go() == [old, retried, young]


def test_who_is_wanted_at_once_comes_before_all_others() -> None:
    waiting = Waiting()
    old, wanted, waits_already = token(1, age=50), token(2, age=1), token(3, age=31)
    waiting.add(old, waits_already)
    waiting.line.add(wanted, due=NOW, at_once=True)

    assert waiting.line.move_up(waits_already)
    assert not waiting.line.move_up(token(4, age=1))
    assert waiting.all_that_may_go()[-1] is old


def test_who_is_nobodys_any_more_is_passed_over() -> None:
    waiting = Waiting()
    old, young = token(1, age=40), token(2, age=31)
    waiting.add(old, young)
    waiting.gone.add(old)

    assert waiting.all_that_may_go() == [young]


@pytest.mark.parametrize("failures", [0, 1])
def test_who_was_renewed_meanwhile_is_passed_over_and_not_moved_up(failures: int) -> None:
    waiting = Waiting()
    renewed, young = token(1, age=40, failures=failures), token(2, age=31)
    waiting.add(renewed, young)
    renewed.generation += 1

    assert not waiting.line.move_up(renewed)
    assert waiting.all_that_may_go() == [young]


def test_under_a_ceiling_some_have_to_wait_and_none_is_forgotten() -> None:
    waiting = Waiting(ceiling=8)
    tokens = [token(number, age=30 + number) for number in range(10)]
    waiting.add(*tokens)

    taken = waiting.all_that_may_go()
    assert 1 <= len(taken) <= 3
    assert waiting.line.ready(NOW) == 0
    assert waiting.line.ready(NOW + 0.25) == 2
    for step in range(1, 20):
        taken += waiting.all_that_may_go(NOW + step / 4)

    assert taken == tokens[::-1]


def test_retries_that_have_to_wait_do_not_hold_up_first_attempts() -> None:
    waiting = Waiting()
    while waiting.pace.may_send(NOW, retry=True, stretched=0.5):
        pass
    retried, first = token(1, age=50, failures=1), token(2, age=30)
    waiting.add(retried, first)

    assert waiting.all_that_may_go() == [first]
    assert waiting.all_that_may_go(NOW + 1) == [retried]


def test_how_far_the_most_urgent_one_is_into_its_life() -> None:
    waiting = Waiting()
    assert waiting.line.stretched(NOW) == 0

    waiting.add(token(1, age=30), token(2, age=45), token(3, age=36, failures=1))

    assert waiting.line.stretched(NOW) == 0.75


def test_who_stands_in_line_before_their_time_is_not_late() -> None:
    waiting = Waiting(ceiling=1)
    waiting.add(token(1, age=10), token(2, age=32), token(3, age=40), token(4, age=50, failures=1))

    assert len(waiting.line) == 4
    assert waiting.line.late(NOW) == 2


def test_how_late_each_is_sent_is_counted_from_when_it_was_due() -> None:
    waiting = Waiting()
    waiting.line.add(token(1, age=31), due=NOW - 0.2)
    waiting.line.add(token(2, age=40), due=NOW - 3)
    waiting.line.add(token(3, age=35), due=NOW - 60)

    assert waiting.lateness.counts == [0, 0, 0]
    waiting.all_that_may_go()
    assert waiting.lateness.counts == [1, 1, 1]


@given(ages=st.lists(st.floats(30, 59), min_size=1, max_size=60), first=st.integers(0, 59))
def test_all_come_out_once_and_in_order_and_who_was_moved_up_first(
    ages: list[float], first: int
) -> None:
    waiting = Waiting()
    tokens = [token(number, age=age) for number, age in enumerate(ages)]
    waiting.add(*tokens)
    wanted = tokens[first % len(tokens)]
    assert waiting.line.move_up(wanted)
    assert len(waiting.line) == len(tokens)

    taken = waiting.all_that_may_go()

    assert taken[0] is wanted
    assert set(taken) == set(tokens)
    assert len(taken) == len(tokens)
    assert not len(waiting.line)
    expiries = [one.expires for one in taken[1:]]
    assert all(earlier < later + 0.1 for earlier, later in pairwise(expiries))
