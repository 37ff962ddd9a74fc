"""Calls of the admin API, as an operator's own programs make them."""

from typing import Any

import httpx
from pydantic import SecretStr

from sandbox.config import API_KEY_CYCLES
from tests.conftest import Hearth

OPS = "ops-secret-of-the-tests"
READER = "reader-secret-of-the-tests"
WRITER = "writer-secret-of-the-tests"
BACKEND = "backend-secret-of-the-tests"

ADMIN_KEYS = tuple(
    SecretStr(entry)
    for entry in (
        f"ops:{OPS}:read+write+credentials",
        f"reader:{READER}:read",
        f"writer:{WRITER}:write",
        f"backend:{BACKEND}:credentials",
    )
)
"""For `web={"admin_keys": ADMIN_KEYS}`."""


async def admin(
    hearth: Hearth, method: str, path: str, *, secret: str = OPS, **request: Any
) -> httpx.Response:
    """A call under /admin with this secret; further arguments are httpx's."""
    headers = {"authorization": f"Bearer {secret}"}
    return await hearth.http.request(
        method, f"{hearth.url}/admin{path}", headers=headers, **request
    )


async def make_link(hearth: Hearth, **body: Any) -> str:
    """The path and query of a new activation link."""
    answer = await admin(hearth, "POST", "/activation-links", secret=WRITER, json=body)
    assert answer.status_code == 201, answer.text
    url = str(answer.json()["url"])
    assert url.startswith(hearth.url + "/connect?link=")
    return url.removeprefix(hearth.url)


async def add_api_key(
    hearth: Hearth, api_key: str = API_KEY_CYCLES, **fields: Any
) -> httpx.Response:
    """Add a key, with a key that may do no more than that."""
    body = {"type": "apiKey", "apiKey": api_key, **fields}
    return await admin(hearth, "POST", "/connections", secret=WRITER, json=body)


async def balance(hearth: Hearth, connection_id: object) -> httpx.Response:
    """Ask Infobip for the balance of a connection's account."""
    path = f"/connections/{connection_id}/infobip/account/1/balance"
    return await admin(hearth, "GET", path, secret=BACKEND)


async def scalar(hearth: Hearth, statement: str) -> object:
    """What the database says."""
    async with hearth.process.database.transaction() as tx:
        return (await tx.exec_driver_sql(statement)).scalar_one()


async def count_connections(hearth: Hearth) -> object:
    return await scalar(hearth, "SELECT count(*) FROM connections")
