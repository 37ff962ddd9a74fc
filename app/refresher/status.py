"""How a refresher is doing at this moment."""

from dataclasses import dataclass

from app.models.identifiers import ReplicaId
from app.models.replica import ReplicaReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RefresherStatus:
    """What one process does for the tokens right now. What it has done so far is in `Stats`.

    `live`: tokens that it keeps alive. `replicas`: refreshers that it sees, itself among them.
    `waiting`: renewals past half of a life and not yet sent. `unwritten`: tokens and losses that
    are not yet in the database. `database_away_seconds`: 0 when in touch. `least_seconds_left`: at
    a renewal, over the last one to two minutes; None when there was none. `rate_ceiling`: how many
    renewals per second it may make at the moment, and `capacity`: how many connections it can
    keep alive with them; None means no limit.
    """

    replica: ReplicaId
    live: int
    shards: int
    replicas: int
    in_flight: int
    waiting: int
    unwritten: int
    database_away_seconds: float
    least_seconds_left: float | None
    rate_ceiling: float | None
    capacity: int | None

    @property
    def report(self) -> ReplicaReport:
        """What others get to know of it."""
        return ReplicaReport(
            live=self.live,
            waiting=self.waiting,
            unwritten=self.unwritten,
            least_seconds_left=self.least_seconds_left,
            rate_ceiling=self.rate_ceiling,
            capacity=self.capacity,
        )
