"""How a whole run of the tests is spread over several processes: most wait most of the time.

A lane is what one process runs, one test after the other. Tests of a file share what they set up,
so each file is a lane. What wants much of the machine shares one: two browsers at once, or two
crowds of refreshers whose tokens live for seconds, would take each other's time.
"""

from collections.abc import Mapping

import pytest
from xdist.scheduler import LoadScopeScheduling

WORKERS = 2
"""On two cores, which is what CI has. More of them would make tests late that measure time."""

LONGEST_FIRST: Mapping[str, str] = {
    "tests/scenarios/test_survival.py": "processes",
    "tests/scenarios/test_processes.py": "processes",
    "tests/scenarios/test_operators_week.py": "processes",
    "tests/test_run.py": "set-up",
    "tests/browser/": "browsers",
    "tests/sandbox/test_in_a_browser.py": "browsers",
    "tests/refresher/": "lives",
    "tests/web/test_renewal_on_request.py": "lives",
    "tests/test_embedded_postgres.py": "servers",
}
"""What begins like this has this lane, and goes ahead of all other files.

The first lane begins with many processes that start at once, so the second one begins with what has
no token that could die meanwhile.
"""


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist comes without types
    """Whoever is free takes the next lane."""

    def _split_scope(self, nodeid: str) -> str:
        return _place(nodeid)[1]


def workers(config: pytest.Config) -> int:
    """How many processes `-n auto` means: none but this one for a part of the tests."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    narrower = any(config.getoption(name, False) for name in ("keyword", "lf", "collectonly"))
    shown = config.getoption("capture") == "no"
    return WORKERS if whole and not narrower and not shown else 0


def arrange(items: list[pytest.Item]) -> None:
    """Put the tests into the order of their lanes."""
    items.sort(key=lambda item: _place(item.nodeid)[0])


def _place(nodeid: str) -> tuple[int, str]:
    """How early its turn comes, and a test's lane."""
    path = nodeid.partition("::")[0]
    for rank, (start, lane) in enumerate(LONGEST_FIRST.items()):
        if path.startswith(start):
            return rank, lane
    return len(LONGEST_FIRST), path
