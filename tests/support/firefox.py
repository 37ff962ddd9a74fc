"""The Firefox of the browser tests: found, brought where there is none, and started.

`python -m tests.support.firefox` brings it ahead of the tests.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import IntEnum
from pathlib import Path

from tests.support.bidi import Browser, driving
from tests.support.browsers import Installed, apt_install, bring, ensure
from tests.support.waiting import eventually

FIREFOX = Installed(
    name="Firefox",
    variable="FIREFOX",
    commands=("firefox-esr", "firefox"),
    mac_places=(Path("/Applications/Firefox.app/Contents/MacOS/firefox"),),
    version_says=b"Firefox",
)
ADVICE = (
    "The browser tests need Firefox, and none could be found or installed. Install it (Debian: "
    "apt-get install firefox-esr; macOS: brew install --cask firefox), or set FIREFOX to the path "
    "of one. `./run test -m 'not firefox'` leaves these tests out."
)
STARTS_WITHIN_SECONDS = 60
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
PR_SET_PDEATHSIG = 1
# Telemetry, updates, safe browsing, first-run pages and the search for captive portals are switched
# off by Firefox itself when it is driven (`remote.prefs.recommended`). These it leaves on.
QUIET = {
    "browser.startup.page": 0,
    "media.gmp-manager.updateEnabled": False,
    "services.settings.server": "data:,",
}
PERMISSIONS = "permissions.tsv"
ALLOW_COOKIES = "origin\tcookie\t1\t{}\n"
ENVIRONMENT = {"MOZ_REMOTE_SETTINGS_DEVTOOLS": "1"}  # else it keeps to Mozilla's settings server


class Cookies(IntEnum):
    """Firefox's `network.cookie.cookieBehavior`."""

    THIRD_PARTY_BLOCKED = 1
    ALL_BLOCKED = 2
    PARTITIONED = 5  # as Firefox comes


def ensure_firefox() -> Path:
    """Installs Firefox where it is missing; raises NoBrowserError where that fails."""
    return ensure(FIREFOX.find, (_install_with_apt,), advice=ADVICE)


@asynccontextmanager
async def firefox(
    program: Path, cookies: Cookies, *, allowed: Iterable[str] = ()
) -> AsyncIterator[Browser]:
    """A Firefox with a profile of its own; at the end both are gone.

    The `allowed` origins may keep cookies whatever is said about others.
    """
    with tempfile.TemporaryDirectory(prefix="hearth-", ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        (profile / "user.js").write_text(_preferences(profile, cookies))
        (profile / PERMISSIONS).write_text("".join(ALLOW_COOKIES.format(each) for each in allowed))
        with _running(program, profile) as process:
            url = await _address(process, profile)
            async with driving(url) as browser:
                yield browser


def _install_with_apt() -> str:
    return apt_install(
        "Installing Firefox from the system's packages (once, about 80 MB)", "firefox-esr"
    )


def _preferences(profile: Path, cookies: Cookies) -> str:
    values = {
        **QUIET,
        "network.cookie.cookieBehavior": int(cookies),
        "permissions.manager.defaultsUrl": (profile / PERMISSIONS).as_uri(),
    }
    return "".join(f"user_pref({json.dumps(n)}, {json.dumps(v)});\n" for n, v in values.items())


@contextmanager
def _running(program: Path, profile: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone at the end, whatever happens."""
    options = ["--headless", "--no-remote", "--remote-debugging-port", "0"]
    with (profile / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [str(program), *options, "--profile", str(profile)],
            env=os.environ | ENVIRONMENT,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it has nothing to save
        process.wait()


def _end_with_parent() -> None:
    """For the child to run before exec: it ends with the tests, however they end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


async def _address(process: subprocess.Popen[bytes], profile: Path) -> str:
    """Where it listens, as it says when it does."""

    async def has_spoken() -> bool:
        return process.poll() is not None or bool(LISTENING.search(read()))

    def read() -> str:
        return (profile / "output.log").read_text(errors="replace")

    await eventually(has_spoken, within_seconds=STARTS_WITHIN_SECONDS, because="it does not listen")
    listening = LISTENING.search(read())
    assert listening, f"Firefox ended by itself:\n{read()}"
    return listening[1]


if __name__ == "__main__":
    bring(ensure_firefox)
