"""The physical limit: `wrk`, written in C, posting the same form and reading nothing."""

import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.contenders.protocol import Outcome, Stopwatch, Task, answer
from bench.stub.form import FORM, FORM_HEADERS

_LUA = """
wrk.method = "POST"
wrk.body = "{form}"
{headers}
done = function(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("\\nfigures %d %d %d\\n", summary.requests, summary.duration, failed))
end
"""


def is_here() -> bool:
    """Whether `wrk` is installed."""
    return shutil.which("wrk") is not None


def measure(task: Task) -> Outcome:
    """One thread, as many connections as the others have renewals in flight."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-wrk-") as folder:
        script = Path(folder) / "renew.lua"
        headers = "\n".join(
            f'wrk.headers["{key}"] = "{value}"' for key, value in FORM_HEADERS.items()
        )
        script.write_text(_LUA.format(form=FORM.decode(), headers=headers))
        stopwatch = Stopwatch(resource.RUSAGE_CHILDREN)
        length = f"-d{max(1, round(task.seconds))}s"
        done = subprocess.run(
            ["wrk", "-t1", f"-c{task.in_flight}", length, "-s", str(script), task.token_url],
            capture_output=True,
            text=True,
            check=True,
        )
        _, cpu_seconds = stopwatch.read()
    figures = next(line for line in done.stdout.splitlines() if line.startswith("figures "))
    requests, micros, failed = (int(word) for word in figures.split()[1:])
    if failed:
        raise RuntimeError(f"wrk saw {failed} failures in {requests} requests")
    return Outcome(renewals=requests, seconds=micros / 1e6, cpu_seconds=cpu_seconds)


if __name__ == "__main__":
    answer(measure)
