"""Authorisation flows that are under way: from the redirect to Authorize until the callback."""

from dataclasses import dataclass
from enum import StrEnum


class Surface(StrEnum):
    """Where in Infobip's web interface our page is framed; also the entry route's name."""

    CONTEXT_CARD = "context-card"
    SETTINGS = "settings"


Params = tuple[tuple[str, str], ...]
"""Query parameters in their order, repeated names included; never `state`."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What the callback needs to know of the load that began it."""

    surface: Surface
    params: Params
