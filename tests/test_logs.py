"""Logs of a process as its operator gets them: each test starts one and reads its stderr."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
CANARY = "canary-4f1d"
PREAMBLE = """
import logging, structlog
from app.logs import configure_logs
configure_logs()
log = structlog.get_logger("app.somewhere")
"""
CRASH = """
def renew(authorization):
    raise KeyError("boom")
try:
    renew("-".join(["canary", "4f1d"]))
except KeyError:
    log.exception("renewal_crashed", connection_id="c-1")
"""


def run(script: str) -> list[dict[str, Any]]:
    """What a process logs where nobody watches: one JSON object a line."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def run_at_a_terminal(script: str) -> str:
    """What a process logs where somebody watches."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + script],
        cwd=ROOT,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "200"},
    )
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as screen:
        shown = b""
        with suppress(OSError):  # Linux's way to say that the other side has closed
            while chunk := screen.read(65_536):
                shown += chunk
    assert process.wait() == 0
    return shown.decode()


def test_an_event_is_a_line_of_json_with_its_fields() -> None:
    (event,) = run("log.info('connected', connection_id='c-1', seconds_left=1.5)")
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "connected",
        "level": "info",
        "connection_id": "c-1",
        "seconds_left": 1.5,
    }


def test_a_librarys_line_looks_like_one_of_ours() -> None:
    (event,) = run("logging.getLogger('some.library').warning('%s of %d', 'seven', 9)")
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "seven of 9", "level": "warning"}


def test_what_is_bound_to_the_context_is_on_every_line() -> None:
    events = run(
        "structlog.contextvars.bind_contextvars(request_id='r-1')\n"
        "log.info('ours')\n"
        "logging.getLogger('library').warning('theirs')\n"
    )
    assert [event["request_id"] for event in events] == ["r-1", "r-1"]


def test_a_line_break_cannot_forge_a_line() -> None:
    (event,) = run("log.info('x', code='a\\n{\"event\": \"forged\"}')")
    assert event["code"] == 'a\n{"event": "forged"}'


def test_a_field_that_is_not_json_is_logged_all_the_same() -> None:
    (event,) = run("import uuid; log.info('x', id=uuid.UUID(int=1), when={1, 2})")
    assert "00000000-0000-0000-0000-000000000001" in event["id"]


def test_libraries_that_log_what_they_carry_are_silent_below_warnings() -> None:
    names = ["httpx", "httpcore", "httpcore.connection", "asyncio", "sqlalchemy.engine", "alembic"]
    events = run(
        f"for name in {names}:\n"
        f"    logging.getLogger(name).debug('GET https://x?code={CANARY}')\n"
        f"    logging.getLogger(name).info('GET https://x?code={CANARY}')\n"
        "    logging.getLogger(name).warning(name)\n"
    )
    assert [event["event"] for event in events] == names


def test_a_request_made_with_httpx_leaves_no_trace() -> None:
    assert (
        run(
            "import httpx\n"
            "transport = httpx.MockTransport(lambda request: httpx.Response(200))\n"
            f"httpx.Client(transport=transport).get('https://x.example/?code={CANARY}')\n"
        )
        == []
    )


def test_uvicorn_logs_its_errors_once_and_no_query_strings() -> None:
    (event,) = run(
        "logging.getLogger('uvicorn.access').error('GET /oauth/callback?code=x')\n"
        "logging.getLogger('uvicorn.error').error('trouble')\n"
    )
    assert (event["event"], event["level"]) == ("trouble", "error")


def test_configuring_twice_does_not_double_the_lines() -> None:
    assert len(run("configure_logs()\nlog.info('x')")) == 1


@pytest.mark.parametrize(("level", "events"), [("WARNING", ["b"]), ("DEBUG", ["d", "a", "b"])])
def test_the_level_can_be_chosen(level: str, events: list[str]) -> None:
    logged = run(
        f"configure_logs(level={level!r})\nlog.debug('d')\nlog.info('a')\nlog.warning('b')\n"
    )
    assert [event["event"] for event in logged] == events


def test_a_crash_is_one_line_with_its_traceback_and_no_variables() -> None:
    (event,) = run(CRASH)
    assert event["event"] == "renewal_crashed"
    assert "KeyError: 'boom'" in event["exception"]
    assert "in renew" in event["exception"]
    assert CANARY not in json.dumps(event)


def test_a_terminal_gets_readable_lines() -> None:
    shown = run_at_a_terminal("log.info('connected', connection_id='c-1')")
    assert "connected" in shown
    assert "connection_id" in shown
    assert "{" not in shown


def test_a_crash_at_a_terminal_shows_no_variables() -> None:
    """Pretty tracebacks print the locals of each frame: tokens, secrets, keys."""
    shown = run_at_a_terminal(CRASH)
    assert "renewal_crashed" in shown
    assert "boom" in shown
    assert CANARY not in shown
