"""Renewals per second of one refresher, beside the obvious way and what is possible at all."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.contenders import limit
from bench.contenders.protocol import Outcome
from bench.database import Due, Written
from bench.lab import Lab
from bench.results import Findings, number

ABOUT = "renewals of one process on one core: Hearth, the obvious ways, a bare client, the limit"
IN_FLIGHT = 100
_WARM_UP_SECONDS = 0.7
LIFE_SECONDS = 60.0
MORE_THAN_CAN_BE_DONE = 30_000
"""Connections per second of the run, so that the last one never comes before the end."""

_SATURATED = 0.9
BACKLOG = Due(earliest=-16.0, latest=-15.0, life_seconds=LIFE_SECONDS)
"""Three quarters of their life are over when they are stored. The refresher spreads what is
overdue over a fifth of what is left, here three seconds."""

_WORDS = {
    "hearth": "Hearth: POST, parse, seal, batched write",
    "obvious": "obvious: stock httpx, semaphore 50, ORM commit each",
    "authlib_client": "Authlib: AsyncOAuth2Client, semaphore 50, ORM commit each",
    "bare": "bare client: pyreqwest posts the form, nothing else",
    "own_client": "Hearth's own client: posts the form, nothing else",
    "limit": "limit: wrk posts the form",
}


@dataclass(slots=True)
class _Rounds:
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    wal_bytes: dict[str, list[float]] = field(default_factory=dict)
    hot_share: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, outcome: Outcome) -> None:
        self.outcomes.setdefault(name, []).append(outcome)

    def add_written(self, name: str, written: Written) -> None:
        if written.updates:
            self.wal_bytes.setdefault(name, []).append(written.wal_bytes_each)
            self.hot_share.setdefault(name, []).append(written.hot_share)

    def pairs(self, other: str) -> list[tuple[Outcome, Outcome]]:
        """Hearth and another one, of the same round each."""
        return list(zip(self.outcomes["hearth"], self.outcomes.get(other, []), strict=False))


def run(lab: Lab, *, seconds: float, rounds: int, say: Callable[[str], None]) -> Findings:
    """Interleaved: each round asks all contenders once. Raises ChildFailed."""
    found = _Rounds()
    names = [name for name in _WORDS if name != "limit" or limit.is_here()]
    connections = round(MORE_THAN_CAN_BE_DONE * (seconds + 2 * _WARM_UP_SECONDS))
    for number_of_round in range(1, rounds + 1):
        say(f"round {number_of_round} of {rounds}: storing {connections:,} connections")
        lab.stage(connections, BACKLOG)
        for name in names:
            before = lab.written()
            outcome = lab.measure(
                name,
                connections=connections,
                life_seconds=LIFE_SECONDS,
                in_flight=IN_FLIGHT,
                warm_up_seconds=_WARM_UP_SECONDS,
                seconds=seconds,
            )
            found.add(name, outcome)
            found.add_written(name, lab.written() - before)
            say(
                f"  {name}: {number(outcome.rate)}/s, {number(outcome.cpu_micros)} µs of CPU each, "
                f"{outcome.cpu_seconds / outcome.seconds:.0%} of its core"
            )
    return _findings(lab, found, seconds=seconds, connections=connections)


def _findings(lab: Lab, found: _Rounds, *, seconds: float, connections: int) -> Findings:
    findings = Findings("renewals", ABOUT, _setup(lab, seconds, connections))
    for name, outcomes in found.outcomes.items():
        findings.add(_WORDS[name], "renewals/s", [one.rate for one in outcomes])
    for name, outcomes in found.outcomes.items():
        findings.add(f"{name}: CPU per renewal", "µs", [one.cpu_micros for one in outcomes])
    for name, outcomes in found.outcomes.items():
        findings.add(
            f"{name}: per CPU-second", "renewals/s", [one.per_cpu_second for one in outcomes]
        )
    for other in ("obvious", "authlib_client", "bare", "own_client", "limit"):
        pairs = found.pairs(other)
        findings.add(f"hearth ÷ {other}", "times", [one.rate / two.rate for one, two in pairs])
        per_cpu = [one.per_cpu_second / two.per_cpu_second for one, two in pairs]
        findings.add(f"hearth ÷ {other}, per CPU-second", "times", per_cpu)
    for name, values in found.wal_bytes.items():
        findings.add(f"{name}: WAL per renewal", "bytes", values)
        findings.add(f"{name}: HOT updates", "share", found.hot_share[name])
    _note_losses(findings, found.outcomes["hearth"])
    _note_what_was_not_saturated(findings, found.outcomes, connections)
    if "limit" not in found.outcomes:
        findings.notes.append("wrk is not installed, so the limit was not measured")
    return findings


def _setup(lab: Lab, seconds: float, connections: int) -> dict[str, str]:
    return {
        **lab.setup(),
        "hearth": (
            f"Refresher.run with {connections:,} stored connections, all overdue when it starts, "
            f"so more is due than can be done; measured for {seconds:g} s after loading and "
            f"{_WARM_UP_SECONDS:g} s of warm-up"
        ),
        "in flight": f"{IN_FLIGHT} at once (obvious and Authlib: 50)",
        "CPU": "user and system time of the measured process alone, all its threads",
        "WAL": "all of the server's from before the process starts until it has ended",
    }


def _note_losses(findings: Findings, outcomes: list[Outcome]) -> None:
    lost = sum(one.details["lost"] for one in outcomes)
    unwritten = sum(one.details["unwritten"] for one in outcomes)
    if lost or unwritten:
        findings.notes.append(f"Hearth lost {lost:.0f} tokens and left {unwritten:.0f} unwritten")


def _note_what_was_not_saturated(
    findings: Findings, outcomes: dict[str, list[Outcome]], connections: int
) -> None:
    """Who was kept from its core (by other work on the machine) shows too low a rate."""
    for name, rounds in outcomes.items():
        busy = min(one.cpu_seconds / one.seconds for one in rounds)
        if busy < _SATURATED:
            findings.notes.append(
                f"{name} had only {busy:.0%} of its core in one round: compare per CPU-second"
            )
    if any(one.details["renewals_in_all"] > 0.95 * connections for one in outcomes["hearth"]):
        findings.notes.append("the backlog ran out: Hearth is faster than this benchmark can tell")
