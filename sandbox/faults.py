"""Faults that were ordered: what goes wrong where, how often, and how many times."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from sandbox.settings import CamelModel

Target = Literal["token", "refresh", "exchange", "authorize", "api"]
Kind = Literal[
    "error500",
    "error503",
    "throttle429",
    "hang",
    "slow",
    "slowAfter",
    "drop",
    "dropAfter",
    "html",
    "empty",
    "noToken",
    "text",
    "refuse",
]

_TOKEN_TARGETS = ("token", "refresh", "exchange")
_CHANCE = secrets.SystemRandom()


class Fault(CamelModel):
    """One kind of misbehaviour. ``slow``, ``slowAfter`` and ``dropAfter`` do what was asked."""

    target: Target
    """``token`` is every token request, ``refresh`` and ``exchange`` one kind of them."""
    kind: Kind
    rate: float = Field(default=1, ge=0, le=1)
    times: int | None = Field(default=None, ge=1)
    """Strike this often, then no more; without it, until the faults are changed."""
    retry_after: int | None = Field(default=None, ge=0, le=86_400)
    """Seconds for the ``Retry-After`` header of ``throttle429`` and ``error503``."""
    delay_seconds: float | None = Field(default=None, ge=0, le=600)
    """Wait this long, in real time: after acting where the kind is ``slowAfter``, else before.
    The slow kinds need it, every other one may have it."""
    status: int | None = Field(default=None, ge=200, le=599)
    """Status of ``html``, ``empty`` and ``text``, which is 200 by default."""

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> Self:
        if self.kind in ("slow", "slowAfter") and self.delay_seconds is None:
            raise ValueError(f"{self.kind} needs delaySeconds")
        if self.retry_after is not None and self.kind not in ("throttle429", "error503"):
            raise ValueError("retryAfter is for throttle429 and error503")
        if self.status is not None and self.kind not in ("html", "empty", "text"):
            raise ValueError("status is for html, empty and text")
        if self.kind == "noToken" and self.target not in _TOKEN_TARGETS:
            raise ValueError("noToken is for token, refresh and exchange")
        return self


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None
    struck: int = 0


class Faults:
    """The ordered faults. For each request the first one that fits and strikes is taken."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def replace(self, faults: Iterable[Fault]) -> None:
        """Forget the ordered faults and take these."""
        self._armed = [_Armed(fault, fault.times) for fault in faults]

    def strike(self, *targets: Target) -> Fault | None:
        """Decide whether a request that is any of ``targets`` goes wrong, and how."""
        for armed in self._armed:
            if armed.fault.target not in targets or armed.left == 0:
                continue
            if armed.fault.rate < 1 and _CHANCE.random() >= armed.fault.rate:
                continue
            armed.struck += 1
            if armed.left is not None:
                armed.left -= 1
            return armed.fault
        return None

    def as_json(self) -> list[dict[str, object]]:
        """Every ordered fault with how often it struck and (if counted) how often it still will."""
        return [
            {
                **armed.fault.model_dump(exclude_none=True),
                "struck": armed.struck,
                "left": armed.left,
            }
            for armed in self._armed
        ]
