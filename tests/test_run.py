"""The script that a newcomer meets first."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = "awk cat cksum date dirname find grep kill mkdir mktemp mv readlink rm sed sh sleep tail"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with nothing to install, whose `app` tells its arguments and exits with 3."""
    folder = tmp_path / "a project"
    (folder / "app").mkdir(parents=True)
    shutil.copy(ROOT / "run", folder / "run")
    (folder / "requirements.lock").write_text("")
    (folder / "app" / "__main__.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.getcwd())\nsys.exit(3)\n"
    )
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH with the usual tools and no Python, uv or virtualenv."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS.split():
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(
    command: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    return subprocess.run(
        [command, *arguments],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_names_every_command(project: Path) -> None:
    for word in ("help", "--help", "-h"):
        done = run(project / "run", word)
        assert done.returncode == 0
        for command in ("demo", "app", "test", "check", "bench", "lock"):
            assert f"\n  {command} " in done.stdout
    assert not (project / ".venv").exists()


def test_without_a_command_it_shows_the_help_and_fails(project: Path) -> None:
    done = run(project / "run")
    assert done.returncode == 2
    assert "Usage: ./run COMMAND" in done.stderr


def test_an_unknown_command_is_named(project: Path) -> None:
    done = run(project / "run", "tset")
    assert done.returncode == 2
    assert "There is no command 'tset'." in done.stderr
    assert not (project / ".venv").exists()


def test_without_python_it_says_what_to_install(project: Path, bare_path: Path) -> None:
    done = run(project / "run", "demo", PATH=str(bare_path))
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed, and no Python was found." in done.stderr
    assert "apt-get install" in done.stderr
    assert "brew install" in done.stderr


@pytest.mark.parametrize("version", ["2.7.18", "3.8.10", "3.10.13"])
def test_an_old_python_is_named_with_its_version(
    project: Path, bare_path: Path, version: str
) -> None:
    script(bare_path / "python3", f"echo {version}")
    done = run(project / "run", "demo", PATH=str(bare_path))
    assert done.returncode == 1
    assert f"3.11 or newer is needed, and only Python {version} was found." in done.stderr


def test_a_python_that_was_chosen_and_does_not_run_is_named(project: Path) -> None:
    done = run(project / "run", "demo", PYTHON="/nowhere/python")
    assert done.returncode == 1
    assert "PYTHON is set to '/nowhere/python', which does not run." in done.stderr


def test_without_the_venv_module_it_names_the_package(project: Path, bare_path: Path) -> None:
    script(
        bare_path / "python3",
        f"""case "$*" in *venv* | *ensurepip* | *virtualenv* | *pip*) exit 1 ;; esac
exec '{sys.executable}' "$@" """,
    )
    done = run(project / "run", "demo", PATH=str(bare_path))
    assert done.returncode == 1
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert "its module 'venv' or 'ensurepip' is\nmissing" in done.stderr
    assert f"apt-get install python{minor}-venv" in done.stderr


def test_it_sets_up_once_and_passes_arguments_and_exit_code_on(project: Path) -> None:
    first = run(project / "run", "app", "a b", "--c", PYTHON=sys.executable)
    assert "Setting up in .venv" in first.stderr
    assert first.stdout == f"['a b', '--c'] {project}\n"
    assert first.returncode == 3

    link = project.parent / "link"
    link.symlink_to("a project/run")
    second = run(link, "demo", cwd=Path("/"))
    assert second.stderr == ""
    assert second.stdout == f"['demo'] {project}\n"

    (project / "requirements.lock").write_text("# changed\n")
    assert "Setting up" in run(project / "run", "app").stderr
    assert run(project / "run", "app").stderr == ""

    moved = project.rename(project.with_name("moved"))
    third = run(moved / "run", "app")
    assert "making the environment" in third.stderr
    assert third.returncode == 3


def test_a_set_up_that_was_interrupted_or_broken_is_done_again(project: Path) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to("/nowhere/python")
    done = run(project / "run", "app")
    assert "making the environment" in done.stderr
    assert done.returncode == 3


def test_two_at_once_do_not_disturb_each_other(project: Path) -> None:
    both = [
        subprocess.Popen(
            [project / "run", "app"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    messages = [each.communicate(timeout=120)[1] for each in both]
    assert [each.returncode for each in both] == [3, 3]
    assert sum("Set up after" in message for message in messages) == 1


def test_a_package_that_cannot_be_had_is_told_with_the_reason(project: Path) -> None:
    (project / "requirements.lock").write_text("/nowhere/missing.whl --hash=sha256:" + "0" * 64)
    done = run(project / "run", "app")
    assert done.returncode == 1
    assert "installing the packages" in done.stderr
    assert "failed" in done.stderr
    assert "missing.whl" in done.stderr
    assert not (project / ".venv" / ".set-up").exists()


@pytest.mark.parametrize("name", ["Chromium", "Firefox"])
def test_a_browser_that_does_not_run_is_an_error_in_words(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.support.{name.lower()}"],
        cwd=ROOT,
        env=os.environ | {name.upper(): "/nowhere/browser"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    variable = name.upper()
    assert done.stderr == (
        f"{variable} is set to /nowhere/browser, which is not a {name} that runs.\n"
    )
