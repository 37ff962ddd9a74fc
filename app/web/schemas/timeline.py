"""A connection's timeline, as the admin API shows it."""

from uuid import UUID

from pydantic import Field

from app.models.timeline import TimelineEvent
from app.web.schemas.json import Instant, Json


class TimelineEntry(Json):
    """Something that happened to a connection.

    `signed_in` and `retried` are one entry for ten minutes, however often they came.
    """

    event: TimelineEvent
    at: Instant = Field(description="When it happened, or happened first.")
    last_at: Instant = Field(description="When it happened last.")
    times: int = Field(description="How often it happened.")
    cause: str | None = Field(
        description="Of `lost`: why. Of `retried`: why the last of the failed attempts failed. "
        "The words are those of `reason` in docs/metrics.md."
    )
    attempts: int | None = Field(description="How many attempts at a renewal had failed.")
    replica: UUID | None = Field(description="Of `taken_over`: the refresher that has it now.")


class Timeline(Json):
    """The newest first."""

    items: list[TimelineEntry]
