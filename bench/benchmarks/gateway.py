"""What a call through the gateway costs, beside the obvious proxy, FastAPI alone, and nginx."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.children import ChildFailed, running
from bench.gateway import load, servers
from bench.gateway.load import Load
from bench.gateway.servers import Server
from bench.lab import Lab
from bench.results import Findings, number

ABOUT = "calls through the gateway: Hearth, the obvious proxy, FastAPI's bare answer, nginx"
_CONNECTIONS = 50
_DOWNLOADS = 200
_STREAMS = 1_000
_STREAMS_SECONDS = 10.0
_STREAMS_SETTLING_SECONDS = 8.0
_WARM_UP_SECONDS = 1.0
_WORDS = {
    "nginx": "limit: nginx proxy_pass",
    "bare": "FastAPI answering a Response, nothing behind it",
    "hearth": "Hearth's gateway, all of it: session, policy, token, headers, log",
    "obvious": "obvious: FastAPI route, stock httpx, streamed",
    "raised": "the same with httpx's limits raised, as for more than a hundred at once",
}


def run(lab: Lab, *, seconds: float, rounds: int, say: Callable[[str], None]) -> Findings:
    """Interleaved: each round asks all contenders once. Raises ChildFailed."""
    if not load.is_here():
        raise ChildFailed("this benchmark needs wrk (Debian: apt-get install wrk)")
    many: dict[str, list[Load]] = {name: [] for name in _WORDS}
    one: dict[str, list[Load]] = {name: [] for name in (*_WORDS, "upstream")}
    with tempfile.TemporaryDirectory(prefix="hearth-bench-gateway-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx, started as root, works under another account
        with servers.upstream(folder, cores=lab.cores.stub) as port:
            for number_of_round in range(1, rounds + 1):
                say(f"round {number_of_round} of {rounds}")
                one["upstream"].append(_one(Server(f"http://127.0.0.1:{port}", {}, 1), seconds))
                for contender in _WORDS:
                    with _running(contender, lab, folder, port) as server:
                        _many(server, _WARM_UP_SECONDS)
                        many[contender].append(_many(server, seconds))
                        one[contender].append(_one(server, seconds))
                    last = many[contender][-1]
                    say(f"  {contender}: {number(last.rate)}/s, p50 {last.p50:.2f} ms")
            findings = _findings(lab, many, one, seconds=seconds)
            _add_memory(findings, lab, port, say)
    return findings


@contextmanager
def _running(contender: str, lab: Lab, folder: Path, port: int) -> Iterator[Server]:
    if contender == "hearth":
        with servers.hearth(lab, port) as server:
            yield server
    elif contender == "nginx":
        with servers.proxy_pass(folder, port, cores=lab.cores.client) as server:
            yield server
    else:
        with servers.compared(contender, port, cores=lab.cores.client) as server:
            yield server


def _many(server: Server, seconds: float) -> Load:
    return _load(server, connections=_CONNECTIONS, seconds=seconds)


def _one(server: Server, seconds: float) -> Load:
    return _load(server, connections=1, seconds=seconds)


def _load(server: Server, *, connections: int, seconds: float) -> Load:
    return load.run(
        server.url + servers.PATH,
        server.headers,
        connections=connections,
        seconds=seconds,
        pid=server.pid,
    )


def _findings(
    lab: Lab, many: dict[str, list[Load]], one: dict[str, list[Load]], *, seconds: float
) -> Findings:
    setup = {
        **lab.setup(),
        "upstream": "nginx over plain HTTP, a token's worth of JSON; wrk on the same core",
        "load": f"{_CONNECTIONS} connections for {seconds:g} s, then one",
        "session": "one signed-in page with its cookie; no renewal falls into the measurement",
    }
    findings = Findings("gateway", ABOUT, setup)
    for name, loads in many.items():
        findings.add(_WORDS[name], "requests/s", [each.rate for each in loads])
        findings.add(f"{name}: p50", "ms", [each.p50 for each in loads])
        findings.add(f"{name}: p99", "ms", [each.p99 for each in loads])
        if name != "nginx":  # its worker is a child
            findings.add(f"{name}: CPU", "µs", [each.cpu_micros for each in loads])
    for other in ("nginx", "bare", "obvious", "raised"):
        pairs = zip(many["hearth"], many[other], strict=True)
        findings.add(f"hearth ÷ {other}", "times", [ours.rate / its.rate for ours, its in pairs])
    for name in ("nginx", "hearth", "obvious"):
        pairs = zip(one[name], one["upstream"], strict=True)
        added = [through.p50 - direct.p50 for through, direct in pairs]
        findings.add(f"{name}: added at the median, one connection", "ms", added)
    return findings


def _add_memory(findings: Findings, lab: Lab, port: int, say: Callable[[str], None]) -> None:
    say(f"{_DOWNLOADS} clients download {servers.LARGE_BYTES / 1e6:.0f} MB each")
    with servers.hearth(lab, port) as server:
        idle = load.memory_bytes(server.pid)
        seen, seconds = _downloads(server)
        findings.add("memory before the downloads", "MB", [idle / 1e6])
        findings.add("memory during the downloads, at most", "MB", [max(seen) / 1e6])
        findings.add("memory in their second half, at most", "MB", [max(_later(seen)) / 1e6])
        findings.add("downloads", "MB/s", [_DOWNLOADS * servers.LARGE_BYTES / 1e6 / seconds])
    say(f"{_STREAMS:,} idle event streams for {_STREAMS_SECONDS:g} s")
    with servers.hearth(lab, port) as server:
        before = load.memory_bytes(server.pid)
        with _clients(server, "/api/events", _STREAMS) as clients:
            assert clients.stdout is not None
            clients.stdout.readline()
            time.sleep(_STREAMS_SETTLING_SECONDS)
            used = load.cpu_seconds(server.pid)
            time.sleep(_STREAMS_SECONDS)
            used = load.cpu_seconds(server.pid) - used
            each = (load.memory_bytes(server.pid) - before) / _STREAMS
        findings.add("an idle event stream: memory", "kB", [each / 1e3])
        findings.add(
            f"{_STREAMS:,} idle event streams: CPU", "% of a core", [used / _STREAMS_SECONDS * 100]
        )


def _downloads(server: Server) -> tuple[list[int], float]:
    started, seen = time.monotonic(), []
    with _clients(server, servers.LARGE_PATH, _DOWNLOADS) as clients:
        while clients.poll() is None:
            seen.append(load.memory_bytes(server.pid))
            time.sleep(0.1)
        assert clients.stdout is not None
        total = int(clients.stdout.read().split()[-1])
    if total < _DOWNLOADS * servers.LARGE_BYTES:
        raise ChildFailed(f"only {total:,} bytes were downloaded")
    return seen, time.monotonic() - started


def _later(seen: list[int]) -> list[int]:
    return seen[len(seen) // 2 :]


@contextmanager
def _clients(server: Server, path: str, count: int) -> Iterator[subprocess.Popen[bytes]]:
    command = ["-m", "bench.gateway.clients", server.url + path, str(count)]
    with running(
        [sys.executable, *command, server.headers["Cookie"]], cores=(), output=subprocess.PIPE
    ) as clients:
        yield clients
