"""What every fault costs at full size: the scenarios of `tests/scenarios/survival.py`."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.machine import machine_facts
from bench.results import number
from tests.scenarios import survival
from tests.scenarios.survival import LANES, Found, Lane
from tests.support.stage import Size

ABOUT = "what is lost when replicas, the database or Infobip fail (takes ten minutes)"
SCENARIOS = tuple(dict.fromkeys(one.__name__ for lane in LANES for one in lane.troubles))
SIZE = Size(connections=1_000, life_seconds=60.0, lives_away=5.0, lives_of_faults=2.0)


@dataclass(frozen=True, slots=True)
class Survived:
    """What was found, as a table and as JSON."""

    size: Size
    found: list[Found]

    def table(self) -> str:
        """For people."""
        heads = ("scenario", "mode", "lost", "twice", "least s left", "renewals", "noted")
        rows = [heads, *map(_cells, self.found)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column in (0, 1, 6) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )

    def write(self, folder: Path) -> Path:
        """`survival.json` in this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "survival.json"
        content = {
            "benchmark": "survival",
            "size": asdict(self.size),
            "scenarios": [asdict(one) for one in self.found],
            "machine": machine_facts(),
        }
        path.write_text(json.dumps(content, indent=2) + "\n")
        return path


def run(
    *, scenarios: Sequence[str], connections: int, life_seconds: float, say: Callable[[str], None]
) -> Survived:
    """Those of these names, in all vendor modes in which they differ."""
    size = Size(
        connections=connections,
        life_seconds=life_seconds,
        lives_away=SIZE.lives_away,
        lives_of_faults=SIZE.lives_of_faults,
    )
    return Survived(size, asyncio.run(_all(size, scenarios, say)))


async def _all(size: Size, scenarios: Sequence[str], say: Callable[[str], None]) -> list[Found]:
    lanes = [lane.only(scenarios) for lane in LANES]
    lanes = [lane for lane in lanes if lane.troubles]
    start = asyncio.Barrier(len(lanes))

    async def go_through(lane: Lane) -> None:
        async for one in survival.run(lane, size, when_all_are_there=start):
            say(f"  {' '.join(_cells(one))}")
            found.append(one)

    found: list[Found] = []
    ends = await asyncio.gather(*map(go_through, lanes), return_exceptions=True)
    for lane, end in zip(lanes, ends, strict=True):
        if isinstance(end, BaseException):
            say(f"  {lane.mode}: {', '.join(one.__name__ for one in lane.troubles)}: {end!r}")
    return sorted(found, key=lambda one: SCENARIOS.index(one.scenario))


def _cells(found: Found) -> tuple[str, ...]:
    noted = ", ".join(f"{name} {number(value)}" for name, value in found.noted.items())
    return (
        found.scenario,
        found.mode,
        number(found.lost),
        number(found.renewed_twice),
        number(found.least_seconds_left),
        number(found.renewals),
        noted,
    )
