"""All operations against what /openapi.json says of them, with input right and wrong."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, OPS
from tests.support.scripted_page import Page
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

CONFIG = Path(__file__).with_name("schemathesis.toml")
PHASES = "examples,coverage,fuzzing,stateful"
MOST_SECONDS = 25
"""For all phases together. What is left over then was tried less often, and is not missed."""


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys, no limit on sign-ins, and somebody who renews on request."""
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}, refresher=True) as running:
        yield running


async def test_every_operation_does_what_its_description_says(
    hearth: Hearth, vendor: Vendor, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    arguments = ["run", f"{hearth.url}/openapi.json", "--phases", PHASES, "--no-color"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *arguments,
        *("--max-time", str(MOST_SECONDS)),
        cwd=tmp_path,
        env=os.environ
        | {"ADMIN_KEY": OPS, "SESSION_TOKEN": await Page(hearth).sign_in(await vendor.state())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    report = output.decode()

    assert process.returncode == 0, report
    assert "No issues found" in report
