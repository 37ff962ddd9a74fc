"""Who uses how much of the processor. Linux only: elsewhere nothing is told."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_PROC = Path("/proc")
_PARENT, _FIRST_TIME, _LAST_TIME = 1, 11, 14
_IDLE, _WAITING = 3, 4


class Usage:
    """CPU time of these processes with all their descendants, and of these cores, since it was
    made. `roots` are pids by the name that their share goes by."""

    def __init__(self, *, roots: Mapping[str, int], cores: tuple[int, ...]) -> None:
        self._roots = dict(roots) if sys.platform == "linux" else {}
        self._cores = cores if sys.platform == "linux" else ()
        self._processes, self._busy = self._trees(), _core_times(self._cores)

    def read(self) -> dict[str, float]:
        """`<name>_cpu_seconds` for each root, and `busy_share` of the cores together."""
        found = {
            f"{name}_cpu_seconds": now - self._processes[name]
            for name, now in self._trees().items()
        }
        (busy, total), (busy_before, total_before) = _core_times(self._cores), self._busy
        if total > total_before:
            found["busy_share"] = (busy - busy_before) / (total - total_before)
        return found

    def _trees(self) -> dict[str, float]:
        parents: dict[int, int] = {}
        seconds: dict[int, float] = {}
        for pid, parent, used in _processes() if self._roots else ():
            parents[pid], seconds[pid] = parent, used
        return {
            name: sum(seconds[pid] for pid in parents if _descends(pid, root, parents))
            for name, root in self._roots.items()
        }


def tree_of(root: int) -> list[int]:
    """A process and all its descendants."""
    parents = {pid: parent for pid, parent, _ in _processes()}
    return [pid for pid in parents if _descends(pid, root, parents)]


def parent_of(pid: int) -> int:
    """0 where it cannot be told."""
    return next((parent for one, parent, _ in _processes() if one == pid), 0)


def _processes() -> Iterator[tuple[int, int, float]]:
    """Pid, parent and CPU seconds of all, with those of children that have ended."""
    if sys.platform != "linux":
        return
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        times = fields[_FIRST_TIME : _LAST_TIME + 1]
        used = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
        yield int(folder.name), int(fields[_PARENT]), used


def _descends(pid: int, root: int, parents: Mapping[int, int]) -> bool:
    while pid and pid != root:
        pid = parents.get(pid, 0)
    return pid == root


def _core_times(cores: tuple[int, ...]) -> tuple[float, float]:
    """Time that was not idle, and all time, in ticks."""
    wanted = {f"cpu{core}" for core in cores}
    busy = total = 0.0
    for line in (_PROC / "stat").read_text().splitlines() if wanted else ():
        name, *times = line.split()
        if name in wanted:
            ticks = [int(time) for time in times[:8]]
            total += sum(ticks)
            busy += sum(ticks) - ticks[_IDLE] - ticks[_WAITING]
    return busy, total
