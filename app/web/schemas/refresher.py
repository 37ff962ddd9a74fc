"""How tokens are kept alive, as the admin API shows it."""

from typing import Self
from uuid import UUID

from pydantic import Field

from app.models.connection import LossCause
from app.models.identifiers import SHARD_COUNT
from app.models.replica import Fleet, Replica
from app.web.schemas.json import Instant, Json


class RefresherReplica(Json):
    """One refresher, as it reported itself; it does so every two seconds."""

    id: UUID = Field(description="New at each start; the label `replica` in metrics.")
    started_at: Instant
    seen_at: Instant = Field(description="One that was not seen for six seconds is gone.")
    shards: int = Field(description="How many of all shards it owns.")
    live_connections: int = Field(description="Connections whose token it keeps alive.")
    renewals_waiting: int = Field(description="Past half of a life and not yet sent.")
    unwritten_changes: int = Field(description="Renewed tokens and losses that it alone knows.")
    least_seconds_left: float | None = Field(
        description="The least that was left of a token's life at a renewal, in the last one to "
        "two minutes. Around half of a life all is well."
    )
    renewals_per_second_ceiling: float | None = Field(
        description="What it may send at the moment; null means no limit."
    )
    capacity_connections: int | None = Field(
        description="How many connections it can keep alive at its part of "
        "REFRESHER_RATE_PER_SECOND; null means no limit."
    )

    @classmethod
    def of(cls, replica: Replica) -> Self:
        report = replica.report
        return cls(
            id=replica.id,
            started_at=replica.started_at,
            seen_at=replica.seen_at,
            shards=replica.shards,
            live_connections=report.live,
            renewals_waiting=report.waiting,
            unwritten_changes=report.unwritten,
            least_seconds_left=report.least_seconds_left,
            renewals_per_second_ceiling=report.rate_ceiling,
            capacity_connections=report.capacity,
        )


class RefresherOverview(Json):
    """All refreshers of the deployment."""

    replicas: list[RefresherReplica]
    shards: int = Field(description="Into how many parts all connections are divided.")
    shards_held: int = Field(description="How many of them are renewed by anybody.")
    token_life_seconds: float
    losses_of_last_hour: dict[LossCause, int] = Field(
        description="Connections that were lost, by cause; docs/metrics.md explains each."
    )

    @classmethod
    def of(cls, fleet: Fleet, *, token_life_seconds: float) -> Self:
        return cls(
            replicas=[RefresherReplica.of(replica) for replica in fleet.replicas],
            shards=SHARD_COUNT,
            shards_held=fleet.held,
            token_life_seconds=token_life_seconds,
            losses_of_last_hour=dict(fleet.losses),
        )
