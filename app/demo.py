"""The demo: embedded database, sandbox and Hearth on this machine, with nothing set up."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from app.deployment import prepare_schema, require_sound, with_database
from app.errors import ConfigurationError
from app.security.webhooks import generate_signing_secret
from app.serving import listen, run_async, serve
from app.settings import (
    EventsSettings,
    InfobipSettings,
    MetricsSettings,
    PageSettings,
    RefresherSettings,
    Settings,
    StorageSettings,
    WebSettings,
    origin_of,
    variable_names,
)

_SANDBOX_STARTS_WITHIN_SECONDS = 20.0
_SANDBOX_STOPS_WITHIN_SECONDS = 5.0
_SETTINGS_SCHEMA = Path(__file__).parents[1] / "examples" / "settings.schema.json"
_GATEWAY_ALLOW = (
    "POST /sms/2/text/advanced",
    "POST /sms/3/messages",
    "GET /account/1/balance",
    "GET /people/2/persons",
    "GET /ccaas/1/conversations/*",
    "GET /ccaas/1/conversations/*/messages",
    "POST /ccaas/1/conversations/*/messages",
)


def demo(*, port: int, sandbox_port: int, context_card_ui: str | None = None) -> int:
    """Run until Ctrl-C, with a card of one's own where a folder or a URL is given.

    Raises ConfigurationError for busy ports and the like.
    """
    listener = listen("127.0.0.1", port)
    listen("127.0.0.1", sandbox_port, option="--sandbox-port").close()
    data_dir = Path(os.environ.get("DATA_DIR") or ".data") / "demo"
    with _sandbox(port=sandbox_port, app_url=f"http://localhost:{port}") as app:
        settings = _settings(port, sandbox_port, app, data_dir, context_card_ui)
        require_sound(settings)
        with with_database(settings) as ready:
            run_async(prepare_schema(ready, embedded=True))
            sys.stdout.write(_banner(sandbox_port, settings))
            sys.stdout.flush()
            return serve(ready, listener)


@contextmanager
def _sandbox(*, port: int, app_url: str) -> Iterator[dict[str, Any]]:
    """The sandbox as a process of its own; yields its app's credentials."""
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--app-url", app_url]
    process = subprocess.Popen(  # noqa: S603 - our own module
        [*command, "--stop-with-input"],
        stdin=subprocess.PIPE,  # closes when we die, however that happens
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C at the terminal is for us; we end it in our own time
    )
    try:
        yield _credentials(process, f"http://127.0.0.1:{port}")
    finally:
        try:
            process.communicate(timeout=_SANDBOX_STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _credentials(process: subprocess.Popen[bytes], url: str) -> dict[str, Any]:
    deadline = time.monotonic() + _SANDBOX_STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ConfigurationError("The sandbox did not start; see above. (--sandbox-port)")
        try:
            state = httpx.get(f"{url}/_sandbox/state", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        app: dict[str, Any] = state.json()["apps"][0]
        return app
    raise ConfigurationError("The sandbox did not become ready in time.")


def _settings(
    port: int, sandbox_port: int, app: dict[str, Any], data_dir: Path, context_card_ui: str | None
) -> Settings:
    """Settings of the demo's own. Those of the environment and of `.env` are for real apps."""
    for name in variable_names() & os.environ.keys():
        del os.environ[name]
    sandbox_url = f"http://127.0.0.1:{sandbox_port}"
    pages = PageSettings(
        _env_file=None, settings_schema=_SETTINGS_SCHEMA, context_card_ui=context_card_ui
    )
    elsewhere = pages.context_card_ui if isinstance(pages.context_card_ui, str) else None
    return Settings(
        web=WebSettings(
            _env_file=None,
            public_url=f"http://localhost:{port}",
            cors_origins=(origin_of(elsewhere),) if elsewhere else (),
            gateway_allow=_GATEWAY_ALLOW,
            admin_keys=(SecretStr(f"demo:{secrets.token_urlsafe(24)}:read+write+credentials"),),
        ),
        pages=pages,
        storage=StorageSettings(
            _env_file=None, database_url=None, data_dir=data_dir, encryption_keys=()
        ),
        infobip=InfobipSettings(
            _env_file=None,
            client_id=app["clientId"],
            client_secret=SecretStr(app["clientSecret"]),
            app_id=app["appId"],
            signing_secret=SecretStr(app["signingSecret"]),
            scopes=("api_read", "conversations"),
            oauth_url=f"{sandbox_url}/exchange/1/oauth",
            api_url=sandbox_url,
            api_hosts=(f"127.0.0.1:{sandbox_port}",),
            portal_url=sandbox_url,
        ),
        refresher=RefresherSettings(_env_file=None),
        metrics=MetricsSettings(_env_file=None),
        events=EventsSettings(
            _env_file=None,
            url=f"{sandbox_url}/_sandbox/received-events",
            secret=(SecretStr(generate_signing_secret()),),
        ),
    )


def _banner(sandbox_port: int, settings: Settings) -> str:
    sandbox, hearth = f"http://127.0.0.1:{sandbox_port}", settings.web.public_url
    places = (
        ("Open", f"{sandbox}/", "a web interface with our pages"),
        ("Panel", f"{sandbox}/panel", "what the sandbox does, and faults"),
        ("Events", settings.events.url, "what your backend would be told"),
        ("Hearth", hearth, "what the frames load, and /connect"),
        ("Status", f"{hearth}/admin/status", "what lives; asks for the admin key"),
        ("Console", f"{hearth}/docs", "all that an operator does, with the same key"),
    )
    width = max(len(str(address)) for _, address, _ in places)
    lines = (f"  {name:<9} {address:<{width}}  {about}\n" for name, address, about in places)
    admin_key = settings.web.admin_keys[0].get_secret_value().split(":")[1]
    return (
        "\n"
        f"{''.join(lines)}"
        f"  Admin key {admin_key}\n"
        f"  Data      {os.path.relpath(settings.storage.data_dir)}\n"
        "  Ctrl-C stops all of it.\n\n"
    )
