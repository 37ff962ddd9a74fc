"""The servers of the gateway's benchmark, each a process of its own."""

import asyncio
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from app.embed.sessions import COOKIE_PREFIX
from app.models.flow import Surface
from app.models.identifiers import ConnectionId, SessionId
from app.security.secrets import random_token, token_hash
from app.store.database import Database
from app.store.sessions import SessionStore
from bench.certificates import LOOPBACK
from bench.children import ChildFailed, running
from bench.database import Due
from bench.lab import Lab
from bench.stub.answer import ANSWER
from bench.stub.server import find_nginx, free_port

PATH = "/api/infobip/x/y"
LARGE_PATH = "/api/infobip/x/large"
LARGE_BYTES = 50_000_000
_READY_WITHIN_SECONDS = 30.0
_LONG_LIFE = Due(earliest=1_500.0, latest=1_600.0, life_seconds=3_600.0)
"""No renewal falls into the measurement."""

_NGINX = """
daemon off;
worker_processes 1;
pid {name}.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {name}-body;
    proxy_temp_path {name}-proxy;
    fastcgi_temp_path {name}-fastcgi;
    uwsgi_temp_path {name}-uwsgi;
    scgi_temp_path {name}-scgi;
    upstream api {{ server {address}:{upstream}; keepalive 256; }}
    server {{
        listen {address}:{port} backlog=4096;
        {rules}
    }}
}}
"""
_ANSWERING = """
        location /x/large {{ alias {folder}/large; default_type application/octet-stream; }}
        location / {{ default_type application/json; return 200 '{answer}'; }}
"""
_PROXYING = """
        location /api/infobip/ {
            proxy_pass http://api/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Cookie "";
            proxy_set_header Authorization "IBSSO x";
        }
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is asked, and with which headers."""

    url: str
    headers: Mapping[str, str]
    pid: int


@contextmanager
def upstream(folder: Path, *, cores: tuple[int, ...]) -> Iterator[int]:
    """nginx as Infobip's API, over plain HTTP; its port. Raises ChildFailed without nginx."""
    with (folder / "large").open("wb") as large:
        large.truncate(LARGE_BYTES)
    rules = _ANSWERING.format(folder=folder, answer=ANSWER)
    with _nginx("upstream", folder, rules, upstream_port=1, cores=cores) as server:
        yield int(server.url.rpartition(":")[2])


@contextmanager
def proxy_pass(folder: Path, upstream_port: int, *, cores: tuple[int, ...]) -> Iterator[Server]:
    """nginx in Hearth's place: what is possible at all."""
    with _nginx("proxy", folder, _PROXYING, upstream_port=upstream_port, cores=cores) as server:
        yield server


@contextmanager
def compared(name: str, upstream_port: int, *, cores: tuple[int, ...]) -> Iterator[Server]:
    """One of `bench.gateway.apps` under uvicorn, set up as Hearth's own."""
    port = free_port()
    environment = {"BENCH_UPSTREAM": f"http://{LOOPBACK}:{upstream_port}"}
    command = ["uvicorn", f"bench.gateway.apps:{name}", "--port", str(port), "--loop", "uvloop"]
    options = ["--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with _python([*command, *options], environment, cores=cores) as pid:
        yield _ready(Server(f"http://{LOOPBACK}:{port}", {}, pid), PATH)


@contextmanager
def hearth(lab: Lab, upstream_port: int) -> Iterator[Server]:
    """`serve`, with a signed-in page and everything that a call has to go through."""
    lab.stage(1, _LONG_LIFE)
    cookie = asyncio.run(_sign_in(lab.database_url))
    port, api = free_port(), f"{LOOPBACK}:{upstream_port}"
    environment = {
        "PUBLIC_URL": f"http://localhost:{port}",
        "DATABASE_URL": lab.database_url,
        "ENCRYPTION_KEYS": lab.sealing_key,
        "INFOBIP_CLIENT_ID": "8F0792F86035A9F4290821F1EE6BC06A",
        "INFOBIP_CLIENT_SECRET": "unused",
        "INFOBIP_SCOPES": "api_read",
        "INFOBIP_API_URL": f"http://{api}",
        "INFOBIP_API_HOSTS": api,
        "GATEWAY_ALLOW": "GET /x/*",
        "GATEWAY_MAX_CALLS_PER_CONNECTION": "1000",
        "EVENT_STREAMS_PER_SESSION": "1000",
    }
    command = ["app", "serve", "--port", str(port)]
    with _python(command, environment, cores=lab.cores.client) as pid:
        headers = {"Cookie": f"__Host-hearth-session={cookie}", "X-Hearth": "1"}
        yield _ready(Server(f"http://{LOOPBACK}:{port}", headers, pid), PATH)


async def _sign_in(url: str) -> str:
    token = random_token(COOKIE_PREFIX)
    database = Database(url=url, pool_size=1)
    async with database.transaction() as tx:
        connection_id = (await tx.execute(text("SELECT id FROM connections"))).scalar_one()
        await SessionStore(tx).add(
            SessionId(uuid4()),
            token_hash=token_hash(token),
            connection_id=ConnectionId(connection_id),
            surface=Surface.CONTEXT_CARD,
            params=(),
            life_seconds=3_600,
        )
    await database.close()
    return token


@contextmanager
def _nginx(
    name: str, folder: Path, rules: str, *, upstream_port: int, cores: tuple[int, ...]
) -> Iterator[Server]:
    nginx = find_nginx()
    if nginx is None:
        raise ChildFailed("this benchmark needs nginx (Debian: apt-get install nginx-light)")
    port, config = free_port(), folder / f"{name}.conf"
    config.write_text(
        _NGINX.format(name=name, address=LOOPBACK, upstream=upstream_port, port=port, rules=rules)
    )
    command = [nginx, "-p", str(folder), "-c", str(config), "-e", "stderr"]
    with running(command, cores=cores) as child:
        yield _ready(Server(f"http://{LOOPBACK}:{port}", {}, child.pid), "/api/infobip/x/y")


@contextmanager
def _python(
    command: list[str], environment: Mapping[str, str], *, cores: tuple[int, ...]
) -> Iterator[int]:
    with running(
        [sys.executable, "-m", *command], cores=cores, environment=os.environ | dict(environment)
    ) as child:
        yield child.pid


def _ready(server: Server, path: str) -> Server:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        asked = urllib.request.Request(server.url + path, headers=dict(server.headers))
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:
                answer.read()
                return server
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise ChildFailed("a server did not become ready")
