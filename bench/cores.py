"""Which core is whose: whoever is measured has one to itself, the rest keeps off it."""

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """Empty tuples where nothing is pinned."""

    client: tuple[int, ...]
    stub: tuple[int, ...]
    database: tuple[int, ...]
    in_all: int = 1

    def __str__(self) -> str:
        if not self.client:
            return "nothing is pinned to a core (it takes Linux and two cores): figures are rough"
        if self.database == self.stub:
            return "one core for who is measured, another one for the stub and PostgreSQL together"
        return "a core each for who is measured, for the stub and for PostgreSQL"


def share_out() -> Cores:
    """What this process may use, shared out."""
    if sys.platform != "linux":
        return Cores((), (), (), in_all=os.cpu_count() or 1)
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        return Cores((), (), ())
    return Cores(
        client=(usable[0],),
        stub=(usable[1],),
        database=(usable[min(2, len(usable) - 1)],),
        in_all=len(usable),
    )


def pin(cores: tuple[int, ...], *, pid: int = 0) -> None:
    """Keep this process (or that one), and those that it starts from now on, on these cores."""
    if cores and sys.platform == "linux":
        os.sched_setaffinity(pid, cores)
