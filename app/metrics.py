"""What Prometheus gets to see of a process; docs/metrics.md says it for operators.

Numbers are kept by those who work (`Stats`) and become metrics only when somebody asks. Ask in
the event loop's thread: nothing here is made for another one. No label has a value that a
connection, a person or a caller could choose.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from math import inf
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from app.events.receiver import Result
from app.events.stats import DeliveryStats
from app.infobip.errors import (
    ClientRefused,
    GrantRefused,
    ServerTrouble,
    Throttled,
    TimedOut,
    Unintelligible,
    Unreachable,
)
from app.models.connection import LossCause
from app.models.identifiers import SHARD_COUNT
from app.refresher.stats import Histogram, Stats
from app.refresher.status import RefresherStatus

VERSION = "0.1.0"

RENEWAL_ERRORS = (
    GrantRefused,
    ClientRefused,
    Unreachable,
    TimedOut,
    Throttled,
    ServerTrouble,
    Unintelligible,
)
"""What an attempt at a renewal can end in. Each is there from the start, as 0: a rate needs a
value before the first event."""


class Watched(Protocol):
    """A refresher, as far as it can be looked at."""

    @property
    def stats(self) -> Stats: ...

    def status(self) -> RefresherStatus: ...


def process_metrics(
    *, refresher: Watched | None, life_seconds: float, deliveries: DeliveryStats | None = None
) -> CollectorRegistry:
    """All metrics of this process. Without a refresher there are none about tokens, without
    deliveries none about events."""
    registry = CollectorRegistry()
    registry.register(_Build(life_seconds=life_seconds))
    if refresher is not None:
        registry.register(RefresherMetrics(refresher))
    if deliveries is not None:
        registry.register(DeliveryMetrics(deliveries))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry, *, accept: str) -> tuple[bytes, str]:
    """All metrics now, in the format that `accept` prefers, and its content type."""
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # the library's, at a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _Build(Collector):
    """What stays the same as long as the process lives."""

    def __init__(self, *, life_seconds: float) -> None:
        build = GaugeMetricFamily("hearth_build_info", "Always 1.", labels=["version"])
        build.add_metric([VERSION], 1)
        self._families = [
            build,
            _gauge("token_life_seconds", "How long a token lives, as configured.", life_seconds),
        ]

    def collect(self) -> Iterable[Metric]:
        return self._families


class RefresherMetrics(Collector):
    """What a refresher does and has done."""

    def __init__(self, refresher: Watched) -> None:
        self._refresher = refresher

    def collect(self) -> Iterator[Metric]:
        status, stats = self._refresher.status(), self._refresher.stats
        yield from _load(status)
        yield from _health(status)
        yield from _renewals(stats)
        yield from _events(stats)


class DeliveryMetrics(Collector):
    """What becomes of events. The gauges are of the whole deployment, ten seconds old at most."""

    def __init__(self, stats: DeliveryStats) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        backlog = self._stats.backlog
        yield _gauge("events_pending", "Events that are to be delivered yet.", backlog.pending)
        yield _gauge(
            "events_oldest_pending_seconds",
            "The age of the oldest of them.",
            backlog.oldest_seconds,
        )
        yield _gauge("events_failed", "Events that were given up and are kept.", backlog.failed)
        yield _counter_by(
            "result",
            "event_attempts",
            "Attempts of this process to deliver an event.",
            {result.value: self._stats.attempts[result] for result in Result},
        )
        yield _counter("events_given_up", "Events that this process gave up.", self._stats.given_up)


def _load(status: RefresherStatus) -> Iterator[Metric]:
    live = GaugeMetricFamily(
        "hearth_live_connections",
        "Connections whose token this process keeps alive.",
        labels=["replica"],
    )
    live.add_metric([str(status.replica)], status.live)
    yield live
    yield _gauge(
        "capacity_connections",
        "Connections that this process can keep alive at its ceiling; +Inf without one.",
        inf if status.capacity is None else status.capacity,
    )
    yield _gauge(
        "renewals_per_second_ceiling",
        "Renewals per second that this process may make at the moment; +Inf without a limit.",
        inf if status.rate_ceiling is None else status.rate_ceiling,
    )
    yield _gauge("renewals_in_flight", "Renewals that wait for an answer.", status.in_flight)
    yield _gauge(
        "renewals_waiting", "Renewals past half of a life and not yet sent.", status.waiting
    )
    yield _gauge("shards", "Parts into which all connections are divided.", SHARD_COUNT)
    yield _gauge("shards_held", "Shards that this process renews.", status.shards)
    yield _gauge(
        "replicas", "Refreshers that this process sees, itself among them.", status.replicas
    )


def _health(status: RefresherStatus) -> Iterator[Metric]:
    yield _gauge(
        "renewal_least_seconds_left",
        "The least that was left of a token's life at a renewal, in the last one to two minutes.",
        status.least_seconds_left,
    )
    yield _gauge(
        "unwritten_changes",
        "Renewed tokens and losses that are not yet in the database.",
        status.unwritten,
    )
    yield _gauge(
        "database_away_seconds",
        "How long this process has been without the database; 0 when in touch.",
        status.database_away_seconds,
    )


def _renewals(stats: Stats) -> Iterator[Metric]:
    yield _histogram(
        "renewal_seconds_left",
        "What was left of a token's life when its renewal was sent.",
        stats.seconds_left,
    )
    yield _histogram(
        "renewal_lateness_seconds",
        "How long a renewal had been due when it was begun.",
        stats.lateness,
    )
    yield _counter("renewals", "Renewals that brought a new token.", stats.renewals)
    yield _counter_by(
        "reason",
        "renewal_failures",
        "Attempts at a renewal that brought no token.",
        {**{error.reason: 0 for error in RENEWAL_ERRORS}, **stats.failures},
    )
    yield _counter(
        "duplicate_renewals",
        "Renewals whose result another process's renewal had overtaken.",
        stats.duplicates,
    )


def _events(stats: Stats) -> Iterator[Metric]:
    yield _counter_by(
        "cause",
        "losses",
        "Connections that were lost.",
        {cause.value: stats.losses[cause] for cause in LossCause},
    )
    yield _counter_by(
        "change",
        "shard_changes",
        "Shards that came to this process or went from it.",
        {"gained": stats.shards_gained, "gone": stats.shards_gone},
    )


def _gauge(name: str, meaning: str, value: float | None) -> Metric:
    """Without a value there is no sample."""
    return GaugeMetricFamily(f"hearth_{name}", meaning, value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"hearth_{name}", meaning, value)


def _counter_by(label: str, name: str, meaning: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"hearth_{name}", meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _histogram(name: str, meaning: str, histogram: Histogram) -> Metric:
    bounds = [*(str(round(bound, 6)) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    return HistogramMetricFamily(f"hearth_{name}", meaning, buckets, histogram.sum)
