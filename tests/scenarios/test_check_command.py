"""`python -m app check`, as an operator meets it."""

import asyncio

import pytest

from sandbox.config import APP_ID, CLIENT_SECRET, SIGNING_SECRET
from tests.conftest import StartHearth
from tests.support.processes import hearth_process
from tests.support.settings import as_environment
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

SECRETS = (CLIENT_SECRET, SIGNING_SECRET)
RIGHT = {"INFOBIP_APP_ID": APP_ID, "INFOBIP_SIGNING_SECRET": SIGNING_SECRET}


async def check(environment: dict[str, str]) -> tuple[int, list[str]]:
    """The exit status, and what is said of the app's credentials."""
    with hearth_process("check", environment=environment) as process:
        status = await process.wait()
    said = "\n".join(process.lines)
    assert "Traceback" not in said
    assert not [secret for secret in SECRETS if secret in said]
    lines = [line for line in process.lines if line.startswith("App credentials: ")]
    return status, [line.removeprefix("App credentials: ") for line in lines]


async def test_check_compares_the_settings_with_the_app_shell(
    start_hearth: StartHearth, vendor: Vendor
) -> None:
    async with start_hearth() as hearth:
        right = as_environment(hearth.settings) | RIGHT
        before = await check(right)
        await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
        fits, wrong = await asyncio.gather(
            check(right), check(right | {"INFOBIP_REDIRECT_URI": "https://other.example/callback"})
        )

    assert before[0] == 0
    assert "open the app once in Infobip" in before[1][0]
    assert fits == (0, ["ok"])
    assert wrong[0] == 1
    assert "https://other.example/callback" in wrong[1][0]


async def test_check_asks_nobody_before_the_rest_is_mended(start_hearth: StartHearth) -> None:
    async with start_hearth() as hearth:
        environment = as_environment(hearth.settings) | RIGHT | {"INFOBIP_SCOPES": ""}
        status, said = await check(environment)

    assert (status, said) == (1, [])


async def test_check_names_a_proxy_that_cannot_be_used(start_hearth: StartHearth) -> None:
    async with start_hearth() as hearth:
        environment = as_environment(hearth.settings) | {"HTTPS_PROXY": "socks5://s3cret:1080"}
        with (
            hearth_process("check", environment=environment) as process,
            hearth_process("serve", environment=environment) as serving,
        ):
            assert await process.wait() == 1
            assert await serving.wait() != 0

    said, why = "\n".join(process.lines), "\n".join(serving.lines)
    assert "Settings: HTTPS_PROXY must begin with http:// and name a host." in said
    assert "Infobip: Not looked at, as HTTPS_PROXY cannot be used." in said
    assert "HTTPS_PROXY must begin with http://" in why
    assert "s3cret" not in said + why


async def test_check_names_what_is_malformed_unsafe_and_out_of_reach_all_at_once() -> None:
    environment = {
        "PUBLIC_URL": "http://hearth.example",
        "CORS_ORIGINS": "http://cards.example",
        "INFOBIP_CLIENT_ID": "short",
        "INFOBIP_SCOPES": "api_read",
        "INFOBIP_OAUTH_URL": "http://127.0.0.1:1/exchange/1/oauth",
        "ADMIN_KEYS": "ops:short",
        "GATEWAY_ALLOW": "everything",
        "GATEWAY_TIMEOUT_SECONDS": "soon",
        "DATABASE_URL": "postgresql://app@127.0.0.1:1/x",
    }
    with hearth_process("check", environment=environment) as process:
        assert await process.wait() == 1

    begins = [
        "Settings: INFOBIP_CLIENT_ID: must be the 32 hexadecimal digits",
        "Settings: GATEWAY_TIMEOUT_SECONDS: ",
        "Settings: ENCRYPTION_KEYS is not set: make a key with",
        "Settings: PUBLIC_URL must be https",
        "Settings: CORS_ORIGINS must be https",
        "Settings: GATEWAY_ALLOW: 'everything' is not of the form",
        "Settings: ADMIN_KEYS: entry 1 has a secret that",
        "Database: It cannot be reached",
        "Infobip: http://127.0.0.1:1/exchange/1/oauth/token does not answer",
    ]
    for begin in begins:
        assert len([line for line in process.lines if line.startswith(begin)]) == 1, begin
    assert len(process.lines) == len(begins), process.lines
