"""How fast renewals are sent, in a simulation: a thousand tokens of a minute, ten minutes long,
each server as a function. Seeds are fixed, so every run is the same."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pytest

from app.refresher.pace import Pace
from app.refresher.timings import is_over, renewal_due, retry_due

LIFE = 60.0
TOKENS = 1_000
NEEDED = TOKENS / (LIFE * 0.9)
STEP = 0.02
SEEDS = (1, 2, 3)

Answer = Literal["token", "429", "500"]
Server = Callable[[float, random.Random], Answer]


def turns_away(share: float, answer: Answer = "429") -> Server:
    return lambda now, chance: answer if chance.random() < share else "token"


def fails_between(start: float, end: float) -> Server:
    return lambda now, chance: "500" if start < now < end else "token"


def allows(rate: float) -> Server:
    """A ceiling with one second's worth of burst."""
    left, at = rate, 0.0

    def answer(now: float, chance: random.Random) -> Answer:
        nonlocal left, at
        left, at = min(rate, left + (now - at) * rate), now
        if left < 1:
            return "429"
        left -= 1
        return "token"

    return answer


@dataclass
class Simulated:
    """What the refresher does with its tokens, without its database and its sockets."""

    server: Server
    seed: int
    ceiling: float | None = None
    lost: int = 0
    calls: int = 0
    refused: int = 0
    waiting: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.pace = Pace(life_seconds=LIFE, now=0)
        self.pace.set_ceiling(self.ceiling, now=0)
        self.tokens = {
            number: (-LIFE / 2 * self.chance.random(), 0) for number in range(TOKENS)
        }  # when sent, failures since
        self.due = [(self.next_due(number, 0), number) for number in self.tokens]
        heapq.heapify(self.due)

    def run(self, seconds: float = 600) -> "Simulated":
        for step in range(int(seconds / STEP)):
            now = step * STEP
            while self.due and self.due[0][0] <= now:
                number = heapq.heappop(self.due)[1]
                heapq.heappush(self.waiting, (self.tokens[number][0], number))
            oldest = (now - self.waiting[0][0]) / LIFE if self.waiting else 0.0
            self.pace.adjust(now, live=len(self.tokens), stretched=oldest)
            self.send_what_may_go(now)
        return self

    def send_what_may_go(self, now: float) -> None:
        blocked = []
        while self.waiting:
            number = self.waiting[0][1]
            sent, failures = self.tokens[number]
            age = (now - sent) / LIFE
            if not self.pace.may_send(now, retry=failures > 0, stretched=age):
                if failures == 0:
                    break
                blocked.append(heapq.heappop(self.waiting))
                continue
            heapq.heappop(self.waiting)
            self.send(number, now)
        for entry in blocked:
            heapq.heappush(self.waiting, entry)

    def send(self, number: int, now: float) -> None:
        sent, failures = self.tokens[number]
        if is_over(expires=sent + LIFE, now=now):
            self.lose(number)
            return
        answer = self.server(now, self.chance)
        self.calls += 1
        self.refused += answer == "429"
        if answer != "500":
            self.pace.answered(throttled=answer == "429")
        self.tokens[number] = (now, 0) if answer == "token" else (sent, failures + 1)
        due = self.next_due(number, now)
        if is_over(expires=self.tokens[number][0] + LIFE, now=due):
            self.lose(number)
        else:
            heapq.heappush(self.due, (due, number))

    def next_due(self, number: int, now: float) -> float:
        sent, failures = self.tokens[number]
        if not failures:
            return renewal_due(sent=sent, expires=sent + LIFE, now=now, chance=self.chance.random())
        return retry_due(
            sent=sent,
            expires=sent + LIFE,
            now=now,
            failures=failures,
            retry_after=None,
            chance=self.chance.random(),
        )

    def lose(self, number: int) -> None:
        self.lost += 1
        del self.tokens[number]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "server",
    [
        pytest.param(turns_away(0), id="a good one"),
        pytest.param(turns_away(0.1), id="every tenth call is turned away"),
        pytest.param(turns_away(0.2), id="every fifth call is turned away"),
        pytest.param(turns_away(0.5, "500"), id="half of all calls fail"),
        pytest.param(fails_between(100, 120), id="fails for twenty seconds"),
    ],
)
def test_nothing_is_lost_to_passing_trouble(server: Server, seed: int) -> None:
    assert Simulated(server, seed).run().lost == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_half_of_all_calls_turned_away_costs_nothing(seed: int) -> None:
    """Going slower does not help here, and so it is not done for long."""
    simulated = Simulated(turns_away(0.5), seed).run()

    assert simulated.lost == 0
    assert simulated.calls < 2.5 * 600 * TOKENS / (LIFE / 2)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spare", [1.06, 1.2, 1.6])
def test_the_cadence_stretches_under_a_ceiling_that_we_were_not_told(
    spare: float, seed: int
) -> None:
    """Nothing is lost, and after we have learned of it, few calls are turned away."""
    simulated = Simulated(allows(spare * NEEDED), seed).run()

    assert simulated.lost == 0
    assert simulated.refused < 0.1 * simulated.calls


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spare", [1.06, 1.5])
def test_the_cadence_stretches_under_the_operators_ceiling_which_is_never_passed(
    spare: float, seed: int
) -> None:
    simulated = Simulated(turns_away(0), seed, ceiling=spare * NEEDED).run()

    assert simulated.lost == 0
    assert simulated.calls <= spare * NEEDED * 600.5
    assert (simulated.pace.capacity() or 0) >= TOKENS


@pytest.mark.parametrize("seed", SEEDS)
def test_a_ceiling_that_is_too_low_costs_no_more_than_what_does_not_fit(seed: int) -> None:
    simulated = Simulated(allows(0.7 * NEEDED), seed).run()

    assert simulated.lost <= 0.45 * TOKENS


def test_a_server_that_is_down_is_not_hammered() -> None:
    """Each token is tried until its life is over, but all together within a budget."""
    simulated = Simulated(turns_away(1, "500"), 1).run(25)

    assert simulated.lost == 0
    assert simulated.calls <= 5 * 25 * TOKENS / (LIFE / 2)


def test_there_is_no_capacity_without_a_ceiling() -> None:
    pace = Pace(life_seconds=LIFE, now=0)

    assert pace.capacity() is None
    assert pace.rate is None


def test_a_ceiling_that_is_lifted_holds_nothing_back() -> None:
    pace = Pace(life_seconds=LIFE, now=0)
    pace.set_ceiling(1, now=0)
    assert [pace.may_send(0, retry=False, stretched=0.5) for _ in range(3)] == [True, False, False]

    pace.set_ceiling(None, now=0)

    assert all(pace.may_send(0, retry=False, stretched=0.5) for _ in range(100))


def test_there_is_a_head_start_only_where_a_ceiling_leaves_little_room() -> None:
    pace = Pace(life_seconds=LIFE, now=0)
    assert pace.head_start(1_000_000) == 0

    pace.set_ceiling(10, now=0)

    assert pace.head_start(200) == 0
    assert 0 < pace.head_start(300) < LIFE / 2


def test_while_it_is_in_doubt_whether_slower_helps_nobody_past_seven_tenths_waits_for_it() -> None:
    pace = Pace(life_seconds=LIFE, now=0.0)
    for _ in range(60):
        pace.answered(throttled=True)
        pace.answered(throttled=False)
    pace.adjust(2.0, live=TOKENS, stretched=0.5)
    assert pace.is_throttled
    while pace.may_send(2.0, retry=False, stretched=0.6):
        pass

    assert pace.left(2.0, stretched=0.6) < 1
    assert pace.left(2.0, stretched=0.75) > 1
    assert pace.may_send(2.0, retry=False, stretched=0.75)
