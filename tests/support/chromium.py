"""Finds the Chromium that the browser tests drive, and brings one where there is none.

`python -m tests.support.chromium` does it ahead of the tests.
"""

import subprocess
import sys
from pathlib import Path

from tests.support.browsers import Installed, apt_install, apt_works, bring, ensure, step

CHROMIUM = Installed(
    name="Chromium",
    variable="CHROMIUM",
    commands=("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    mac_places=(
        Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
        Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    ),
    version_says=b"Chrom",
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


def ensure_chromium() -> Path:
    """Installs Chromium where it is missing; raises NoBrowserError where that fails."""
    return ensure(_find, (_install_with_apt, _install_with_playwright), advice=ADVICE)


def _find() -> Path | None:
    return CHROMIUM.find() or _playwrights()


def _playwrights() -> Path | None:
    """Playwright's own download, if there is one."""
    done = subprocess.run(
        [sys.executable, "-c", ASK_PLAYWRIGHT], capture_output=True, check=False, text=True
    )
    program = Path(done.stdout.strip() or "/nowhere")
    return program if CHROMIUM.runs(program) else None


def _install_with_apt() -> str:
    return apt_install(
        "Installing Chromium from the system's packages (once, about 100 MB)", "chromium"
    )


def _install_with_playwright() -> str:
    with_libraries = ["--with-deps"] if apt_works() else []
    return step(
        "Downloading Playwright's Chromium (once, about 170 MB)",
        [sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"],
    )


if __name__ == "__main__":
    bring(ensure_chromium)
