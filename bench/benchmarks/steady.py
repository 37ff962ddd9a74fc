"""Whether one refresher on one core keeps so many tokens alive at the usual cadence."""

from collections.abc import Callable

from bench.contenders.protocol import Outcome
from bench.database import Due, ready_after
from bench.lab import Lab
from bench.results import Findings, number

ABOUT = "live tokens that one process on one core keeps alive, each renewed at half of its life"
CONNECTIONS = 200_000
_IN_FLIGHT = 500
_WARM_UP_LIVES = 1 / 6
_FEWER = 0.8
_FEWEST = 64
_RATE_HOLDS_FROM = 0.98
_LATEST_P99_SECONDS = 1.0
_FULL = 0.95


def run(lab: Lab, *, connections: int, life_seconds: float, say: Callable[[str], None]) -> Findings:
    """So many, and if those do not hold, fewer until they do. Each try is watched for one life.

    Raises ChildFailed.
    """
    notes: list[str] = []
    while True:
        say(f"storing {connections:,} connections, then one life of {life_seconds:g} s")
        outcome = _try(lab, connections, life_seconds)
        wanted = 2 * connections / life_seconds
        say(
            f"  {number(outcome.rate)}/s of {number(wanted)}/s, 99 % at most "
            f"{outcome.details['late_0.99']:g} s late, "
            f"{outcome.cpu_seconds / outcome.seconds:.0%} of its core"
        )
        fewer = int(connections * _FEWER)
        if _holds(outcome, wanted) or fewer < _FEWEST:
            break
        notes.append(f"{connections:,} did not hold: {_in_words(outcome, wanted)}")
        connections = fewer
    findings = _findings(lab, outcome, connections, life_seconds)
    findings.notes += notes
    if not _holds(outcome, wanted):
        findings.notes.append(f"{connections:,} did not hold: {_in_words(outcome, wanted)}")
    return findings


def _try(lab: Lab, connections: int, life_seconds: float) -> Outcome:
    """Due times are spread over one cadence from when all are loaded on: a steady state at once."""
    first = ready_after(connections)
    took = lab.stage(connections, Due(first, first + life_seconds / 2, life_seconds))
    return lab.measure(
        "hearth",
        connections=connections,
        life_seconds=life_seconds,
        in_flight=_IN_FLIGHT,
        warm_up_seconds=max(0.0, first - took) + life_seconds * _WARM_UP_LIVES,
        seconds=life_seconds,
    )


def _holds(outcome: Outcome, wanted: float) -> bool:
    return (
        outcome.rate >= _RATE_HOLDS_FROM * wanted
        and outcome.details["late_0.99"] <= _LATEST_P99_SECONDS
        and not outcome.details["lost"]
    )


def _in_words(outcome: Outcome, wanted: float) -> str:
    details = outcome.details
    return (
        f"{number(outcome.rate)} of {number(wanted)} renewals/s, 99 % begun at most "
        f"{details['late_0.99']:g} s late, {details['lost']:.0f} lost, "
        f"{details['least_seconds_left']:.1f} s left at least"
    )


def _findings(lab: Lab, outcome: Outcome, connections: int, life_seconds: float) -> Findings:
    findings = Findings("steady", ABOUT, _setup(lab, connections, life_seconds))
    details, seconds = outcome.details, outcome.seconds
    findings.add("live tokens", "", [connections])
    findings.add("wanted", "renewals/s", [2 * connections / life_seconds])
    findings.add("reached", "renewals/s", [outcome.rate])
    for words, share in (("half", 0.5), ("99 %", 0.99), ("all", 1.0)):
        findings.add(f"lateness: {words}, at most", "s", [details[f"late_{share:g}"]])
    findings.add("the refresher's CPU", "share of its core", [outcome.cpu_seconds / seconds])
    findings.add("CPU per renewal", "µs", [outcome.cpu_micros])
    findings.add("least left of a life", "s", [details["least_seconds_left"]])
    findings.add("lost", "tokens", [details["lost"]])
    findings.add("unwritten at the end", "tokens", [details["unwritten"]])
    for name in lab.beside:
        findings.add(
            f"the {name}'s CPU", "share of a core", [details[f"{name}_cpu_seconds"] / seconds]
        )
    if (busy := details.get("busy_share")) is not None:
        findings.add("the other core, in use", "share", [busy])
        if busy >= _FULL:
            findings.notes.append("the core of the stub and PostgreSQL was full")
    return findings


def _setup(lab: Lab, connections: int, life_seconds: float) -> dict[str, str]:
    return {
        **lab.setup(),
        "hearth": (
            f"Refresher.run with {connections:,} connections whose tokens live "
            f"{life_seconds:g} s, half of which pass between renewals; watched for "
            f"{life_seconds:g} s once all are loaded and due one after the other"
        ),
        "lateness": "from when a renewal is due until it is begun, rounded up to a bucket's bound",
    }
