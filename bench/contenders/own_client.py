"""Hearth's HTTP client by itself, as the refresher uses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.infobip.transport import Transport
from bench.contenders.posting import TIMEOUT_SECONDS, Post, measure_posting
from bench.contenders.protocol import Outcome, Task, answer
from bench.stub.form import FORM


def measure(task: Task) -> Outcome:
    """All of its answers."""
    return measure_posting(task, _opened)


@asynccontextmanager
async def _opened(task: Task, ca_pem: bytes) -> AsyncIterator[Post]:
    async with Transport(extra_ca_pem=ca_pem) as transport:

        async def post() -> int:
            answered = await transport.post_form(
                task.token_url, FORM, timeout_seconds=TIMEOUT_SECONDS
            )
            return answered.status

        yield post


if __name__ == "__main__":
    answer(measure)
