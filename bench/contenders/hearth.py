"""Hearth's refresher itself: `Refresher.run` on a real database, wired as in `app.factory`."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate
from math import inf
from pathlib import Path
from uuid import uuid4

import uvloop
from sqlalchemy import text

from app.clock import SystemClock
from app.connections.live import LiveTokens
from app.connections.vault import Vault
from app.garbage import collect_rarely
from app.infobip.oauth import OAuth, OAuthApp
from app.infobip.transport import Transport
from app.logs import configure_logs
from app.models.identifiers import ReplicaId
from app.refresher.refresher import Refresher
from app.refresher.stats import LATENESS_BOUNDS
from app.security.sealing import SealingKeys, parse_key
from app.store.database import Database
from bench.contenders.protocol import Outcome, Stopwatch, Task, answer
from bench.machine import rss_bytes
from bench.usage import Usage

_POOL_SIZE = 10
_LOAD_WITHIN_SECONDS = 45.0

LATENESS_SHARES = (0.5, 0.99, 1.0)
"""Of these shares of all renewals it is told how late they were at most."""


def measure(task: Task) -> Outcome:
    """On uvloop, as the application runs."""
    configure_logs(level="WARNING")
    collect_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(task))


async def _measure(task: Task) -> Outcome:
    live = LiveTokens()
    database = Database(url=task.database_url, pool_size=_POOL_SIZE)
    async with _wired(task, live, database) as refresher:
        await _generations_written(database)
        rss_before = _settled_rss()
        stop = asyncio.Event()
        started = time.perf_counter()
        running = asyncio.create_task(refresher.run(stop))
        await _loaded(running, live, task.connections)
        load_seconds = time.perf_counter() - started
        load_rss = _settled_rss() - rss_before
        await _pass(running, task.warm_up_seconds)
        outcome = await _watch(task, running, refresher)
        lost = task.connections - len(live)
        await _pass(running, task.cool_down_seconds)
        stopping = time.perf_counter()
        stop.set()
        await running
        outcome.details.update(
            load_seconds=load_seconds,
            bytes_per_connection=load_rss / task.connections,
            renewals_in_all=refresher.stats.renewals,
            finish_seconds=time.perf_counter() - stopping,
            lost=lost,
            unwritten=await _unwritten(task, refresher, live, database),
        )
        return outcome


async def _watch(task: Task, running: "asyncio.Task[None]", refresher: Refresher) -> Outcome:
    """The seconds that count."""
    stats = refresher.stats
    usage = Usage(roots=task.beside, cores=task.beside_cores)
    began_at, renewals, late = time.time(), stats.renewals, list(stats.lateness.counts)
    stopwatch = Stopwatch()
    await _pass(running, task.seconds)
    seconds, cpu_seconds = stopwatch.read()
    late = [now - before for now, before in zip(stats.lateness.counts, late, strict=True)]
    return Outcome(
        renewals=stats.renewals - renewals,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        details={
            "began_at": began_at,
            "least_seconds_left": refresher.status().least_seconds_left or 0.0,
            **{f"late_{share:g}": _at_most(late, share) for share in LATENESS_SHARES},
            **usage.read(),
        },
    )


@asynccontextmanager
async def _wired(task: Task, live: LiveTokens, database: Database) -> AsyncIterator[Refresher]:
    clock = SystemClock()
    app = OAuthApp(
        client_id="8F0792F86035A9F4290821F1EE6BC06A",
        client_secrets=("YED8Q0KHeYgQxtjdUkR376Uxu0/zdvwAVZb3ZQ3GGZU=",),
        redirect_uri="http://localhost:8000/oauth/callback",
        scopes=("api_read",),
        oauth_url=task.token_url.removesuffix("/token"),
        token_lifetime_seconds=task.life_seconds,
    )
    async with Transport(extra_ca_pem=_read(task.ca_path)) as transport:
        try:
            yield Refresher(
                replica=ReplicaId(task.replica or uuid4()),
                database=database,
                oauth=OAuth(app=app, transport=transport),
                vault=Vault(keys=SealingKeys([parse_key(task.sealing_key)])),
                live=live,
                clock=clock,
                life_seconds=task.life_seconds,
                max_in_flight=task.in_flight,
            )
        finally:
            await database.close()


async def _loaded(running: "asyncio.Task[None]", live: LiveTokens, count: int) -> None:
    deadline = time.perf_counter() + _LOAD_WITHIN_SECONDS
    while len(live) < count:
        await _pass(running, 0.005)
        if time.perf_counter() > deadline:
            raise TimeoutError(f"loaded {len(live)} of {count} tokens")


async def _pass(running: "asyncio.Task[None]", seconds: float) -> None:
    """Sleep, unless the refresher ends, which it must not: then raise what ended it."""
    done, _ = await asyncio.wait({running}, timeout=seconds)
    if done:
        running.result()
        raise RuntimeError("the refresher ended by itself")


def _at_most(counts: list[int], share: float) -> float:
    """So late or less was this share of all: a bucket's upper bound, so never less than it was."""
    wanted = share * sum(counts)
    for bound, so_far in zip((*LATENESS_BOUNDS, inf), accumulate(counts), strict=True):
        if so_far >= wanted:
            return bound
    return 0.0


async def _unwritten(
    task: Task, refresher: Refresher, live: LiveTokens, database: Database
) -> float:
    """What the database does not know; by the refresher's own word where others write as well."""
    if task.replica is not None:
        return refresher.status().unwritten
    return sum(token.generation for token in live) - await _generations_written(database)


async def _generations_written(database: Database) -> int:
    async with database.statement() as tx:
        total = (
            await tx.execute(text("SELECT sum(generation) FROM tokens WHERE sealed IS NOT NULL"))
        ).scalar_one()
    return int(total or 0)


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _settled_rss() -> int:
    gc.collect()
    return rss_bytes()


if __name__ == "__main__":
    answer(measure)
