"""Finding the browsers that tests drive, and installing them, with a line for each slow step."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


class NoBrowserError(Exception):
    """There is no such browser; the message says what to do."""


@dataclass(frozen=True)
class Installed:
    """Where a browser is, when somebody has installed it."""

    name: str
    variable: str  # of the environment, for the path of one
    commands: tuple[str, ...]
    mac_places: tuple[Path, ...]
    version_says: bytes

    def find(self) -> Path | None:
        """The one that the variable names, else the first that is found.

        Raises NoBrowserError where the variable names something that does not run.
        """
        if named := os.environ.get(self.variable):
            if self.runs(Path(named)):
                return Path(named)
            raise NoBrowserError(
                f"{self.variable} is set to {named}, which is not a {self.name} that runs."
            )
        on_path = (Path(found) for name in self.commands if (found := shutil.which(name)))
        return next((each for each in (*on_path, *self.mac_places) if self.runs(each)), None)

    def runs(self, program: Path) -> bool:
        """Ubuntu's chromium-browser, for one, may be a script that only asks for a snap."""
        if not program.exists():
            return False
        command = [str(program), "--version"]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0 and self.version_says in done.stdout


def ensure(
    find: Callable[[], Path | None], installers: Sequence[Callable[[], str]], *, advice: str
) -> Path:
    """What `find` finds, if need be after the first installer that helps.

    An installer returns what it has to complain about. Raises NoBrowserError where none helps.
    """
    if found := find():
        return found
    problems = []
    for install in installers:
        problems.append(install())
        if found := find():
            return found
    raise NoBrowserError("\n\n".join([*filter(None, problems), advice]))


def apt_works() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(label: str, *packages: str) -> str:
    """Installs packages where that is possible; what went wrong, else ''."""
    if not apt_works():
        return ""
    # On a bare system browsers would come without any font.
    packages = (*packages, "fonts-dejavu-core", "fonts-liberation")
    return step(
        label,
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", *packages],
    )


def step(label: str, *commands: list[str]) -> str:
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


def bring(ensure_browser: Callable[[], Path]) -> None:
    """What `python -m` does with a browser's module, ahead of the tests."""
    try:
        ensure_browser()
    except NoBrowserError as error:
        sys.exit(str(error))


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
