"""Everything that was put down comes out once, in time and in order."""

from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from app.connections.live import LiveToken
from app.refresher.timetable import TICK_SECONDS, Timetable

NOW = 1_000.0


def entry(number: int) -> LiveToken:
    return LiveToken(UUID(int=number).bytes, number, f"IBSSO {number}", NOW, 60)


def numbers(tokens: list[LiveToken]) -> list[int]:
    return [token.generation for token in tokens]


def filled(*dues: float, now: float = NOW) -> Timetable:
    timetable = Timetable(now=now)
    for number, due in enumerate(dues):
        timetable.add(due, entry(number))
    return timetable


def test_an_empty_timetable_has_nothing_due() -> None:
    assert Timetable(now=NOW).take_due(NOW + 1_000) == []


def test_nothing_comes_out_before_it_is_due() -> None:
    timetable = filled(NOW + 30)
    assert timetable.take_due(NOW) == []
    assert timetable.take_due(NOW + 29.9) == []
    assert numbers(timetable.take_due(NOW + 30 + TICK_SECONDS)) == [0]


def test_what_was_taken_is_gone() -> None:
    timetable = filled(NOW + 1, NOW + 2)
    assert numbers(timetable.take_due(NOW + 5)) == [0, 1]
    assert timetable.take_due(NOW + 6) == []
    assert timetable.take_due(NOW + 1_000) == []


def test_the_oldest_comes_first_however_it_was_added() -> None:
    timetable = filled(NOW + 3, NOW + 1, NOW + 2)
    assert numbers(timetable.take_due(NOW + 10)) == [1, 2, 0]


@pytest.mark.parametrize("past", [NOW - 0.01, NOW - 600, 0.0, NOW])
def test_what_is_already_past_comes_next(past: float) -> None:
    timetable = filled(past)
    assert numbers(timetable.take_due(NOW + TICK_SECONDS)) == [0]


def test_what_is_added_late_comes_with_the_next_tick() -> None:
    timetable = filled(NOW + 1)
    assert numbers(timetable.take_due(NOW + 5)) == [0]
    timetable.add(NOW + 2, entry(7))
    assert numbers(timetable.take_due(NOW + 5 + 2 * TICK_SECONDS)) == [7]


def test_a_long_silence_loses_nothing_and_keeps_the_order() -> None:
    """After a pause of the whole process there are more ticks than entries."""
    timetable = filled(NOW + 900, NOW + 0.1, NOW + 50_000, NOW + 899)
    assert numbers(timetable.take_due(NOW + 10_000)) == [1, 3, 0]
    assert numbers(timetable.take_due(NOW + 60_000)) == [2]


@pytest.mark.parametrize("silence", [TICK_SECONDS, 1.0, 900.0])
def test_what_is_due_at_the_very_moment_of_a_look_is_not_left_behind(silence: float) -> None:
    timetable = filled(NOW + silence)
    looks = [NOW + silence, NOW + silence + TICK_SECONDS, NOW + silence + 10]
    assert [numbers(timetable.take_due(look)) for look in looks] == [[0], [], []]


def test_a_clock_that_stands_still_or_goes_back_gives_nothing_twice() -> None:
    timetable = filled(NOW + 1, NOW + 2)
    assert numbers(timetable.take_due(NOW + 1.5)) == [0]
    assert timetable.take_due(NOW + 1.5) == []
    assert timetable.take_due(NOW - 100) == []
    assert numbers(timetable.take_due(NOW + 3)) == [1]


def test_who_is_entered_anew_comes_at_the_new_time_alone() -> None:
    """A retry is put down while the former date may still be in the table."""
    timetable, token = Timetable(now=NOW), entry(1)
    timetable.add(NOW + 1, token)
    timetable.add(NOW + 2, token)
    assert timetable.take_due(NOW + 1.5) == []
    assert timetable.take_due(NOW + 10) == [token]


@settings(deadline=None, max_examples=100)
@given(dues=st.lists(st.floats(NOW - 5, NOW + 20), max_size=60), end=st.floats(NOW, NOW + 20))
@example(dues=[NOW + 0.019999999, NOW + 0.02, NOW + 0.58, NOW + 0.14], end=NOW + 1)
def test_one_look_takes_what_is_due_and_leaves_the_rest(dues: list[float], end: float) -> None:
    timetable = filled(*dues)
    taken = numbers(timetable.take_due(end))
    left = numbers(timetable.take_due(NOW + 100))
    assert sorted(taken + left) == list(range(len(dues)))
    assert all(dues[number] < end + TICK_SECONDS for number in taken)
    assert all(dues[number] > end - TICK_SECONDS for number in left)


class Rounds(RuleBasedStateMachine):
    """Adding and taking in any order, against a plain list of what is still to come."""

    @initialize(start=st.floats(0, 10_000))
    def begin(self, start: float) -> None:
        self.now = start
        self.timetable = Timetable(now=start)
        self.waiting: dict[int, float] = {}
        self.added = 0

    @rule(after=st.floats(-3, 30))
    def add(self, after: float) -> None:
        due = max(0.0, self.now + after)
        self.timetable.add(due, entry(self.added))
        self.waiting[self.added] = due
        self.added += 1

    @rule(step=st.floats(0, 0.1) | st.floats(0, 10) | st.floats(0, 5_000))
    def take(self, step: float) -> None:
        before, self.now = self.now, self.now + step
        taken = numbers(self.timetable.take_due(self.now))
        dues = [self.waiting.pop(number) for number in taken]
        assert all(due < self.now + TICK_SECONDS for due in dues), "too early"
        comes = [max(due, before) for due in dues]  # what was overdue comes with the next tick
        assert all(earlier < later + 2.01 * TICK_SECONDS for earlier, later in pairwise(comes)), (
            "not in order of ticks"
        )
        if step >= 2 * TICK_SECONDS:
            late = [due for due in self.waiting.values() if due < self.now - TICK_SECONDS]
            assert not late, "left behind"

    def teardown(self) -> None:
        rest = numbers(self.timetable.take_due(self.now + 100))
        assert sorted(rest) == sorted(self.waiting), "lost or doubled"


TestRounds = Rounds.TestCase
TestRounds.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)


def test_what_is_taken_ahead_of_its_time_comes_out_once_and_the_rest_in_time() -> None:
    timetable = Timetable(now=NOW)
    first, stays, late = entry(1), entry(2), entry(3)
    for due, one in ((NOW + 10, first), (NOW + 10, stays), (NOW + 30, late)):
        timetable.add(due, one)

    assert timetable.take_ahead(NOW + 20, unless=lambda one: one is stays) == [first]
    timetable.add(NOW + 5, first)

    assert timetable.take_due(NOW + 6) == [first]
    assert timetable.take_due(NOW + 11) == [stays]
    assert timetable.take_due(NOW + 31) == [late]
