"""A client that is generated from /openapi.json: it type-checks, and a program works with it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Hearth, StartHearth
from tests.support.administration import ADMIN_KEYS, OPS
from tests.support.vendor import Vendor

pytestmark = pytest.mark.anyio

PROGRAM = '''
"""Whose balance is what: a program of an operator's."""

import asyncio
import os
from uuid import UUID

from hearth_client import AuthenticatedClient
from hearth_client.api.activation_links import create_link
from hearth_client.api.connections import (
    change_connection,
    end_connection,
    list_connections,
    read_authorization,
    read_connection,
)
from hearth_client.models import (
    AuthorizationDetails,
    ChangedConnection,
    ConnectionDetails,
    ConnectionList,
    ConnectionStatus,
    MadeLinkDetails,
    NewLink,
    Problem,
)


async def main() -> None:
    url, secret = os.environ["HEARTH"], os.environ["ADMIN_KEY"]
    async with AuthenticatedClient(base_url=url, token=secret) as client:
        listed = await list_connections.asyncio(client=client, status=ConnectionStatus.ACTIVE)
        assert isinstance(listed, ConnectionList)
        (one,) = listed.items
        changed = await change_connection.asyncio(
            one.id, client=client, body=ChangedConnection(external_id="customer-42")
        )
        assert isinstance(changed, ConnectionDetails)
        handed_out = await read_authorization.asyncio(one.id, client=client)
        assert isinstance(handed_out, AuthorizationDetails)
        assert handed_out.expires_at is not None
        made = await create_link.asyncio(client=client, body=NewLink(external_id="customer-43"))
        assert isinstance(made, MadeLinkDetails)
        ended = await end_connection.asyncio_detailed(one.id, client=client)
        unknown = await read_connection.asyncio(UUID(int=7), client=client)
        assert isinstance(unknown, Problem)
        print(one.username, changed.external_id, made.url, ended.status_code.value, unknown.code)


asyncio.run(main())
'''


@pytest.fixture
async def hearth(start_hearth: StartHearth) -> AsyncIterator[Hearth]:
    """A Hearth with admin keys."""
    async with start_hearth(web={"admin_keys": ADMIN_KEYS}) as running:
        yield running


async def run(folder: Path, *arguments: str, **environment: str) -> str:
    """What a Python program says; it has to succeed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_a_generated_client_type_checks_and_works(
    hearth: Hearth, vendor: Vendor, tmp_path: Path
) -> None:
    await hearth.browser().sign_in(f"/context-card?state={await vendor.state()}")
    document = (await hearth.http.get(f"{hearth.url}/openapi.json")).json()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "program.py").write_text(PROGRAM)

    await run(
        tmp_path,
        *("-m", "openapi_python_client", "generate", "--path", "openapi.json"),
        *("--output-path", "hearth_client", "--meta", "none"),
    )
    await run(tmp_path, "-m", "mypy", "--strict", "hearth_client", "program.py")
    said = await run(tmp_path, "program.py", HEARTH=hearth.url, ADMIN_KEY=OPS)

    username, external_id, url, status, code = said.split()
    assert username == (await vendor.user())["username"]
    assert (external_id, status, code) == ("customer-42", "204", "unknown_connection")
    assert url.startswith(f"{hearth.url}/connect?link=")
