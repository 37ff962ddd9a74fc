"""``python -m sandbox``."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

COMMAND = [sys.executable, "-m", "sandbox"]


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_busy_port_is_a_plain_message_and_status_1(busy_port: int) -> None:
    done = subprocess.run(
        [*COMMAND, "--port", str(busy_port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert f"Port {busy_port} on 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "options",
    [["--port", "70000"], ["--port", "x"], ["--token-lifetime", "0"], ["--app-url", "localhost"]],
)
def test_a_wrong_option_is_explained(options: list[str]) -> None:
    done = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert options[0] in done.stderr
    assert "Traceback" not in done.stderr


def test_it_stops_at_once_though_a_client_waits_for_nothing() -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        fault = [{"target": "api", "kind": "hang"}]
        httpx.put(f"{found[0]}/_sandbox/faults", json=fault, timeout=10)
        with socket.create_connection(("127.0.0.1", httpx.URL(found[0]).port or 0)) as waiting:
            waiting.sendall(b"GET /account/1/balance HTTP/1.1\r\nHost: localhost\r\n\r\n")
            httpx.get(f"{found[0]}/_sandbox/state", timeout=10)
            process.terminate()
            assert waiting.recv(1) == b""
        errors = process.stderr.read()
        process.wait(timeout=10)
    assert errors == ""


def test_it_says_where_it_is_serves_and_stops_quietly() -> None:
    options = ["--port", "0", "--app-url", "http://localhost:8123/", "--token-lifetime", "7"]
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        state = httpx.get(f"{found[0]}/_sandbox/state", timeout=10).json()
        process.terminate()
        errors = process.stderr.read()
        process.wait(timeout=10)
    assert state["settings"]["tokenLifetimeSeconds"] == 7
    assert state["apps"][0]["redirectUri"] == "http://localhost:8123/oauth/callback"
    assert "Traceback" not in errors
