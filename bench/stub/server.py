"""Starting the stub: nginx where it is installed, else a small one of our own."""

import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.certificates import LOOPBACK, Certificates
from bench.children import ChildFailed, running
from bench.stub.answer import ANSWER

_PORTS = range(20_000, 30_000)
_READY_WITHIN_SECONDS = 10.0
_LOG = "stub.log"

# One worker on its own core; nothing is logged per request, no connection is ever closed.
_NGINX = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address}:{port} ssl backlog=4096;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location / {{
            default_type application/json;
            return 200 '{answer}';
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Stub:
    """Where it listens, and what it is."""

    url: str
    kind: str
    pid: int


def find_nginx() -> str | None:
    """Also where an ordinary user's PATH does not lead."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running_stub(
    folder: Path, certificates: Certificates, *, nginx: str | None, cores: tuple[int, ...]
) -> Iterator[Stub]:
    """A stub that answers until the end of the block, our own without nginx. Raises ChildFailed."""
    port = free_port()
    if nginx:
        command = _nginx_command(nginx, folder, certificates, port)
    else:
        files = (str(certificates.certificate), str(certificates.key))
        command = [sys.executable, "-m", "bench.stub.bundled", str(port), *files]
    with (folder / _LOG).open("wb") as log, running(command, cores=cores, output=log) as child:
        _wait_until_ready(child, port, folder / _LOG)
        kind = _version(nginx) if nginx else "the bundled stub"
        yield Stub(f"https://{LOOPBACK}:{port}", kind, child.pid)


def _nginx_command(nginx: str, folder: Path, certificates: Certificates, port: int) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(
        _NGINX.format(
            address=LOOPBACK,
            port=port,
            certificate=certificates.certificate,
            key=certificates.key,
            answer=ANSWER,
        )
    )
    return [nginx, "-p", str(folder), "-c", str(config), "-e", "stderr"]


def _version(nginx: str) -> str:
    done = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition(" ")[2] or "nginx"


def free_port() -> int:
    """One that nobody listens on."""
    for port in random.sample(_PORTS, k=100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise ChildFailed("no free port for the stub was found")


def _wait_until_ready(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.02)
    raise ChildFailed(f"the stub did not start:\n{log.read_text(errors='replace')[-2000:]}")
