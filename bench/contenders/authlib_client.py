"""Authlib's AsyncOAuth2Client, shared by all tokens (see `one_by_one`)."""

import asyncio
import ssl

from authlib.integrations.httpx_client import AsyncOAuth2Client

from bench.contenders.one_by_one import CLIENT_ID, CLIENT_SECRET, measure_one_by_one
from bench.contenders.protocol import Outcome, Task, answer


def measure(task: Task) -> Outcome:
    """On asyncio's own loop, as `obvious`."""
    return asyncio.run(_measure(task))


async def _measure(task: Task) -> Outcome:
    """In its favour: a client for each token would make a TLS context and a pool for each."""
    async with AsyncOAuth2Client(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        token_endpoint_auth_method="client_secret_post",
        verify=ssl.create_default_context(cafile=task.ca_path),
        trust_env=False,
        timeout=30,
    ) as client:

        async def ask(authorization: str) -> str:
            token = authorization.partition(" ")[2]
            body = await client.refresh_token(task.token_url, refresh_token=token, code=token)
            return f"{body['tokenType']} {body['token']}"

        return await measure_one_by_one(task, ask)


if __name__ == "__main__":
    answer(measure)
