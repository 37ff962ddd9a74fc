"""Whether a renewal costs the same with many connections as with few; loading; memory."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.contenders.protocol import Outcome
from bench.database import Due, Written
from bench.lab import Lab
from bench.results import Findings, number

ABOUT = "cost per renewal, loading and memory as the number of connections grows"
SIZES = (1_000, 10_000, 100_000)
IDLE_SIZE = 1_000_000
_RATE = 1_000
"""Renewals per second that the schedule asks for, whatever the size: the life grows with it."""

_IN_FLIGHT = 500
_FIRST_LIFE_SECONDS = 10.0
_FIRST_DUE_SECONDS = 3.0
_WARM_UP_SECONDS = 4.0
_IDLE_LIFE_SECONDS = 80_000.0
_IDLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Measured:
    outcome: Outcome
    written: Written


def run(
    lab: Lab, *, seconds: float, rounds: int, full: bool, say: Callable[[str], None]
) -> Findings:
    """Interleaved: each round goes through all sizes once. Raises ChildFailed."""
    measured: dict[int, list[_Measured]] = {size: [] for size in SIZES}
    for number_of_round in range(1, rounds + 1):
        say(f"round {number_of_round} of {rounds}")
        for size in SIZES:
            measured[size].append(_measure(lab, size, seconds))
            outcome = measured[size][-1].outcome
            say(
                f"  {size:,} connections: {number(outcome.rate)}/s, "
                f"{number(outcome.cpu_micros)} µs of CPU each, "
                f"loaded in {number(outcome.details['load_seconds'])} s"
            )
    findings = _findings(lab, measured, seconds)
    if full:
        say(f"storing and loading {IDLE_SIZE:,} connections, which takes a while")
        _add_idle(findings, _measure_idle(lab))
    return findings


def _measure(lab: Lab, size: int, seconds: float) -> _Measured:
    """Due times are spread over one cadence, so the schedule is steady from the first one on."""
    cadence = size / _RATE
    due = Due(_FIRST_DUE_SECONDS, _FIRST_DUE_SECONDS + cadence, _FIRST_LIFE_SECONDS)
    lab.stage(size, due)
    before = lab.written()
    outcome = lab.measure(
        "hearth",
        connections=size,
        life_seconds=2 * cadence,
        in_flight=_IN_FLIGHT,
        warm_up_seconds=_WARM_UP_SECONDS,
        seconds=seconds,
    )
    return _Measured(outcome, lab.written() - before)


def _measure_idle(lab: Lab) -> Outcome:
    half = _IDLE_LIFE_SECONDS / 2
    lab.stage(IDLE_SIZE, Due(half * 0.9, half, _IDLE_LIFE_SECONDS))
    return lab.measure(
        "hearth",
        connections=IDLE_SIZE,
        life_seconds=_IDLE_LIFE_SECONDS,
        in_flight=_IN_FLIGHT,
        warm_up_seconds=1.0,
        seconds=_IDLE_SECONDS,
    )


def _findings(lab: Lab, measured: dict[int, list[_Measured]], seconds: float) -> Findings:
    findings = Findings("scale", ABOUT, _setup(lab, seconds))
    outcomes = {size: [one.outcome for one in rounds] for size, rounds in measured.items()}
    for size, rounds in outcomes.items():
        findings.add(f"{size:,}: CPU per renewal", "µs", [one.cpu_micros for one in rounds])
    for size in SIZES[1:]:
        pairs = zip(outcomes[size], outcomes[SIZES[0]], strict=True)
        ratios = [one.cpu_micros / two.cpu_micros for one, two in pairs]
        findings.add(f"CPU per renewal, {size:,} ÷ {SIZES[0]:,}", "times", ratios)
    for size, rounds in outcomes.items():
        findings.add(f"{size:,}: rate", "renewals/s", [one.rate for one in rounds])
    for size, rounds in outcomes.items():
        findings.add(f"{size:,}: loading", "s", [one.details["load_seconds"] for one in rounds])
    largest = [one.details["bytes_per_connection"] for one in outcomes[SIZES[-1]]]
    findings.add(f"{SIZES[-1]:,}: memory per connection", "bytes", largest)
    for size, wrote in measured.items():
        wal_bytes = [one.written.wal_bytes_each for one in wrote]
        findings.add(f"{size:,}: WAL per renewal", "bytes", wal_bytes)
        hot_share = [one.written.hot_share for one in wrote]
        findings.add(f"{size:,}: HOT updates", "share", hot_share)
    _note_losses(findings, [one for rounds in outcomes.values() for one in rounds])
    return findings


def _note_losses(findings: Findings, outcomes: list[Outcome]) -> None:
    lost = sum(one.details["lost"] for one in outcomes)
    unwritten = sum(one.details["unwritten"] for one in outcomes)
    if lost or unwritten:
        findings.notes.append(f"{lost:.0f} tokens were lost and {unwritten:.0f} left unwritten")


def _setup(lab: Lab, seconds: float) -> dict[str, str]:
    return {
        **lab.setup(),
        "schedule": (
            f"about {_RATE:,} renewals a second at each size, by a life that grows with the size; "
            f"measured for {seconds:g} s"
        ),
        "loading": "from the refresher's start until its last token is in memory",
        "memory": "RSS after loading and a garbage collection, less RSS before loading",
    }


def _add_idle(findings: Findings, idle: Outcome) -> None:
    size = f"{IDLE_SIZE:,}"
    findings.add(f"{size}: loading", "s", [idle.details["load_seconds"]])
    findings.add(f"{size}: memory per connection", "bytes", [idle.details["bytes_per_connection"]])
    findings.add(f"{size}: CPU when idle", "share of a core", [idle.cpu_seconds / idle.seconds])
