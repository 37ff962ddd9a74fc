"""A whole run is spread over processes; a part of it is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lanes import LONGEST_FIRST

ROOT = Path(__file__).resolve().parents[1]
ONE = "tests/test_lanes.py::test_what_has_a_lane_is_there"


@pytest.mark.parametrize("start", LONGEST_FIRST)
def test_what_has_a_lane_is_there(start: str) -> None:
    assert (ROOT / start).exists()


@pytest.mark.parametrize(
    ("arguments", "in_processes"),
    [((ONE,), False), (("-k", "has_a_lane", "tests/test_lanes.py"), False), ((ONE, "-n1"), True)],
)
def test_a_part_runs_in_the_process_that_was_asked_for_it(
    arguments: tuple[str, ...], in_processes: bool
) -> None:
    """There `--pdb` and `-s` work, and nothing has to start up first."""
    said = verbose(*arguments)

    assert f"{len(LONGEST_FIRST)} passed" in said
    assert ("[gw0]" in said) is in_processes


def test_a_lane_is_run_by_one_process() -> None:
    files = ["tests/security/test_secrets.py", "tests/refresher/test_timetable.py"]
    files.append("tests/refresher/test_timings.py")

    said = verbose("-n2", *files)

    by_process = re.findall(r"^\[(gw\d)\] .* PASSED (\S+?)::", said, re.M)
    assert {file for _, file in by_process} == set(files)
    assert len({process for process, file in by_process if "refresher" in file}) == 1
    assert len({process for process, _ in by_process}) == 2


def verbose(*arguments: str) -> str:
    """What pytest says, which has to be happy."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
