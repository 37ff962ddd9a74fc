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
