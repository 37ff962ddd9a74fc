"""The live picture in numbers."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Self

from pydantic import Field

from app.history import History, Moment
from app.metrics import VERSION
from app.models.connection import ConnectionStatus
from app.web.schemas.json import Instant, Json


class InfobipHealth(StrEnum):
    """Whether Infobip renews tokens, by this process's attempts of the last minute."""

    ANSWERING = "answering"
    TROUBLED = "troubled"
    SILENT = "silent"
    UNKNOWN = "unknown"


class PictureMoment(Json):
    """How it was. Rates are of this process since the moment before; null where it has none."""

    at: Instant
    database: bool
    live_connections: int | None
    least_seconds_left: float | None
    renewals_per_second: float | None
    failures_per_second: float | None


class SecondsLeft(Json):
    """Renewals of the last minute by what was left of the token's life.

    `counts` has one more than `bounds`, for what was above them all.
    """

    bounds: list[float]
    counts: list[int]


class Picture(Json):
    """How the deployment is doing, as far as this process knows."""

    version: str
    token_life_seconds: float
    database: bool = Field(description="Whether it was there when it was asked last.")
    infobip: InfobipHealth
    connections: dict[ConnectionStatus, int] | None = Field(
        description="How many there are, right to a quarter of a minute; null when not known."
    )
    seconds_left: SecondsLeft | None = Field(description="Null without a refresher here.")
    moments: list[PictureMoment] = Field(description="Of the last hour, the oldest first.")

    @classmethod
    def of(
        cls,
        history: History,
        *,
        connections: Mapping[ConnectionStatus, int] | None,
        token_life_seconds: float,
    ) -> Self:
        moments, recent = history.moments, history.recent
        return cls(
            version=VERSION,
            token_life_seconds=token_life_seconds,
            database=moments[-1].database if moments else False,
            infobip=_health(recent),
            connections=dict(connections) if connections is not None else None,
            seconds_left=(
                SecondsLeft(bounds=list(history.bounds), counts=_gained(recent))
                if history.renews
                else None
            ),
            moments=[_shown(before, now, history.renews) for before, now in pairwise(moments)],
        )


def _health(recent: Sequence[Moment]) -> InfobipHealth:
    if not recent:
        return InfobipHealth.UNKNOWN
    renewals = recent[-1].renewals - recent[0].renewals
    failures = recent[-1].failures - recent[0].failures
    if not failures:
        return InfobipHealth.ANSWERING if renewals else InfobipHealth.UNKNOWN
    return InfobipHealth.TROUBLED if renewals else InfobipHealth.SILENT


def _gained(recent: Sequence[Moment]) -> list[int]:
    if not recent:
        return []
    before, now = recent[0].seconds_left, recent[-1].seconds_left
    return [later - earlier for earlier, later in zip(before, now, strict=True)]


def _shown(before: Moment, now: Moment, renews: bool) -> PictureMoment:
    seconds = max((now.at - before.at).total_seconds(), 0.001)
    return PictureMoment(
        at=now.at,
        database=now.database,
        live_connections=now.live,
        least_seconds_left=now.least_seconds_left,
        renewals_per_second=(now.renewals - before.renewals) / seconds if renews else None,
        failures_per_second=(now.failures - before.failures) / seconds if renews else None,
    )
