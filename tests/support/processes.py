"""Hearth, and its vendor, as processes of their own, which can really die."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.serving import ENDS_WITHIN_SECONDS

WITHIN_SECONDS = 60.0


class HearthProcess:
    """`python -m app …` with its output; the log in it is JSON lines.

    `folder` is where another version of the app is.
    """

    def __init__(
        self, *arguments: str, environment: Mapping[str, str], folder: Path | None = None
    ) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            env=kept | dict(environment),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition(threading.RLock())
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's events of this name so far."""
        with self._changed:
            lines = [line for line in self.lines if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    async def wait_for(self, name: str) -> dict[str, Any]:
        """The first event of this name. Raises AssertionError with the log if it never comes.

        In a thread, like all waiting here: the sandbox lives in the test's event loop.
        """
        return await asyncio.to_thread(self._wait_for, name)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end, which may take ten seconds; the exit status."""
        self.send(number)
        status = await asyncio.to_thread(self._process.wait, ENDS_WITHIN_SECONDS)
        self._reader.join()
        return status

    async def wait(self) -> int:
        """Wait for it to end by itself; the exit status."""
        status = await asyncio.to_thread(self._process.wait, WITHIN_SECONDS)
        self._reader.join()
        return status

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def _wait_for(self, name: str) -> dict[str, Any]:
        with self._changed:
            self._changed.wait_for(lambda: self.events(name) or self._ended, WITHIN_SECONDS)
        found = self.events(name)
        assert found, "\n".join(self.lines)
        return found[0]

    @property
    def _ended(self) -> bool:
        return self._process.poll() is not None

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as log:
            for line in log:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def kill_if_running(self) -> None:
        if not self._ended:
            self._process.kill()
            self._process.wait()
        self._reader.join()


@contextmanager
def hearth_process(
    *arguments: str, environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[HearthProcess]:
    """A process that is gone at the end, whatever happens."""
    process = HearthProcess(*arguments, environment=environment, folder=folder)
    try:
        yield process
    finally:
        process.kill_if_running()


@contextmanager
def sandbox_process(*, life_seconds: float) -> Iterator[str]:
    """The URL of a sandbox that ends with the block, or with us."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--stop-with-input"]
    process = subprocess.Popen(
        [*command, "--token-lifetime", str(life_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1].rstrip("/")
    finally:
        process.stdin.close()
        try:
            process.wait(ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
