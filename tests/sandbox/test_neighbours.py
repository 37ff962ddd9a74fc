"""What pages of other sites may not do with a sandbox on a developer's machine."""

import pytest

from tests.sandbox.client import SandboxClient

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "host", ["evil.example:9000", "127.0.0.1.evil.example", "localhost.evil.example", "[", ""]
)
@pytest.mark.parametrize("path", ["/", "/_sandbox/state", "/panel", "/exchange/1/oauth/authorize"])
async def test_a_name_that_only_resolves_to_this_machine_gets_nothing(
    sandbox: SandboxClient, host: str, path: str
) -> None:
    answer = await sandbox.http.get(path, headers={"host": host})

    assert answer.status_code == 403
    assert "clientSecret" not in answer.text


@pytest.mark.parametrize(
    "host", ["localhost:9000", "127.0.0.1:1", "[::1]:9000", "portal.localhost"]
)
async def test_this_machines_own_names_are_welcome(sandbox: SandboxClient, host: str) -> None:
    answer = await sandbox.http.get("/_sandbox/state", headers={"host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[", "http://127.0.0.1:1"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/login"),
        ("POST", "/logout"),
        ("POST", "/consent/x"),
        ("POST", "/_sandbox/reset"),
        ("GET", "/_sandbox/state"),
    ],
)
async def test_other_sites_may_not_steer(
    sandbox: SandboxClient, method: str, path: str, origin: str
) -> None:
    answer = await sandbox.http.request(method, path, headers={"origin": origin})

    assert answer.status_code == 403
