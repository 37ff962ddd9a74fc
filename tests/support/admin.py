"""An operator with an admin key."""

from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from tests.conftest import Hearth

ADMIN_SECRET = "an-operators-secret-0123456789"
READER_SECRET = "a-readers-secret-0123456789abc"
ADMIN_KEYS = (
    SecretStr(f"ops:{ADMIN_SECRET}:read+write+credentials"),
    SecretStr(f"auditor:{READER_SECRET}:read"),
)


async def administer(
    hearth: Hearth,
    method: str,
    path: str,
    json: Mapping[str, Any] | None = None,
    *,
    secret: str = ADMIN_SECRET,
) -> httpx.Response:
    """A call of the admin API."""
    headers = {"authorization": f"Bearer {secret}"}
    return await hearth.http.request(method, hearth.url + path, headers=headers, json=json)


async def make_link(hearth: Hearth, **body: Any) -> str:
    """The path and query of a new activation link."""
    answer = await administer(hearth, "POST", "/admin/activation-links", body)
    assert answer.status_code == 201, answer.text
    url = str(answer.json()["url"])
    assert url.startswith(hearth.url + "/connect?link=")
    return url.removeprefix(hearth.url)
