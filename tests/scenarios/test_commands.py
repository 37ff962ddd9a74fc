"""The commands, as an operator meets them."""

import signal
import socket
import stat
from pathlib import Path

import httpx
import pytest

from app.security.sealing import generate_key
from tests.support.processes import hearth_process
from tests.support.servers import free_port
from tests.support.signing_in import environment_for, sign_in_at
from tests.support.vendor import Vendor
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[2] / "examples"
NOWHERE = "postgresql://app@127.0.0.1:1/x"
SOUND = {
    "INFOBIP_CLIENT_ID": "0" * 32,
    "INFOBIP_CLIENT_SECRET": "x",
    "INFOBIP_SCOPES": "api_read",
    "INFOBIP_OAUTH_URL": "http://127.0.0.1:1/exchange/1/oauth",
    "ENCRYPTION_KEYS": generate_key(),
}


async def test_serve_refuses_an_old_schema_and_names_the_command(postgres: str) -> None:
    environment = SOUND | {"DATABASE_URL": postgres}
    for command in (["serve", "--port", str(free_port())], ["refresher"]):
        with hearth_process(*command, environment=environment) as process:
            assert await process.wait() == 1
            assert "python -m app migrate" in process.lines[-1]


async def test_a_database_that_cannot_be_reached_is_said_with_where_to_look() -> None:
    for command in ("serve", "migrate"):
        environment = SOUND | {"DATABASE_URL": NOWHERE}
        with hearth_process(command, environment=environment) as process:
            assert await process.wait() == 1
        assert "DATABASE_URL" in process.lines[-1]
        assert "check" in process.lines[-1]


async def test_a_busy_port_is_said_in_a_sentence(public_port: socket.socket) -> None:
    port = str(public_port.getsockname()[1])
    with hearth_process("serve", "--port", port, environment=SOUND) as process:
        assert await process.wait() == 1
    assert process.lines == [
        f"Port {port} is in use. Stop what listens there, or choose another with --port."
    ]


async def test_missing_settings_are_all_named_at_once_with_their_remedy() -> None:
    environment = {"DATABASE_URL": "postgresql://app@127.0.0.1:1/x"}
    with hearth_process("serve", environment=environment) as process:
        assert await process.wait() == 1

    said = "\n".join(process.lines)
    for name in (
        "INFOBIP_CLIENT_ID",
        "INFOBIP_SCOPES",
        "ENCRYPTION_KEYS",
    ):
        assert name in said
    assert "generate-key" in said


@pytest.mark.parametrize(
    ("command", "wrong", "sentence"),
    [
        ("serve", {"INFOBIP_TOKEN_LIFETIME_SECONDS": "1"}, "INFOBIP_TOKEN_LIFETIME_SECONDS is 1"),
        (
            "serve",
            {"GATEWAY_ALLOW": "everything"},
            "GATEWAY_ALLOW: 'everything' is not of the form",
        ),
        ("serve", {"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must begin with postgresql://"),
        ("refresher", {"DATABASE_URL": "nonsense"}, "DATABASE_URL is not a URL"),
        (
            "refresher",
            {"DATABASE_URL": "postgresql://x/y?z=1"},
            "DATABASE_URL has parameters unknown here: z",
        ),
        ("refresher", {"PUBLIC_URL": "http://example.com"}, "PUBLIC_URL must be https"),
        (
            "check",
            {"INFOBIP_API_URL": "https://evil.example"},
            "INFOBIP_API_URL is not one of Infobip's",
        ),
        ("check", {"PUBLIC_URL": "http://example.com"}, "PUBLIC_URL must be https"),
    ],
)
async def test_what_cannot_work_is_said_in_a_sentence(
    command: str, wrong: dict[str, str], sentence: str
) -> None:
    with hearth_process(command, environment=SOUND | {"DATABASE_URL": NOWHERE} | wrong) as process:
        assert await process.wait() == 1

    said = "\n".join(process.lines)
    assert sentence in said
    assert "Traceback" not in said


async def test_the_demo_keeps_its_key_to_itself_and_its_tokens_over_a_restart(
    http: httpx.AsyncClient, walkable_folder: Path
) -> None:
    port, sandbox_port = free_port(), free_port()
    command = ("demo", "--port", str(port), "--sandbox-port", str(sandbox_port))
    environment = {"DATA_DIR": str(walkable_folder / "data")}
    key = walkable_folder / "data" / "demo" / "encryption.key"

    with hearth_process(*command, environment=environment) as first:
        await first.wait_for("shards_loaded")
        made = key.read_text()
        vendor = Vendor(http, url=f"http://127.0.0.1:{sandbox_port}")
        await sign_in_at(port, vendor, http)
        assert await first.end(signal.SIGINT) == 0
    own_card = ("--context-card-ui", str(EXAMPLES / "plain"))
    with hearth_process(*command, *own_card, environment=environment) as second:
        loaded = await second.wait_for("shards_loaded")
        script = await http.get(f"http://localhost:{port}/ui/context-card/card.js")
        assert await second.end(signal.SIGINT) == 0

    assert script.content == (EXAMPLES / "plain" / "card.js").read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text() == made
    assert loaded["tokens"] == 1
    assert first.events("embedded_database")


async def test_a_demo_that_is_killed_leaves_nothing_running(
    http: httpx.AsyncClient, walkable_folder: Path
) -> None:
    port, sandbox_port = free_port(), free_port()
    command = ("demo", "--port", str(port), "--sandbox-port", str(sandbox_port))
    environment = {"DATA_DIR": str(walkable_folder / "data")}

    with hearth_process(*command, environment=environment) as first:
        await first.wait_for("shards_loaded")
        await first.end(signal.SIGKILL)

    async def is_there(url: str) -> bool:
        try:
            return (await http.get(url)).is_success
        except httpx.TransportError:
            return False

    async def sandbox_is_gone() -> bool:
        return not await is_there(f"http://127.0.0.1:{sandbox_port}/_sandbox/state")

    await eventually(sandbox_is_gone)
    with hearth_process(*command, environment=environment) as second:
        await eventually(lambda: is_there(f"http://localhost:{port}/readyz"), within_seconds=60)
        assert await second.end(signal.SIGTERM) == 0


async def test_no_secret_is_ever_logged(
    vendor: Vendor, http: httpx.AsyncClient, database_url: str
) -> None:
    """Everything that must stay secret passes through a real process; its log is then searched."""
    port = free_port()
    environment = await environment_for(
        vendor, port=port, database_url=database_url, life_seconds=4
    )
    await vendor.configure(tokenLifetimeSeconds=4)
    with hearth_process("serve", "--port", str(port), environment=environment) as hearth:
        await hearth.wait_for("shards_loaded")
        browser, _, secrets = await sign_in_at(port, vendor, http)
        await browser.api("GET", "/infobip/account/1/balance")
        await vendor.fail({"target": "refresh", "kind": "text", "times": 1})
        await eventually(lambda: was_renewed(vendor))
        await vendor.fail({"target": "exchange", "kind": "drop"})
        _, _, further = await sign_in_at(port, vendor, http)
        await hearth.end()

    log = "\n".join(hearth.lines)
    assert hearth.events("request")
    assert hearth.events("code_exchange_failed")
    known = [environment["ENCRYPTION_KEYS"], environment["INFOBIP_CLIENT_SECRET"]]
    secrets += [*further, *known]
    assert len(secrets) > 8
    assert not [secret for secret in secrets if secret in log]


async def was_renewed(vendor: Vendor) -> bool:
    return await vendor.count("refreshes") >= 1
