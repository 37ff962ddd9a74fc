"""A refresher that only says how it is doing, and what its metrics then are."""

from dataclasses import dataclass, field
from uuid import UUID

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from app.events.stats import DeliveryStats
from app.metrics import process_metrics
from app.models.identifiers import ReplicaId
from app.refresher.stats import Stats
from app.refresher.status import RefresherStatus

LIFE = 60.0
REPLICA = ReplicaId(UUID(int=7))


def idle_status() -> RefresherStatus:
    return RefresherStatus(
        replica=REPLICA,
        live=0,
        shards=0,
        replicas=1,
        in_flight=0,
        waiting=0,
        unwritten=0,
        database_away_seconds=0.0,
        least_seconds_left=None,
        rate_ceiling=None,
        capacity=None,
    )


@dataclass
class ToldRefresher:
    """Does nothing and is as it is told."""

    stats: Stats = field(default_factory=lambda: Stats(life_seconds=LIFE))
    now: RefresherStatus = field(default_factory=idle_status)
    delivery_stats: DeliveryStats = field(default_factory=DeliveryStats)

    def status(self) -> RefresherStatus:
        return self.now

    def metrics(self) -> CollectorRegistry:
        return process_metrics(refresher=self, life_seconds=LIFE, deliveries=self.delivery_stats)


def samples(registry: CollectorRegistry) -> list[Sample]:
    """Everything of ours that it shows."""
    return [
        sample
        for family in registry.collect()
        for sample in family.samples
        if sample.name.startswith("hearth_")
    ]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)
