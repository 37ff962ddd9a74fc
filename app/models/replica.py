"""Refreshers, as they tell each other and the operator how they are doing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.models.connection import LossCause
from app.models.identifiers import ReplicaId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaReport:
    """What one says of itself. See `RefresherStatus` for what the numbers mean."""

    live: int
    waiting: int = 0
    unwritten: int = 0
    least_seconds_left: float | None = None
    rate_ceiling: float | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One, as it was when it was last seen. `shards` is what it owns now."""

    id: ReplicaId
    started_at: datetime
    seen_at: datetime
    shards: int
    report: ReplicaReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All refreshers of the deployment. `held` is how many shards are renewed by anybody.

    `losses` are those of the last hour.
    """

    replicas: Sequence[Replica]
    held: int
    losses: Mapping[LossCause, int]
