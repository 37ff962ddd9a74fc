"""The benchmark's command and its results; never its figures."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from app.infobip.answers import Token
from app.infobip.oauth import OAuth, OAuthApp
from app.infobip.transport import Transport
from bench.benchmarks import steady, two
from bench.certificates import make_certificates
from bench.cli import main
from bench.contenders.protocol import Outcome
from bench.cores import Cores
from bench.database import Due
from bench.lab import Lab, open_lab
from bench.results import Figure, Findings, number
from bench.stub.server import find_nginx, running_stub
from bench.usage import tree_of

PROJECT = Path(__file__).parents[2]


def some_findings() -> Findings:
    findings = Findings("renewals", "how fast", {"stub": "nginx, TLS"}, notes=["wrk is missing"])
    findings.add("Hearth", "renewals/s", [6_000.0, 7_000.0, 6_500.0])
    findings.add("not measured", "renewals/s", [])
    return findings


def test_a_figure_holds_the_rounds_and_their_spread() -> None:
    assert Figure.of("CPU", "µs", [3.0, 1.0, 2.0]) == Figure("CPU", "µs", 3, 1.0, 2.0, 3.0)


def test_the_table_shows_figures_setup_and_notes() -> None:
    table = some_findings().table()
    row = next(line for line in table.splitlines() if line.startswith("Hearth"))
    assert row.split() == ["Hearth", "renewals/s", "3", "6,000", "6,500", "7,000"]
    assert "stub: nginx, TLS" in table
    assert "note: wrk is missing" in table
    assert "not measured" not in table


def test_the_json_tells_the_machine_and_no_path_or_host_name(tmp_path: Path) -> None:
    path = some_findings().write(tmp_path / "results")
    content = json.loads(path.read_text())
    assert path.name == "renewals.json"
    assert content["figures"] == [
        {
            "name": "Hearth",
            "unit": "renewals/s",
            "rounds": 3,
            "min": 6000.0,
            "median": 6500.0,
            "max": 7000.0,
        }
    ]
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["python"]
    assert str(tmp_path) not in path.read_text()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(14_802.4, "14,802"), (64.52, "64.5"), (0.4321, "0.432"), (1.0, "1"), (0.0, "0")],
)
def test_numbers_show_three_digits_that_matter(value: float, shown: str) -> None:
    assert number(value) == shown


def test_what_the_gateways_benchmark_lacks_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "gateway"],
        cwd=PROJECT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install wrk" in done.stdout
    assert "Traceback" not in done.stderr


async def renewed_at(url: str, ca: bytes) -> list[Token]:
    app = OAuthApp(
        client_id="0" * 32,
        client_secrets=("secret",),
        redirect_uri="http://localhost:8000/oauth/callback",
        scopes=(),
        oauth_url=f"{url}/oauth",
        token_lifetime_seconds=60,
    )
    async with Transport(extra_ca_pem=ca) as transport:
        oauth = OAuth(app=app, transport=transport)
        return [await oauth.refresh("IBSSO old", timeout_seconds=5) for _ in range(3)]


@pytest.mark.parametrize("nginx", [None, find_nginx()])
def test_the_stub_answers_a_renewal_as_the_token_endpoint_does(
    tmp_path: Path, nginx: str | None
) -> None:
    certificates = make_certificates(tmp_path)
    with running_stub(tmp_path, certificates, nginx=nginx, cores=()) as stub:
        tokens = asyncio.run(renewed_at(stub.url, certificates.ca.read_bytes()))
    assert tokens == [Token("IBSSO 3d7908aa-7b8c-4c5a-94bf-5cdeef18947b", 60)] * 3


@pytest.mark.parametrize("argument", ["--list", "--help"])
def test_the_command_says_what_it_can_do(argument: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", argument],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "renewals" in done.stdout or "--only" in done.stdout


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--seconds", "0"], ["--rounds=x"]])
def test_a_wrong_argument_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with open_lab() as lab:
        yield lab


def figures_of(findings: Findings) -> dict[str, float]:
    return {figure.name: figure.median for figure in findings.figures}


def test_a_few_tokens_are_kept_alive_at_the_usual_cadence(lab: Lab) -> None:
    told: list[str] = []
    findings = steady.run(lab, connections=640, life_seconds=4.0, say=told.append)

    figures = figures_of(findings)
    assert figures["lost"] == figures["unwritten at the end"] == 0
    assert figures["wanted"] == 320
    assert 0.9 < figures["reached"] / figures["wanted"] < 1.1
    assert 0.5 < figures["least left of a life"] < 2.2
    assert 0 < figures["lateness: half, at most"] <= figures["lateness: all, at most"]
    assert len(told) == 2


class SlowLab(Lab):
    """A machine on which 25 renewals a second are all that there is."""

    def stage(self, count: int, due: Due, *, replicas: Sequence[UUID] = ()) -> float:
        del count, due, replicas
        return 0.0

    def measure(self, contender: str, **task: float) -> Outcome:
        del contender
        kept_up = task["connections"] <= 25 * task["life_seconds"] / 2
        details = {f"late_{share:g}": 0.1 if kept_up else 5.0 for share in (0.5, 0.99, 1.0)}
        details |= {"lost": 0, "unwritten": 0, "least_seconds_left": 2.0}
        return Outcome(renewals=100, seconds=4, cpu_seconds=4, details=details)


def test_fewer_tokens_are_tried_until_they_hold() -> None:
    nowhere = SlowLab(
        cores=Cores((), (), ()),
        stub_kind="none",
        token_url="",
        ca_path="",
        database_url="",
        sealing_key="",
        beside={},
    )
    findings = steady.run(nowhere, connections=200, life_seconds=10.0, say=lambda _: None)

    assert figures_of(findings)["live tokens"] == 102
    tried = [note.partition(" did not hold")[0] for note in findings.notes]
    assert tried == ["200", "160", "128"]


def test_two_processes_share_the_connections_beside_one_with_all(lab: Lab) -> None:
    findings = two.run(lab, seconds=1.0, rounds=1, each_second=2_000, say=lambda _: None)

    figures = figures_of(findings)
    assert figures["lost"] == 0
    assert figures["one"] > 0
    assert figures["two"] > 0
    assert figures["CPU per renewal, two ÷ one"] > 0
    assert figures["two: the database's CPU per renewal"] > 0


_ALL_AT_WORK = 12
"""Processes: the bench, a sandbox, refreshers, PostgreSQL and its own."""


def test_a_benchmark_that_is_told_to_end_does_so_plainly_and_leaves_nothing_running() -> None:
    size = ["--connections", "64", "--life", "6", "--scenarios", "server_errors"]
    command = ["-m", "bench", "--only", "survival", *size]
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as bench:
        eventually_true(lambda: len(tree_of(bench.pid)) >= _ALL_AT_WORK)
        started = tree_of(bench.pid)
        bench.terminate()
        said, _ = bench.communicate(timeout=60)

    assert bench.returncode == 130
    assert said.splitlines()[-1] == "stopped"
    assert "Traceback" not in said
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def eventually_true(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
