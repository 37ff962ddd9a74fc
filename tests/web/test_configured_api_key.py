"""INFOBIP_API_KEY: a private app that needs no OAuth at all."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.connections.api_keys import CONFIGURED_ID
from app.security.sealing import generate_key
from sandbox.config import API_KEY_CLINIC, API_KEY_CYCLES
from tests.conftest import Hearth, StartHearth
from tests.support.administration import (
    ADMIN_KEYS,
    BACKEND,
    READER,
    admin,
    balance,
    count_connections,
)
from tests.support.processes import hearth_process
from tests.support.servers import free_port
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

WEB = {"admin_keys": ADMIN_KEYS}
ALONE = {"client_id": None, "client_secret": None, "scopes": ()}
"""Settings without an app shell: no OAuth."""
CANARY = "c4na12y0c4na12y0c4na12y0c4na12y0-00000000-0000-4000-8000-00000000c4na"


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys."""
    async with start_hearth(web=WEB) as running:
        yield running


async def test_a_private_app_needs_nothing_but_its_key(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    infobip = {**ALONE, "api_key": SecretStr(API_KEY_CYCLES)}
    async with start_hearth(web=WEB, infobip=infobip, refresher=True) as hearth:
        (made,) = (await admin(hearth, "GET", "/connections")).json()["items"]
        used = await balance(hearth, CONFIGURED_ID)
        (entry,) = (await admin(hearth, "GET", "/audit")).json()["items"]

    assert (made["id"], made["label"]) == (str(CONFIGURED_ID), "INFOBIP_API_KEY")
    assert (made["type"], made["status"]) == ("apiKey", "active")
    assert used.json() == {"balance": 47.79, "currency": "EUR"}
    assert (entry["actor"], entry["action"]) == ("settings", "api_key_added")
    assert await vendor.count("apiCalls") == 1


async def test_the_connection_follows_the_setting(start_hearth: StartHearth) -> None:
    seen: list[Any] = []
    keys = (API_KEY_CYCLES, API_KEY_CYCLES, API_KEY_CLINIC, None, None, API_KEY_CYCLES)
    for api_key in keys:
        infobip = {"api_key": SecretStr(api_key) if api_key else None}
        async with start_hearth(web=WEB, infobip=infobip) as hearth:
            answer = await balance(hearth, CONFIGURED_ID)
            seen.append(answer.json().get("currency") or answer.json()["code"])
            record = (await admin(hearth, "GET", "/audit")).json()["items"]
            listed = (await admin(hearth, "GET", "/connections")).json()["items"]
            assert [item["id"] for item in listed] == [str(CONFIGURED_ID)]

    assert seen == ["EUR", "EUR", "USD", "connection_lost", "connection_lost", "EUR"]
    assert [entry["action"] for entry in reversed(record)] == [
        *("api_key_added", "api_key_added", "disconnected", "api_key_added"),
    ]


async def test_without_the_setting_there_is_no_such_connection(hearth: Hearth) -> None:
    assert (await balance(hearth, CONFIGURED_ID)).status_code == 404
    assert await count_connections(hearth) == 0


async def test_without_oauth_nobody_signs_in_and_it_is_said_why(start_hearth: StartHearth) -> None:
    infobip = {**ALONE, "api_key": SecretStr(API_KEY_CYCLES)}
    async with start_hearth(web=WEB, infobip=infobip) as hearth:
        for path in ("/context-card?state=x", "/settings?state=x", "/connect"):
            answer = await hearth.browser().get(path)
            assert answer.status_code == 404, path
            assert "oauth_not_configured" in answer.text


async def test_a_process_serves_with_a_key_alone_and_has_nothing_to_refresh(
    vendor: Vendor, database_url: str, http: httpx.AsyncClient
) -> None:
    port = free_port()
    environment = {
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": database_url,
        "ENCRYPTION_KEYS": generate_key(),
        "ADMIN_KEYS": f"backend:{BACKEND}:credentials,reader:{READER}:read",
        "GATEWAY_ALLOW": "GET /account/1/balance",
        "INFOBIP_API_KEY": API_KEY_CLINIC,
        "INFOBIP_API_URL": vendor.url,
        "INFOBIP_API_HOSTS": vendor.url.removeprefix("http://"),
    }
    address = f"http://localhost:{port}/admin/connections/{CONFIGURED_ID}/infobip/account/1/balance"

    wrong = {"INFOBIP_API_KEY": CANARY}

    async def serves() -> bool:
        try:
            answer = await http.get(address, headers={"authorization": f"Bearer {BACKEND}"})
        except httpx.TransportError:
            return False
        assert answer.json() == {"balance": 1203.5, "currency": "USD"}
        return True

    with hearth_process("serve", "--port", str(port), environment=environment) as process:
        await eventually(serves, because=lambda: "\n".join(process.lines))
        with (
            hearth_process("refresher", environment=environment) as idle,
            hearth_process("check", environment=environment) as check,
            hearth_process("check", environment=environment | wrong) as wrong_check,
        ):
            assert await idle.wait() == 1
            assert await check.wait() == 0, check.lines
            assert await wrong_check.wait() == 1
        assert await process.end() == 0

    assert idle.lines[-1].startswith("There is nothing to refresh: INFOBIP_CLIENT_ID is not set")
    assert "Infobip: ok" in check.lines
    assert [line for line in wrong_check.lines if line.startswith("Infobip: INFOBIP_API_KEY is ")]
    for line in process.lines + idle.lines + check.lines + wrong_check.lines:
        for secret in (API_KEY_CLINIC, BACKEND, READER, CANARY):
            assert secret not in line
