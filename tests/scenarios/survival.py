"""What goes wrong, as scenarios of any size: small ones are tests, full ones a benchmark.

Each begins when all connections are alive and ends when every one was renewed once more or is
lost. Spans are parts of a token's life.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from tests.support.cuttable import cuttable_way
from tests.support.stage import Size, Stage, stage

Noted = dict[str, float]
Trouble = Callable[[Stage], Awaitable[Noted]]
Findings = AsyncIterator["Found"]

_A_THIRD = 1 / 3
_REPLICAS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a scenario left behind.

    `renewed_twice`: renewals of a token that had been renewed already, as the vendor counts
    them, refused ones too. `least_seconds_left`: of a life, at a renewal.
    """

    scenario: str
    mode: str
    lost: int
    renewed_twice: int
    least_seconds_left: float
    renewals: int
    noted: Noted = field(default_factory=dict)


# --- replicas ------------------------------------------------------------------------------


async def join_and_leave(on: Stage) -> Noted:
    """A third refresher comes, and one goes."""
    await on.be(_REPLICAS - 1)
    newcomer = await on.join()
    await newcomer.process.wait_for("shards_changed")
    joined = await _seconds(on.until_shared_by(_REPLICAS))
    await on.until_renewed(1.5)
    leaving = on.replicas[0]
    left = await _seconds(on.leave(leaving))
    left += await _seconds(on.until_shared_by(_REPLICAS - 1))
    await on.until_renewed(0.5)
    return {
        "joined_seconds": joined,
        "left_seconds": left,
        "duplicates": await on.duplicates(),
    }


async def rolling_restart(on: Stage) -> Noted:
    """One after the other is asked to end and replaced."""
    ends = []
    for replica in list(on.replicas):
        ends.append(await _seconds(on.leave(replica)))
        await on.join()
        await on.until_shared_by(len(on.replicas))
    return {"longest_end_seconds": max(ends)}


async def killed(on: Stage) -> Noted:
    """`kill -9` of one of three."""
    victim = on.replicas.pop(0)
    await victim.process.end(signal.SIGKILL)
    takeover = await _seconds(on.until_shared_by(_REPLICAS - 1))
    return {"takeover_seconds": takeover}


async def stalled(on: Stage) -> Noted:
    """One stands still for a third of a life, wakes up, and has been replaced meanwhile."""
    victim = on.replicas[0].process
    began = time.monotonic()
    victim.send(signal.SIGSTOP)
    try:
        await on.until_shared_by(_REPLICAS - 1)
        await asyncio.sleep(on.life * _A_THIRD - (time.monotonic() - began))
    finally:
        victim.send(signal.SIGCONT)
    await on.until_shared_by(_REPLICAS)
    return {"stalled_seconds": time.monotonic() - began}


async def cut_off(on: Stage) -> Noted:
    """One alone does not reach the database, for a whole life, while the others take over."""
    await on.be(_REPLICAS - 1)
    async with cuttable_way(on.postgres.socket) as (way, url):
        victim = await on.join(database_url=url)
        await on.until_shared_by(_REPLICAS)
        await on.until_renewed(0.5)
        lost = await on.lost()
        way.cut()
        takeover = await _seconds(on.until_shared_by(_REPLICAS - 1))
        await on.until_renewed(2)
        meanwhile = await on.lost() - lost
        way.mend()
        await on.until_shared_by(_REPLICAS)
        await on.until_settled()
        await on.leave(victim)
    return {"takeover_seconds": takeover, "lost_while_cut_off": meanwhile}


# --- the database --------------------------------------------------------------------------


async def database_stopped(on: Stage) -> Noted:
    """A fast shutdown, and nothing for several lives."""
    return await _without_database(on, on.postgres.stop)


async def database_killed(on: Stage) -> Noted:
    """`kill -9`, and nothing for several lives."""
    return await _without_database(on, on.postgres.kill)


async def database_older(on: Stage) -> Noted:
    """It comes back as it was before the last deployment, after a life without it."""
    await on.postgres.keep_a_copy()
    await rolling_restart(on)
    await on.until_renewed(1)
    await on.postgres.kill()
    await on.until_renewed(2)
    await on.postgres.come_back_as_the_copy()
    return {}


async def _without_database(on: Stage, go_away: Callable[[], Awaitable[None]]) -> Noted:
    before = await on.vendor.count("refreshes")
    await go_away()
    await asyncio.sleep(on.life * on.size.lives_away)
    renewals = await on.vendor.count("refreshes") - before
    await on.postgres.start()
    return {"renewals_each_meanwhile": renewals / on.size.connections}


# --- the vendor ----------------------------------------------------------------------------


async def server_errors(on: Stage) -> Noted:
    """The token endpoint answers nothing but 500 for a third of a life."""
    return await _with_faults(on, _A_THIRD, {"kind": "error500"})


async def hanging(on: Stage) -> Noted:
    """The token endpoint answers nothing at all for a third of a life."""
    return await _with_faults(on, _A_THIRD, {"kind": "hang"})


async def slow(on: Stage) -> Noted:
    """One answer in twenty takes a twelfth of a life."""
    slow_one = {"kind": "slow", "rate": 0.05, "delaySeconds": on.life / 12}
    return await _with_faults(on, on.size.lives_of_faults, slow_one)


async def late(on: Stage) -> Noted:
    """One answer in twenty is given at once and comes a third of a life later."""
    late_one = {"kind": "slowAfter", "rate": 0.05, "delaySeconds": on.life * _A_THIRD}
    return await _with_faults(on, on.size.lives_of_faults, late_one)


async def half_throttled(on: Stage) -> Noted:
    """Half of all calls are answered by 429."""
    return await _with_faults(on, on.size.lives_of_faults, {"kind": "throttle429", "rate": 0.5})


async def half_told_to_wait(on: Stage) -> Noted:
    """The same, with a Retry-After of a twelfth of a life, at least a second."""
    retry_after = max(1, round(on.life / 12))
    throttled = {"kind": "throttle429", "rate": 0.5, "retryAfter": retry_after}
    return await _with_faults(on, on.size.lives_of_faults, throttled)


async def answers_lost(on: Stage) -> Noted:
    """The vendor renews one token in twenty and the answer gets lost."""
    return await _with_faults(on, on.size.lives_of_faults, {"kind": "dropAfter", "rate": 0.05})


async def _with_faults(on: Stage, lives: float, fault: dict[str, object]) -> Noted:
    await on.vendor.fail({"target": "refresh", **fault})
    await asyncio.sleep(lives * on.life)
    struck = (await on.vendor.snapshot())["faults"][0]["struck"]
    await on.vendor.heal()
    return {"struck": struck}


# --- in which order ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lane:
    """Scenarios that follow each other with one deployment, in one vendor mode."""

    mode: str
    troubles: tuple[Trouble, ...]
    replicas: int = _REPLICAS

    def only(self, names: Sequence[str]) -> "Lane":
        """The same without all others."""
        chosen = tuple(one for one in self.troubles if one.__name__ in names)
        return replace(self, troubles=chosen)


_RENEWING_GETS_LOST = (killed, cut_off, answers_lost)
"""Where it matters what becomes of an old token once it was renewed."""

LANES = (
    Lane("rotate", (server_errors, hanging, slow, half_throttled, half_told_to_wait), 1),
    Lane("rotate", _RENEWING_GETS_LOST),
    Lane("keep", _RENEWING_GETS_LOST),
    Lane("extend", _RENEWING_GETS_LOST),
    Lane("rotate", (join_and_leave, rolling_restart, stalled)),
    Lane("rotate", (database_stopped,), 2),
    Lane("rotate", (database_killed,), 2),
    Lane("rotate", (late, database_older), 2),
)


async def run(lane: Lane, size: Size, *, when_all_are_there: asyncio.Barrier) -> Findings:
    """One scenario after the other.

    Processes that start take a machine's whole time, so nothing is at stake before all lanes have
    theirs.
    """
    async with stage(size, mode=lane.mode) as on:
        await on.be(lane.replicas)
        await when_all_are_there.wait()
        await on.connect()
        await on.until_settled()
        for trouble in lane.troubles:
            await on.be(lane.replicas)
            yield await _suffer(trouble, on, mode=lane.mode)


async def _suffer(trouble: Trouble, on: Stage, *, mode: str) -> Found:
    lost, refused = await on.lost(), await _refused_as_renewed(on)
    await on.vendor.begin_record()
    noted = await trouble(on)
    await on.until_settled()
    renewals = (await on.vendor.snapshot())["renewals"]
    return Found(
        scenario=trouble.__name__,
        mode=mode,
        lost=await on.lost() - lost,
        renewed_twice=renewals["twice"] + await _refused_as_renewed(on) - refused,
        least_seconds_left=renewals["leastSecondsLeft"],
        renewals=renewals["count"],
        noted=noted,
    )


async def _refused_as_renewed(on: Stage) -> int:
    return int((await on.vendor.snapshot())["refusals"].get("replaced", 0))


async def _seconds(what: Awaitable[None]) -> float:
    began = time.monotonic()
    await what
    return time.monotonic() - began
