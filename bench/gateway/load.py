"""Load by `wrk`: requests per second, and how long they took."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.children import ChildFailed

_LUA = """
{headers}
done = function(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("\\nfigures %d %d %d %d %d\\n", summary.requests, summary.duration,
        failed, latency:percentile(50), latency:percentile(99)))
end
"""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """What one contender did. Latencies in milliseconds, CPU of the server for each request."""

    rate: float
    p50: float
    p99: float
    cpu_micros: float


def is_here() -> bool:
    """Whether `wrk` is installed."""
    return shutil.which("wrk") is not None


def run(
    url: str, headers: Mapping[str, str], *, connections: int, seconds: float, pid: int
) -> Load:
    """From this process's cores. Raises ChildFailed where not every answer was a good one."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-wrk-") as folder:
        script = Path(folder) / "call.lua"
        lines = (f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
        script.write_text(_LUA.format(headers="\n".join(lines)))
        before = cpu_seconds(pid)
        length = f"-d{max(1, round(seconds))}s"
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", length, "--timeout", "30s", "-s", str(script), url],
            capture_output=True,
            text=True,
            check=True,
        )
        used = cpu_seconds(pid) - before
    figures = next(line for line in done.stdout.splitlines() if line.startswith("figures "))
    requests, micros, failed, p50, p99 = (int(word) for word in figures.split()[1:])
    if failed or not requests:
        raise ChildFailed(f"wrk saw {failed} failures in {requests} requests")
    return Load(requests / micros * 1e6, p50 / 1000, p99 / 1000, used / requests * 1e6)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def memory_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
