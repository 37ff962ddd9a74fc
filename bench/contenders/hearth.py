"""Hearth's refresher itself: `Refresher.run` on a real database, wired as in `app.factory`."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from app.security.sealing import SealingKeys, parse_key
from app.store.database import Database
from bench.contenders.protocol import Outcome, Stopwatch, Task, answer
from bench.machine import rss_bytes

_POOL_SIZE = 10
_LOAD_WITHIN_SECONDS = 45.0


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
        before = _generations(live)
        stopwatch = Stopwatch()
        await _pass(running, task.seconds)
        seconds, cpu_seconds = stopwatch.read()
        renewals = _generations(live) - before
        stopping = time.perf_counter()
        stop.set()
        await running
        finish_seconds = time.perf_counter() - stopping
        return Outcome(
            renewals=renewals,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            details={
                "load_seconds": load_seconds,
                "bytes_per_connection": load_rss / task.connections,
                "renewals_in_all": _generations(live) - len(live),
                "finish_seconds": finish_seconds,
                "lost": task.connections - len(live),
                "unwritten": _generations(live) - await _generations_written(database),
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
                replica=ReplicaId(uuid4()),
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


def _generations(live: LiveTokens) -> int:
    """Staged tokens are of generation one; each renewal adds one."""
    return sum(token.generation for token in live)


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
