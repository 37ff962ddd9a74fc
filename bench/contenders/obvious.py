"""The obvious way: a shared stock httpx client (see `one_by_one`)."""

import asyncio
import ssl

import httpx

from bench.contenders.one_by_one import CLIENT_ID, CLIENT_SECRET, measure_one_by_one
from bench.contenders.protocol import Outcome, Task, answer


def measure(task: Task) -> Outcome:
    """On asyncio's own loop: uvloop makes no difference to it."""
    return asyncio.run(_measure(task))


async def _measure(task: Task) -> Outcome:
    trust = ssl.create_default_context(cafile=task.ca_path)
    async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=30) as http:

        async def ask(authorization: str) -> str:
            response = await http.post(
                task.token_url,
                data={
                    "grant_type": "refresh_token",
                    "client_id": CLIENT_ID,
                    "client_secret": CLIENT_SECRET,
                    "code": authorization.partition(" ")[2],
                },
            )
            response.raise_for_status()
            body = response.json()
            return f"{body['tokenType']} {body['token']}"

        return await measure_one_by_one(task, ask)


if __name__ == "__main__":
    answer(measure)
