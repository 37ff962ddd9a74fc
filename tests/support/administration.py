"""Calls of the admin API, as an operator's own programs make them."""

from typing import Any

import httpx
from pydantic import SecretStr

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
