"""What the figures were measured on: without names or paths."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("asyncpg", "cryptography", "httpx", "msgspec", "pyreqwest", "sqlalchemy", "uvloop")


def machine_facts() -> dict[str, str | int]:
    """Cores, processor, Python, versions."""
    return {
        "cores": os.cpu_count() or 0,
        "cpu": _cpu_model(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: version(name) for name in _PACKAGES},
    }


def rss_bytes() -> int:
    """Memory of this process that is in RAM now; 0 where it cannot be told."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"
