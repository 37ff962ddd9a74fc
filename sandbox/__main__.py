"""``python -m sandbox``: serve the sandbox."""

import argparse
import errno
import socket
import sys
from collections.abc import Sequence

from sandbox import config
from sandbox.app import create_app
from sandbox.config import SandboxConfig
from sandbox.server import SandboxServer

_DESCRIPTION = "A simulator of Infobip's web interface, OAuth endpoints and API."


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    options = _parser().parse_args(arguments)
    sandbox_config = SandboxConfig(
        app_url=options.app_url.rstrip("/"), token_lifetime_seconds=options.token_lifetime
    )
    try:
        listener = _listen(options.host, options.port)
    except OSError as error:
        sys.stderr.write(f"{_explain(error, options.host, options.port)}\n")
        return 1
    host = f"[{options.host}]" if ":" in options.host else options.host
    base = f"http://{host}:{listener.getsockname()[1]}"
    sys.stdout.write(_banner(base, sandbox_config))
    sys.stdout.flush()
    server = SandboxServer(create_app(sandbox_config))
    if options.stop_with_input:
        server.stop_when_input_ends()
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=_DESCRIPTION)
    parser.add_argument("--host", default=config.DEFAULT_HOST, help="default: %(default)s")
    parser.add_argument(
        "--port",
        type=_port,
        default=config.DEFAULT_PORT,
        help="0 takes a free one; default: %(default)s",
    )
    parser.add_argument(
        "--app-url",
        type=_origin,
        default=config.DEFAULT_APP_URL,
        help="where browsers reach the app under test; default: %(default)s",
    )
    parser.add_argument(
        "--token-lifetime",
        type=_lifetime,
        default=60.0,
        metavar="SECONDS",
        help="life of a token; default: 60, as at Infobip",
    )
    parser.add_argument(
        "--stop-with-input",
        action="store_true",
        help="stop when standard input ends; for programs that start a sandbox",
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _origin(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError("the app's URL begins with http:// or https://")
    return text


def _lifetime(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError("a life is more than 0 and at most 86400 seconds")
    return seconds


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use. Stop what listens there, or choose another --port."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs privileges. Choose one above 1023 with --port."
    return f"Cannot listen on {host}:{port}: {error.strerror or error}."


def _banner(base: str, sandbox_config: SandboxConfig) -> str:
    clients = "".join(
        f"{'Public client id' if app.public else 'Client id':<22} {app.client_id}\n"
        for app in sandbox_config.registered_apps()
    )
    return (
        f"Sandbox web interface  {base}/\n"
        f"Control panel          {base}/panel\n"
        f"App under test         {sandbox_config.app_url}\n"
        f"{clients}"
    )


if __name__ == "__main__":
    sys.exit(main())
