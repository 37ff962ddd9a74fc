"""The bare client: pyreqwest posting the same form as often as it can, and nothing else."""

import asyncio
from datetime import timedelta
from pathlib import Path

import uvloop
from pyreqwest.client import Client, ClientBuilder

from bench.contenders.protocol import Outcome, Stopwatch, Task, answer
from bench.stub.form import FORM, FORM_HEADERS

_TIMEOUT = timedelta(seconds=6)


class _Poster:
    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url
        self.answers = 0
        self.is_over = False

    async def run(self) -> None:
        """One after the other until it is over. (Under load a cancellation does not always
        arrive: what pyreqwest awaits on uvloop may bring its answer instead.)"""
        while not self.is_over:
            response = await (
                self._client.post(self._url)
                .headers(FORM_HEADERS)
                .body_bytes(FORM)
                .timeout(_TIMEOUT)
                .build()
                .send()
            )
            await response.bytes()
            if response.status != 200:
                raise RuntimeError(f"the stub answered {response.status}")
            self.answers += 1


def measure(task: Task) -> Outcome:
    """On uvloop, as Hearth runs."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(task))


async def _measure(task: Task) -> Outcome:
    async with _client(task) as client:
        poster = _Poster(client, task.token_url)
        running = {asyncio.create_task(poster.run()) for _ in range(task.in_flight)}
        await _pass(running, task.warm_up_seconds)
        before, stopwatch = poster.answers, Stopwatch()
        await _pass(running, task.seconds)
        seconds, cpu_seconds = stopwatch.read()
        renewals = poster.answers - before
        poster.is_over = True
        await asyncio.gather(*running)
    return Outcome(renewals=renewals, seconds=seconds, cpu_seconds=cpu_seconds)


def _client(task: Task) -> Client:
    return (
        ClientBuilder()
        .http1_only()
        .add_root_certificate_pem(Path(task.ca_path).read_bytes())
        .pool_max_idle_per_host(task.in_flight)
        .build()
    )


async def _pass(running: "set[asyncio.Task[None]]", seconds: float) -> None:
    done, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        one.result()


if __name__ == "__main__":
    answer(measure)
