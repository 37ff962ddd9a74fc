"""What every fault costs: a life of twelve seconds here, of sixty in `./run bench --only survival`.

The scenarios are in `survival.py`; its lanes run at the same time.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.scenarios import survival
from tests.scenarios.survival import LANES, Found, Lane, Trouble
from tests.support.stage import Size

pytestmark = pytest.mark.anyio

LIFE = 12.0
SIZE = Size(connections=120, life_seconds=LIFE)
MODES = ("rotate", "keep", "extend")

_TEN_SECONDS_OF_SIXTY = LIFE / 6
_SLACK_SECONDS = 2.0
"""For what does not shrink with a life: the shortest lease is a second."""


class Outcomes:
    """Of all scenarios; each is there for whoever awaits it as soon as it has ended."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._found: dict[tuple[str, str], asyncio.Future[Found]] = {
            (lane.mode, trouble.__name__): loop.create_future()
            for lane in LANES
            for trouble in lane.troubles
        }
        self._start = asyncio.Barrier(len(LANES))

    async def of(self, trouble: Trouble, *, mode: str = "rotate") -> Found:
        return await self._found[mode, trouble.__name__]

    async def go_through(self, lane: Lane) -> None:
        futures = [self._found[lane.mode, trouble.__name__] for trouble in lane.troubles]
        try:
            async for found in survival.run(lane, SIZE, when_all_are_there=self._start):
                futures.pop(0).set_result(found)
        except BaseException as error:
            await self._start.abort()
            for future in futures:
                future.set_exception(error)
                future.exception()  # there may be nobody who asks
            if not isinstance(error, Exception):
                raise


@pytest.fixture(scope="module")
async def outcomes() -> AsyncIterator[Outcomes]:
    outcomes = Outcomes()
    lanes = [asyncio.create_task(outcomes.go_through(lane)) for lane in LANES]
    yield outcomes
    for lane in lanes:
        lane.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)


# --- the database --------------------------------------------------------------------------


async def test_five_lives_without_a_database_that_was_stopped_lose_0_of_120(
    outcomes: Outcomes,
) -> None:
    found = await outcomes.of(survival.database_stopped)
    assert found.lost == 0
    assert found.noted["renewals_each_meanwhile"] > 5


async def test_five_lives_without_a_database_that_was_killed_lose_0_of_120(
    outcomes: Outcomes,
) -> None:
    found = await outcomes.of(survival.database_killed)
    assert found.lost == 0
    assert found.noted["renewals_each_meanwhile"] > 5


async def test_a_database_that_comes_back_as_it_was_before_the_last_deployment_loses_0_of_120(
    outcomes: Outcomes,
) -> None:
    """Its tokens are dead, and its leases are those of refreshers that are gone."""
    found = await outcomes.of(survival.database_older)
    assert found.lost == 0


# --- replicas ------------------------------------------------------------------------------


async def test_a_third_refresher_that_comes_and_one_that_goes_renew_nothing_twice(
    outcomes: Outcomes,
) -> None:
    """Within what would be ten seconds of sixty all are shared evenly again."""
    found = await outcomes.of(survival.join_and_leave)
    assert found.lost == 0
    assert found.renewed_twice == 0
    assert found.noted["duplicates"] == 0
    assert found.noted["joined_seconds"] < _TEN_SECONDS_OF_SIXTY + _SLACK_SECONDS
    assert found.noted["left_seconds"] < _TEN_SECONDS_OF_SIXTY + _SLACK_SECONDS


async def test_a_rolling_restart_of_three_loses_0_of_120_and_renews_nothing_twice(
    outcomes: Outcomes,
) -> None:
    found = await outcomes.of(survival.rolling_restart)
    assert found.lost == 0
    assert found.renewed_twice == 0


async def test_a_refresher_that_stands_still_for_a_third_of_a_life_costs_0_of_120(
    outcomes: Outcomes,
) -> None:
    """What was on its way to it is refused to who takes over, and found alive when it wakes up."""
    found = await outcomes.of(survival.stalled)
    assert found.lost == 0
    assert found.renewed_twice <= 4


@pytest.mark.parametrize(("mode", "most"), [("rotate", 4), ("keep", 0), ("extend", 0)])
async def test_kill_9_of_one_of_three_loses_0_of_120_or_4_where_the_old_token_dies_at_once(
    outcomes: Outcomes, mode: str, most: int
) -> None:
    """It makes ten renewals a second, each on the wire or in a write for some 30 ms."""
    found = await outcomes.of(survival.killed, mode=mode)
    assert found.lost <= most
    assert found.noted["takeover_seconds"] < _TEN_SECONDS_OF_SIXTY + _SLACK_SECONDS


@pytest.mark.parametrize("mode", MODES)
async def test_a_refresher_that_alone_does_not_reach_the_database_for_a_life_costs_0_of_120(
    outcomes: Outcomes, mode: str
) -> None:
    """Where the old token dies at once, what it renewed before it noticed is lost to all others
    until it is back: of its forty, what falls into a second."""
    found = await outcomes.of(survival.cut_off, mode=mode)
    assert found.lost == 0
    assert found.noted["lost_while_cut_off"] <= (20 if mode == "rotate" else 0)


# --- the vendor ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_one_lost_answer_in_twenty_loses_0_of_120_but_where_the_old_token_dies_at_once(
    outcomes: Outcomes, mode: str
) -> None:
    """There it is the only token, and nobody has it: no more are lost than answers (fewer, where
    the answer to a second attempt is lost as well)."""
    found = await outcomes.of(survival.answers_lost, mode=mode)
    assert found.noted["struck"] > 0
    assert found.lost <= (found.noted["struck"] if mode == "rotate" else 0)


async def test_a_token_endpoint_that_fails_for_a_third_of_a_life_loses_0_of_120(
    outcomes: Outcomes,
) -> None:
    found = await outcomes.of(survival.server_errors)
    assert found.noted["struck"] > SIZE.connections / 3
    assert found.lost == 0


async def test_connections_that_hang_for_a_third_of_a_life_lose_0_of_120(
    outcomes: Outcomes,
) -> None:
    found = await outcomes.of(survival.hanging)
    assert found.noted["struck"] > SIZE.connections / 12
    assert found.lost == 0


async def test_slow_answers_lose_0_of_120_and_renew_nothing_twice(outcomes: Outcomes) -> None:
    found = await outcomes.of(survival.slow)
    assert found.noted["struck"] > 0
    assert found.lost == 0
    assert found.renewed_twice == 0


async def test_answers_that_come_after_they_were_given_up_lose_0_of_120(
    outcomes: Outcomes,
) -> None:
    """The old tokens are dead by then, and further attempts are refused."""
    found = await outcomes.of(survival.late)
    assert found.noted["struck"] > 0
    assert found.renewed_twice > 0
    assert found.lost == 0


@pytest.mark.parametrize("trouble", [survival.half_throttled, survival.half_told_to_wait])
async def test_429_for_half_of_all_calls_loses_0_of_120(
    outcomes: Outcomes, trouble: Trouble
) -> None:
    found = await outcomes.of(trouble)
    assert found.noted["struck"] > SIZE.connections / 2
    assert found.lost == 0
