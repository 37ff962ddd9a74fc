"""Finds the Chromium that the browser tests drive, and brings one where there is none.

`python -m tests.support.chromium` does it ahead of the tests, with a line for each slow step.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_PLACES = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
ADVICE = (
    "The browser tests need Chromium, and none could be found or installed. Install it (Debian: "
    "apt-get install chromium; macOS: brew install --cask chromium), or set CHROMIUM to the path "
    "of one. `./run test -m 'not browser'` leaves these tests out."
)


class NoChromiumError(Exception):
    """There is no Chromium; the message says what to do."""


def find_chromium() -> Path | None:
    """The one that CHROMIUM names, else one that is installed, else Playwright's own download.

    Raises NoChromiumError where CHROMIUM names something that does not run.
    """
    if named := os.environ.get("CHROMIUM"):
        if _runs(Path(named)):
            return Path(named)
        raise NoChromiumError(f"CHROMIUM is set to {named}, which is not a Chromium that runs.")
    on_path = (Path(found) for name in NAMES if (found := shutil.which(name)))
    return next((each for each in (*on_path, *MAC_PLACES) if _runs(each)), None) or _playwrights()


def ensure_chromium() -> Path:
    """Installs Chromium where it is missing; raises NoChromiumError where that fails."""
    if found := find_chromium():
        return found
    problems = []
    for install in (_install_with_apt, _install_with_playwright):
        problems.append(install())
        if found := find_chromium():
            return found
    raise NoChromiumError("\n\n".join([*filter(None, problems), ADVICE]))


def _runs(program: Path) -> bool:
    """Ubuntu's chromium-browser, for one, may be a script that only asks for a snap."""
    if not program.exists():
        return False
    try:
        done = subprocess.run([program, "--version"], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and b"Chrom" in done.stdout


def _playwrights() -> Path | None:
    done = subprocess.run(
        [sys.executable, "-c", ASK_PLAYWRIGHT], capture_output=True, check=False, text=True
    )
    program = Path(done.stdout.strip() or "/nowhere")
    return program if _runs(program) else None


def _install_with_apt() -> str:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return ""
    # On a bare system Chromium would come without any font.
    packages = ["chromium", "fonts-dejavu-core", "fonts-liberation"]
    return _step(
        "Installing Chromium from the system's packages (once, about 100 MB)",
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", *packages],
    )


def _install_with_playwright() -> str:
    with_libraries = ["--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else []
    return _step(
        "Downloading Playwright's Chromium (once, about 170 MB)",
        [sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"],
    )


def _step(label: str, *commands: list[str]) -> str:
    """Runs the commands in turn; the end of the output of one that failed, else ''."""
    _say(f"{label} … ")
    began = time.monotonic()
    for command in commands:
        done = subprocess.run(
            command,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            _say("failed\n")
            tail = done.stdout.decode(errors="replace").splitlines()[-8:]
            return "\n".join([f"{' '.join(command)} said:", *tail])
    _say(f"{time.monotonic() - began:.0f} s\n")
    return ""


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        ensure_chromium()
    except NoChromiumError as error:
        sys.exit(str(error))
