"""What two refreshers do that share the connections, beside one that has them all."""

from collections.abc import Callable, Sequence
from uuid import uuid4

from app.models.identifiers import SHARD_COUNT
from bench.benchmarks.renewals import IN_FLIGHT, LIFE_SECONDS, MORE_THAN_CAN_BE_DONE
from bench.contenders.protocol import Outcome
from bench.database import Due, ready_after
from bench.lab import Lab
from bench.results import Findings, number

ABOUT = "two processes with half of the shards each, beside one with all, more due than can be done"
_WARM_UP_SECONDS = 1.0
_DUE_WITHIN_SECONDS = 3.0
_CORES_FOR_ALL = 4
_WORDS = {1: "one", 2: "two"}


def run(
    lab: Lab,
    *,
    seconds: float,
    rounds: int,
    say: Callable[[str], None],
    each_second: int = MORE_THAN_CAN_BE_DONE,
) -> Findings:
    """Interleaved: each round asks one, then two. Raises ChildFailed."""
    found: dict[int, list[list[Outcome]]] = {1: [], 2: []}
    each = round(each_second * (seconds + 3 * _WARM_UP_SECONDS) / SHARD_COUNT)
    connections = each * SHARD_COUNT
    for number_of_round in range(1, rounds + 1):
        say(f"round {number_of_round} of {rounds}: {connections:,} connections each time")
        for processes, outcomes in found.items():
            outcomes.append(_measure(lab, processes, connections, seconds))
            rate, micros = _rate(outcomes[-1]), _cpu_micros(outcomes[-1])
            say(f"  {processes}: {number(rate)}/s, {number(micros)} µs of CPU each")
    return _findings(lab, found, seconds=seconds, connections=connections)


def _measure(lab: Lab, processes: int, connections: int, seconds: float) -> list[Outcome]:
    """All become due within a moment once they are loaded, which is more than can be done."""
    replicas = [uuid4() for _ in range(processes)]
    first = ready_after(connections)
    due = Due(first, first + _DUE_WITHIN_SECONDS, LIFE_SECONDS)
    took = lab.stage(connections, due, replicas=replicas)
    return lab.measure_together(
        replicas,
        connections=connections,
        life_seconds=LIFE_SECONDS,
        in_flight=IN_FLIGHT,
        warm_up_seconds=max(0.0, first - took) + _WARM_UP_SECONDS,
        cool_down_seconds=_WARM_UP_SECONDS,
        seconds=seconds,
    )


def _rate(outcomes: Sequence[Outcome]) -> float:
    return sum(one.rate for one in outcomes)


def _cpu_micros(outcomes: Sequence[Outcome]) -> float:
    return sum(one.cpu_seconds for one in outcomes) / sum(one.renewals for one in outcomes) * 1e6


def _beside_micros(outcomes: Sequence[Outcome], name: str) -> float:
    """Seen by the first one, in whose seconds the others did as much as in their own."""
    used, seconds = outcomes[0].details[f"{name}_cpu_seconds"], outcomes[0].seconds
    return used / seconds / _rate(outcomes) * 1e6


def _findings(
    lab: Lab, found: dict[int, list[list[Outcome]]], *, seconds: float, connections: int
) -> Findings:
    findings = Findings("two", ABOUT, _setup(lab, seconds, connections))
    for processes, rounds in found.items():
        findings.add(_WORDS[processes], "renewals/s", [_rate(one) for one in rounds])
    pairs = list(zip(found[1], found[2], strict=True))
    findings.add("two ÷ one", "times", [_rate(two) / _rate(one) for one, two in pairs])
    for processes, rounds in found.items():
        name = f"{_WORDS[processes]}: CPU per renewal"
        findings.add(name, "µs", [_cpu_micros(one) for one in rounds])
    costs = [_cpu_micros(two) / _cpu_micros(one) for one, two in pairs]
    findings.add("CPU per renewal, two ÷ one", "times", costs)
    findings.add("two ÷ one, had each a core to itself", "times", [2 / cost for cost in costs])
    for processes, rounds in found.items():
        for name in lab.beside:
            findings.add(
                f"{_WORDS[processes]}: the {name}'s CPU per renewal",
                "µs",
                [_beside_micros(one, name) for one in rounds],
            )
        busy = [sum(one.cpu_seconds / one.seconds for one in outcomes) for outcomes in rounds]
        findings.add(f"{_WORDS[processes]}: CPU of all its processes", "cores", busy)
    lost = sum(one.details["lost"] for rounds in found.values() for two in rounds for one in two)
    findings.add("lost", "tokens", [lost])
    _note(findings, lab, found, connections)
    return findings


def _note(
    findings: Findings, lab: Lab, found: dict[int, list[list[Outcome]]], connections: int
) -> None:
    if lab.cores.in_all < _CORES_FOR_ALL:
        findings.notes.append(
            f"with {lab.cores.in_all} cores the two share theirs with the stub and PostgreSQL, so "
            "renewals/s cannot tell what two cores are worth; the CPU per renewal can: it is what "
            "carries over to processes with cores of their own"
        )
    for one, two in found[2]:
        if abs(one.details["began_at"] - two.details["began_at"]) > _WARM_UP_SECONDS:
            findings.notes.append("in one round the two were not measured at the same time")
    done = [
        sum(one.details["renewals_in_all"] for one in all_) for r in found.values() for all_ in r
    ]
    if max(done) > 0.95 * connections:
        findings.notes.append("the backlog ran out: they are faster than this can tell")


def _setup(lab: Lab, seconds: float, connections: int) -> dict[str, str]:
    return {
        **lab.setup(),
        "cores": (
            f"{lab.cores.in_all}; beside one process the stub and PostgreSQL have another core, "
            "beside two, on a core each, they have both"
        ),
        "hearth": (
            f"Refresher.run with {connections:,} connections in all, their shards leased "
            f"beforehand, all due within {_DUE_WITHIN_SECONDS:g} s; measured for {seconds:g} s, "
            "at the same time"
        ),
        "in flight": f"{IN_FLIGHT} at once, each",
    }
