"""The bare client: pyreqwest, the fastest library there is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pyreqwest.client import ClientBuilder

from bench.contenders.posting import TIMEOUT_SECONDS, Post, measure_posting
from bench.contenders.protocol import Outcome, Task, answer
from bench.stub.form import FORM, FORM_HEADERS


def measure(task: Task) -> Outcome:
    """All of its answers."""
    return measure_posting(task, _opened)


@asynccontextmanager
async def _opened(task: Task, ca_pem: bytes) -> AsyncIterator[Post]:
    builder = (
        ClientBuilder()
        .http1_only()
        .add_root_certificate_pem(ca_pem)
        .pool_max_idle_per_host(task.in_flight)
    )
    timeout = timedelta(seconds=TIMEOUT_SECONDS)
    async with builder.build() as client:

        async def post() -> int:
            request = client.post(task.token_url).headers(FORM_HEADERS).body_bytes(FORM)
            response = await request.timeout(timeout).build().send()
            await response.bytes()
            return response.status

        yield post


if __name__ == "__main__":
    answer(measure)
